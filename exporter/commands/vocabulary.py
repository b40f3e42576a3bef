"""Which words does each command take? Nothing heavy is imported: `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.commands import taken

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        required=True,
        type=Path,
        metavar="FILE",
        help="the configuration, in YAML (docs/configuration.md)",
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="say what is wrong in the configuration, and end",
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="audit part I of N, from 0; auto/N: the number at the end of the pod's name",
    )


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subjects",
        nargs="*",
        metavar="REF|REGISTRY",
        help="an image, or a host for all its tags (default: what --config or --refs names)",
    )
    taken.listed(parser, "a file of images: one a line, or YAML")
    taken.tags(parser)
    taken.common(parser)


def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs=1, metavar="REF")
    taken.listed(parser, "a file of images in use, to say who needs it")
    taken.common(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject", metavar="REF|DIGEST", help="an image; a digest alone needs --from"
    )
    taken.listed(parser, "a file of images in use, to say who needs it")
    taken.common(parser)


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "subjects",
        nargs="?",
        metavar="REGISTRY",
        help="a registry's host (default: the one of --config)",
    )
    taken.listed(parser, "a file of images: one a line, or YAML")
    parser.set_defaults(tags=None, exclude_tags=[])
    taken.asking(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="what `snapshot` kept before")
    parser.add_argument("new", type=Path, metavar="NEW", help="what it kept after")
    taken.saying(parser)


def _protect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="as for check")
    taken.listed(parser, "a file of images: one a line, or YAML")
    parser.add_argument(
        "--tags",
        action="append",
        metavar="PATTERN",
        help="of a registry: children of these tags too",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="children of every tag, also of those that are only selected",
    )
    parser.add_argument(
        "--prefix", default="keep", help="the names are PREFIX-DIGEST (default: %(default)s)"
    )
    parser.add_argument(
        "--apply", action="store_true", help="set the tags (default: only name them)"
    )
    parser.set_defaults(exclude_tags=[])
    taken.common(parser)


def _scrub(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="as for check")
    taken.listed(parser, "a file of images: one a line, or YAML")
    taken.tags(parser)
    how = parser.add_argument_group("how bytes are read")
    how.add_argument(
        "--limit-rate",
        metavar="SIZE",
        help="most bytes read in a second, such as 20MiB (default: as configured, or no limit)",
    )
    how.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="remember here what was read, and read none of it again",
    )
    how.add_argument(
        "--period",
        metavar="DURATION",
        help="read nothing twice within it (default: as configured, or 30d)",
    )
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
    taken.saving(parser)


def _preflight(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("the registry, as one of")
    where.add_argument(
        "--storage",
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="its root directory; gs:// and az:// too",
    )
    where.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="what `check --save` or `snapshot` wrote",
    )
    taken.store(where)
    where.add_argument(
        "--plain-http", action="store_true", help="ask the object store over http, without TLS"
    )
    _about_to_run(parser.add_argument_group("what is about to be run"))
    _who_needs_what(parser.add_argument_group("who needs what"))
    parser.add_argument(
        "--output",
        choices=("text", "json", "markdown", "removed"),
        default="text",
        help="removed: the files that would go",
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def _about_to_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gc", choices=("distribution-2", "distribution-3"), help="this registry's own collector"
    )
    group.add_argument(
        "--delete-untagged",
        action="store_true",
        help="the collection is run with --delete-untagged (-m)",
    )
    group.add_argument(
        "--plan", metavar="FILE|-", help="what another tool says that it would delete, or did"
    )
    group.add_argument(
        "--delete",
        nargs="+",
        default=[],
        metavar="REF",
        help="repository:tag, repository@digest, or repository:tag@digest if that tag may go",
    )
    group.add_argument(
        "--as",
        dest="way",
        choices=("api", "folder"),
        default="api",
        help="how --delete is done: by the API, or by a script that removes folders (default: api)",
    )


def _who_needs_what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--refs",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a file of images in use: one a line, or YAML",
    )
    taken.kube(group)
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="take references, clusters and classes from the configuration of serve",
    )
    group.add_argument(
        "--registry",
        action="append",
        default=[],
        metavar="HOST",
        help="how references name the registry (default: by any host)",
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
        "subjects",
        nargs="?",
        metavar="REGISTRY",
        help="a registry's host (default: those of --config)",
    )
    export.add_argument("--to", required=True, metavar="DIR|s3://BUCKET[/ROOT]")
    taken.store(export)
    export.add_argument(
        "--keep",
        type=int,
        default=3,
        metavar="N",
        help="how many audits of a shard stay (default: %(default)s)",
    )
    export.add_argument(
        "--shard", metavar="I/N", help="only part I of N, counted from 0, of limits too"
    )
    export.add_argument(
        "--refs", type=Path, metavar="FILE", help="a file of images: one a line, or YAML"
    )
    taken.kube(export)
    export.add_argument(
        "--from", dest="saved", type=Path, metavar="FILE", help="what `snapshot` wrote"
    )
    export.set_defaults(tags=None, exclude_tags=[])
    taken.asking(export)


def _capacity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--facts", required=True, metavar="DIR|s3://BUCKET[/ROOT]")
    taken.store(parser)
    parser.add_argument(
        "--registry",
        action="append",
        metavar="NAME",
        help="only this one (default: every registry that has facts)",
    )
    parser.add_argument(
        "--max-age",
        default="1d",
        metavar="DURATION",
        help="refuse facts that are older (default: %(default)s)",
    )
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument(
        "--memory-limit",
        default="2GB",
        metavar="SIZE",
        help="memory of duckdb; what is more goes to the disk (default: %(default)s)",
    )
    parser.add_argument(
        "--master",
        metavar="URL",
        help="where Spark is: local[*], spark://…, sc://… (default: as it is configured)",
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        default="127.0.0.1:10470",
        metavar="ADDRESS:PORT",
        help="address of the web server (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="a new folder, in which its storage is made and kept (default: it is removed)",
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


VOCABULARY: Final[Mapping[str, Callable[[argparse.ArgumentParser], None]]] = {
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
