"""`demo`: the exporter on embedded registries, one with broken images."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from exporter.commands import Refused
from exporter.commands.answer import style
from exporter.config.loading import Misconfigured, load
from exporter.demo import configuration, storage_tree
from exporter.demo.embedded_registry import EmbeddedRegistry, served
from exporter.facts.snapshot import Role
from exporter.publish.answers import check
from exporter.publish.render import terminal
from exporter.publish.status import RegistryStatus
from exporter.serve.logs import configure
from exporter.serve.loop_thread import in_background
from exporter.wiring.service import Service, Unstartable

_LOOK_EVERY: Final = 0.1
_MOST_TAGS: Final = 100
_PLACES: Final = """
The registry   http://{registry}  (read-only; skopeo and crane can pull from it)
The exporter   http://{exporter}/  status page
               http://{exporter}/metrics
               http://{exporter}/report.json
Try            curl -s http://{exporter}/metrics | grep pullproof_tag_missing_children
               pullproof inspect {registry}/shop/checkout:2.4.1 --plain-http
Stop it with Ctrl-C.
"""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command: it ends when it is interrupted."""
    configure("warning")
    try:
        with _folder(args.folder) as folder:
            asyncio.run(_show(args, folder, environ))
    except Misconfigured as error:
        raise Refused(f"--listen: {error.faults[0].text}") from error
    except Unstartable as error:
        raise Refused(f"{error}; use --listen for another address") from error
    except OSError as error:
        raise Refused(f"{args.folder or 'the demo folder'}: {error.strerror}") from error
    return 0


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    """Make a folder for the storage: kept if it was named, else removed at the end."""
    if chosen is None:
        with TemporaryDirectory(prefix="pullproof-demo-") as made:
            yield Path(made)
    else:
        try:
            chosen.mkdir(parents=True)
        except FileExistsError as error:
            raise Refused(f"--folder: {chosen} exists already; name a new folder") from error
        yield chosen.absolute()


async def _show(args: argparse.Namespace, folder: Path, environ: Mapping[str, str]) -> None:
    stock = storage_tree.stock(folder / "registry")
    storage_tree.litter(stock)
    owned = EmbeddedRegistry.of(folder / "registry", lying_cache=True)
    # The cache is older than the cleanup: from here on it answers for bytes that are gone.
    storage_tree.suffer(stock)
    storage_tree.mirror(folder / "mirror")
    mirror = EmbeddedRegistry.of(folder / "mirror")
    async with served(owned) as host, served(mirror) as other:
        path = configuration.write(folder, owned=host, mirror=other, listen=args.listen)
        service = Service(path, load(path, environ), environ)
        async with in_background(_tell(style(args), service, host)):
            await service.run()


async def _tell(style: terminal.Style, service: Service, registry: str) -> None:
    """Print the results of the first audits, and the addresses."""
    shown: Sequence[RegistryStatus] = ()
    while not (shown and all(each.audits for each in shown)):
        await asyncio.sleep(_LOOK_EVERY)
        shown = service.board.app_state.statuses
    reports = [each.report for each in shown if each.report]
    reports.sort(key=lambda report: report.snapshot.role is Role.PROXY)
    again = service.board.app_state.invocation
    sys.stdout.write(terminal.render(check.blocks(reports, _MOST_TAGS, again), style))
    sys.stdout.write(_PLACES.format(exporter=service.address, registry=registry))
    sys.stdout.flush()
