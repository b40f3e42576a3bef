"""What was typed, and which command answers it? Words in, an exit code out; no logic.

0: every image that was asked for can be pulled. 1: one cannot. 2: the command was not understood.
3: it could not be told, be it for a fault of our own. Heavy modules are imported by the commands
that need them, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from exporter import __version__
from exporter.commands import Refused, taken
from exporter.commands.about import ABOUT, PULLED

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: Final = 2
UNTOLD: Final = 3
_OUTPUT: Final = 1
"""The file descriptor; there is no `sys.stdout` where it was closed before the start."""
_INTERRUPTED: Final = 130
_READER_GONE: Final = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = _parser().parse_args(arguments)
    if words.command == "serve" and not words.check_config:
        _hear()
    try:
        command = importlib.import_module(f"exporter.commands.{words.command}")
        code = int(command.run(words, os.environ))
        sys.stdout.flush()
    except Refused as refused:
        print(f"pullproof: {refused}", file=sys.stderr)  # noqa: T201 - the terminal is ours
        return USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read the output went away
        _end_output()
        return _READER_GONE
    except Exception:  # noqa: BLE001 - the boundary of a command
        # Python would end with 1, which says that an image cannot be pulled: nothing proves that.
        traceback.print_exc()
        _end_output()
        return UNTOLD
    return code


def _hear() -> None:
    """Answer signals until the service does: a stop is a stop, and a reload has nothing to do yet.

    The first process of a container would not even notice what it does not ask for.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _end_output() -> None:
    """Drop what was not written yet: writing it at exit would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _OUTPUT)


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong: a whole usage would hide it."""

    def error(self, message: str) -> NoReturn:
        """End with what was not understood, and with where it is told what is."""
        self.exit(USAGE, f"{self.prog}: {message}; {self.prog} --help lists what there is\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pullproof",
        description="Proves that every image a cluster may need can still be pulled.",
        epilog=PULLED,
    )
    parser.add_argument("--version", action="version", version=f"pullproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in ABOUT.items():
        command = commands.add_parser(
            name, help=about.question, description=about.answer, epilog=about.exits
        )
        _OPTIONS[name](command)
    return parser


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", required=True, type=Path, metavar="FILE", help="YAML: docs/configuration.md"
    )
    parser.add_argument(
        "--check-config", action="store_true", help="read the configuration, say what is wrong, end"
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="audit the I-th of N parts, from 0; auto/N: the number that ends the pod's name",
    )


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subjects",
        nargs="*",
        metavar="REF|REGISTRY",
        help="an image, or a registry's host (all its tags); none: what --config or --refs names",
    )
    taken.listed(parser, "images, one a line, or YAML")
    taken.tags(parser)
    taken.common(parser)


def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs=1, metavar="REF")
    taken.listed(parser, "images in use: who needs it?")
    taken.common(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="REF|DIGEST", help="a DIGEST alone needs --from")
    taken.listed(parser, "images in use: who needs it?")
    taken.common(parser)


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "subjects", nargs="?", metavar="REGISTRY", help="a host; none: the one of --config"
    )
    taken.listed(parser, "images, one a line, or YAML")
    parser.set_defaults(tags=None, exclude_tags=[])
    taken.asking(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="what `snapshot` kept before")
    parser.add_argument("new", type=Path, metavar="NEW", help="and after")
    taken.saying(parser)


def _protect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="as for check")
    taken.listed(parser, "images, one a line, or YAML")
    parser.add_argument(
        "--tags", action="append", metavar="PATTERN", help="of a registry: children of these tags"
    )
    parser.add_argument("--all", action="store_true", help="children of every tag, not of live")
    parser.add_argument(
        "--prefix", default="keep", help="of the names: PREFIX-DIGEST (%(default)s)"
    )
    parser.add_argument("--apply", action="store_true", help="set the tags")
    parser.set_defaults(exclude_tags=[])
    taken.common(parser)


def _scrub(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="as for check")
    taken.listed(parser, "images, one a line, or YAML")
    taken.tags(parser)
    how = parser.add_argument_group("how bytes are read")
    how.add_argument("--limit-rate", metavar="SIZE", help="bytes a second, such as 20MiB")
    how.add_argument("--ledger", type=Path, metavar="FILE", help="go on where the last one ended")
    how.add_argument("--period", metavar="DURATION", help="nothing is read twice within it (30d)")
    how.add_argument(
        "--uncompressed", action="store_true", help="unpack layers too, and compare their diff ids"
    )
    how.add_argument(
        "--storage",
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="read from the registry's root directory (gs:// and az:// too), not over the API",
    )
    taken.store(how)
    taken.asking(parser)
    taken.saying(parser)
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep what was seen, for --from")


def _preflight(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("the registry, as one of")
    where.add_argument(
        "--storage",
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="its root directory (gs:// and az:// too)",
    )
    where.add_argument(
        "--from", dest="saved", type=Path, metavar="FILE", help="what `check --save` kept"
    )
    taken.store(where)
    where.add_argument("--plain-http", action="store_true", help="ask it over http, without TLS")
    _about_to_run(parser.add_argument_group("what is about to be run"))
    _who_needs_what(parser.add_argument_group("who needs what"))
    parser.add_argument(
        "--output",
        choices=("text", "json", "markdown", "removed", "log"),
        default="text",
        help="removed: the files that would go; log: what the real dry run would print",
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def _about_to_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gc", choices=("distribution-2", "distribution-3"), help="this registry's own collector"
    )
    group.add_argument("--delete-untagged", action="store_true", help="as it is told with -m")
    group.add_argument(
        "--plan", metavar="FILE|-", help="what another tool says it would delete, or did"
    )
    group.add_argument(
        "--delete",
        nargs="+",
        default=[],
        metavar="REF",
        help="repository:tag, repository@digest, or repository:tag@digest where the tag is meant",
    )
    group.add_argument(
        "--as",
        dest="way",
        choices=("api", "folder"),
        default="api",
        help="by the registry's API, or by a script that removes folders",
    )


def _who_needs_what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--refs",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="images in use, one a line, or YAML",
    )
    taken.kube(group)
    group.add_argument("--config", type=Path, metavar="FILE", help="its references and classes")
    group.add_argument(
        "--registry",
        action="append",
        default=[],
        metavar="HOST",
        help="the registry's name in references; none: any",
    )


def _facts(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser(
        "export",
        help="audit once and write all that was seen",
        description="Audits a registry once, or takes a snapshot, and writes all that was seen.",
        epilog="exit: 0 written and complete, 2 not understood, 3 written with gaps, or not",
    )
    export.add_argument(
        "subjects", nargs="?", metavar="REGISTRY", help="a host; none: those of --config"
    )
    export.add_argument("--to", required=True, metavar="DIR|s3://BUCKET[/ROOT]")
    taken.store(export)
    export.add_argument(
        "--keep", type=int, default=3, metavar="N", help="audits of a shard that stay (%(default)s)"
    )
    export.add_argument("--shard", metavar="I/N", help="the I-th of N parts only, from 0")
    export.add_argument("--refs", type=Path, metavar="FILE", help="images, one a line, or YAML")
    taken.kube(export)
    export.add_argument("--from", dest="saved", type=Path, metavar="FILE", help="a kept snapshot")
    export.set_defaults(tags=None, exclude_tags=[])
    taken.asking(export)


def _capacity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--facts", required=True, metavar="DIR|s3://BUCKET[/ROOT]")
    taken.store(parser)
    parser.add_argument(
        "--registry", action="append", metavar="NAME", help="none: every registry that has facts"
    )
    parser.add_argument(
        "--max-age", default="1d", metavar="DURATION", help="of a shard's facts (%(default)s)"
    )
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument(
        "--memory-limit",
        default="2GB",
        metavar="SIZE",
        help="of duckdb (%(default)s); more goes to the disk",
    )
    parser.add_argument(
        "--master", metavar="URL", help="of spark: local[*], spark://…, sc://…; none: as configured"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        default="127.0.0.1:10470",
        metavar="ADDRESS:PORT",
        help="of the web server (%(default)s)",
    )
    parser.add_argument("--folder", type=Path, help="a new one, where its storage is made and kept")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


_OPTIONS: Final = {
    "serve": _serve,
    "check": _check,
    "inspect": _inspect,
    "explain": _explain,
    "snapshot": _snapshot,
    "diff": _diff,
    "protect": _protect,
    "scrub": _scrub,
    "preflight": _preflight,
    "facts": _facts,
    "capacity": _capacity,
    "demo": _demo,
}
