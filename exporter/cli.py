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
from typing import TYPE_CHECKING, Final

from exporter import __version__
from exporter.commands import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: Final = 2
UNTOLD: Final = 3
_OUTPUT: Final = 1
"""The file descriptor; there is no `sys.stdout` where it was closed before the start."""
_INTERRUPTED: Final = 130
_READER_GONE: Final = 141
_FORESEEN: Final = "exit: 0 SAFE, 1 UNSAFE, 2 not understood, 3 INCOMPLETE"
_TOLD: Final = "exit: 0 told, 2 not understood, 3 cannot be told"
_EXITS: Final = "exit: 0 can be pulled, 1 cannot, 2 not understood, 3 could not be told"


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pullproof",
        description="Proves that every image a cluster may need can still be pulled.",
        epilog=_EXITS,
    )
    parser.add_argument("--version", action="version", version=f"pullproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serve(commands.add_parser("serve", help="audit on a clock: metrics, alerts, status page"))
    _check(commands.add_parser("check", help="can these images be pulled?", epilog=_EXITS))
    _inspect(commands.add_parser("inspect", help="what is below one image?", epilog=_EXITS))
    _explain(commands.add_parser("explain", help="who needs this image, and what protects it?"))
    _snapshot(commands.add_parser("snapshot", help="keep what is seen of a whole registry"))
    _diff(commands.add_parser("diff", help="what did a cleanup change, and what did it break?"))
    _protect(commands.add_parser("protect", help="tags that keep children from a collection"))
    _scrub(commands.add_parser("scrub", help="are all bytes still right? reads them whole"))
    _preflight(
        commands.add_parser(
            "preflight", help="whom would this collection or deletion hurt?", epilog=_FORESEEN
        )
    )
    _facts(commands.add_parser("facts", help="what was seen, as Parquet for other engines"))
    _capacity(
        commands.add_parser(
            "capacity", help="what a whole registry holds, and for what", epilog=_TOLD
        )
    )
    _demo(commands.add_parser("demo", help="the exporter on a registry with the incident in it"))
    return parser


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, type=Path, metavar="FILE")
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
    _listed(parser, "images, one a line, or YAML")
    _tags(parser)
    _common(parser)


def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs=1, metavar="REF")
    _listed(parser, "images in use: who needs it?")
    _common(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "exit: 0 answered, 2 not understood, 3 nothing could be seen"
    parser.add_argument("subject", metavar="REF|DIGEST", help="a DIGEST alone needs --from")
    _listed(parser, "images in use: who needs it?")
    _common(parser)


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "exit: 0 kept and complete, 2 not understood, 3 kept, with gaps"
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "subjects", nargs="?", metavar="REGISTRY", help="a host; none: the one of --config"
    )
    _listed(parser, "images, one a line, or YAML")
    parser.set_defaults(tags=None, exclude_tags=[])
    _asking(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "exit: 0 nothing broke, 1 something did, 2 not understood, 3 cannot be told"
    parser.add_argument("old", type=Path, metavar="OLD", help="what `snapshot` kept before")
    parser.add_argument("new", type=Path, metavar="NEW", help="and after")
    _saying(parser)


def _protect(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "exit: 0 all are protected, 1 some are not, 2 not understood, 3 cannot be told"
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="as for check")
    _listed(parser, "images, one a line, or YAML")
    parser.add_argument(
        "--tags", action="append", metavar="PATTERN", help="of a registry: children of these tags"
    )
    parser.add_argument("--all", action="store_true", help="children of every tag, not of live")
    parser.add_argument("--prefix", default="keep", help="of the names: PREFIX-DIGEST")
    parser.add_argument("--apply", action="store_true", help="set the tags")
    parser.set_defaults(exclude_tags=[])
    _common(parser)


def _scrub(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EXITS
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="as for check")
    _listed(parser, "images, one a line, or YAML")
    _tags(parser)
    how = parser.add_argument_group("how bytes are read")
    how.add_argument("--limit-rate", metavar="SIZE", help="bytes a second, such as 20MiB")
    how.add_argument("--ledger", type=Path, metavar="FILE", help="go on where the last one ended")
    how.add_argument("--period", metavar="DURATION", help="nothing is read twice within it (30d)")
    how.add_argument(
        "--storage",
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="read from the registry's root directory (gs:// and az:// too), not over the API",
    )
    _store(how)
    _asking(parser)
    _saying(parser)
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep what was seen")


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
    _store(where)
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


def _tags(parser: argparse.ArgumentParser) -> None:
    """Add which tags of a whole registry are meant."""
    parser.add_argument(
        "--tags", action="append", metavar="PATTERN", help="of a registry: only these tags"
    )
    parser.add_argument(
        "--exclude-tags", action="append", default=[], metavar="PATTERN", help="but not these"
    )


def _listed(parser: argparse.ArgumentParser, what: str) -> None:
    """Add where it stands what is in use: in a file, in a cluster."""
    parser.add_argument("--refs", type=Path, metavar="FILE", help=what)
    _kube(parser)


def _kube(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--kube",
        nargs="?",
        const="",
        metavar="CONTEXT",
        help="ask a cluster too what is in use; no name: the current context",
    )


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
    _kube(group)
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
    export = actions.add_parser("export", help="audit once and write all that was seen")
    export.epilog = "exit: 0 written and complete, 2 not understood, 3 written with gaps, or not"
    export.add_argument(
        "subjects", nargs="?", metavar="REGISTRY", help="a host; none: those of --config"
    )
    export.add_argument("--to", required=True, metavar="DIR|s3://BUCKET[/ROOT]")
    _store(export)
    export.add_argument("--keep", type=int, default=3, metavar="N", help="audits of each shard")
    export.add_argument("--shard", metavar="I/N", help="the I-th of N parts only, from 0")
    export.add_argument("--refs", type=Path, metavar="FILE", help="images, one a line, or YAML")
    _kube(export)
    export.add_argument("--from", dest="saved", type=Path, metavar="FILE", help="a kept snapshot")
    export.set_defaults(tags=None, exclude_tags=[])
    _asking(export)


def _capacity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--facts", required=True, metavar="DIR|s3://BUCKET[/ROOT]")
    _store(parser)
    parser.add_argument(
        "--registry", action="append", metavar="NAME", help="none: every registry that has facts"
    )
    parser.add_argument("--max-age", default="1d", metavar="DURATION", help="of a shard's facts")
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument(
        "--memory-limit", default="2GB", metavar="SIZE", help="of duckdb; more goes to the disk"
    )
    parser.add_argument(
        "--master", metavar="URL", help="of spark: local[*], spark://…, sc://…; none: as configured"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _store(group: argparse._ActionsContainer) -> None:
    """Add how an object store is reached."""
    group.add_argument("--endpoint", metavar="URL", help="of an S3 that is not Amazon's")
    group.add_argument("--region", metavar="NAME")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default="127.0.0.1:10470", metavar="ADDRESS:PORT")
    parser.add_argument("--folder", type=Path, help="where its storage is made, and kept")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def _common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that looks once and says what it saw."""
    _asking(parser)
    _saying(parser)
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep what was seen")
    parser.add_argument(
        "--from", dest="saved", type=Path, metavar="FILE", help="judge what was kept; ask nothing"
    )


def _asking(parser: argparse.ArgumentParser) -> None:
    """Add how registries are asked."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="registries and credentials")
    parser.add_argument("--plain-http", action="store_true", help="ask over http, without TLS")
    parser.add_argument("--ca-file", type=Path, metavar="PEM", help="trusted beside the system's")
    parser.add_argument("--username", metavar="NAME")
    parser.add_argument("--password-stdin", action="store_true", help="read the password or token")
    parser.add_argument("--docker-config", type=Path, metavar="FILE", help="default: as docker")
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="OS/ARCH",
        help="must run it; none: every platform that is offered",
    )
    parser.add_argument("--concurrency", type=int, default=16, metavar="N")
    parser.add_argument("--requests-per-second", type=float, metavar="N")
    parser.add_argument("--timeout", default="30s", metavar="DURATION", help="of one request")
    parser.add_argument("--confirm-after", metavar="DURATION", help="before a second look")
    parser.add_argument("--head-only", action="store_true", help="believe headers (no proof)")


def _saying(parser: argparse.ArgumentParser) -> None:
    """Add how an answer is said."""
    parser.add_argument("--output", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
