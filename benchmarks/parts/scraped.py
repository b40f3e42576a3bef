"""100,000 series to scrape, served in a process of their own.

    python -m benchmarks.parts.scraped FOLDER

serves them by the product over plain http and over TLS, and by prometheus_client; prints where as
one line of JSON, and ends with its standard input. FOLDER holds the certificates.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporter.facts.snapshot import Sealed
from exporter.oci.reference import Repository
from exporter.publish.exposition import Exposition
from exporter.publish.limits import Limits
from exporter.publish.metrics import render
from exporter.publish.standing import Picture
from exporter.publish.web.app import Shell, application
from exporter.publish.web.entrance import listening
from exporter.publish.web.gate import Gate
from exporter.publish.web.probe import NotProbed
from tests.parts.certificates import authority
from tests.publish.reports import MISSING, attestation, child, picture, report, standing, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import Report
    from exporter.publish.web.probe import Asked

_REPOSITORIES: Final = 2_000
_TAGS: Final = 10_000
"""As many as have series of their own by default; every tenth has lost a platform."""
_LOOPBACK: Final = "127.0.0.1"


class Served(msgspec.Struct, frozen=True):
    """Where to scrape, and how much there is."""

    plain: int
    tls: int
    peer: int
    """Ports on the loopback."""
    authority: str
    """A PEM file: whom to trust on the TLS port."""
    series: int


@dataclass(frozen=True, slots=True)
class _Board:
    picture: Picture
    exposition: Exposition


@dataclass(frozen=True, eq=False)
class _Ready(Collector):
    """prometheus_client's custom collector, spared the work of collecting."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


async def main(folder: Path) -> None:
    """Serve until nobody wants it any more."""
    shown = _picture()
    exposition = render(shown, Limits())
    text = exposition.text.plain.decode()
    trusted = authority(folder)
    config = _web_config(folder, trusted.sign("exporter").certificate.parent)
    async with AsyncExitStack() as stack:
        board = _Board(shown, exposition)
        plain = await _listen(stack, board, None)
        tls = await _listen(stack, board, config)
        families = tuple(text_string_to_metric_families(text))
        peer = CollectorRegistry()
        peer.register(_Ready(families))
        server, _ = start_http_server(0, _LOOPBACK, peer)
        series = text.count("\npullproof_")
        trust = str(trusted.certificate)
        where = Served(plain, tls, server.server_port, trust, series)
        print(msgspec.json.encode(where).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.shutdown()


async def _listen(stack: AsyncExitStack, board: _Board, config: Path | None) -> int:
    gate = Gate({})
    app = application(Shell(board, lambda: 0.0, _no_reload, _no_probe), gate)
    entrance = await stack.enter_async_context(listening(app, gate, [(_LOOPBACK, 0)], config))
    return entrance.addresses[0][1]


async def _no_reload() -> str | None:
    return None


async def _no_probe(asked: Asked) -> Report:
    raise NotProbed(str(asked.reference))


def _web_config(folder: Path, pair: Path) -> Path:
    path = folder / "web.yml"
    files = {"cert_file": str(pair / "tls.crt"), "key_file": str(pair / "tls.key")}
    path.write_bytes(msgspec.json.encode({"tls_server_config": files}))  # JSON is YAML
    return path


def _picture() -> Picture:
    names = [f"team-{number % 50}/app-{number}" for number in range(_REPOSITORIES)]
    verdicts = (
        tag(
            f"{names[number % _REPOSITORIES]}:v1.{number}",
            child("amd64", name=f"amd64 {number}"),
            child("arm64", *(() if number % 10 else (MISSING,)), name=f"arm64 {number}"),
            attestation(name=f"attestation {number}"),
        )
        for number in range(_TAGS)
    )
    sealed = {Repository(name): Sealed({}) for name in names}
    return picture(standing(report(*verdicts, sealed=sealed)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
