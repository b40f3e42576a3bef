"""The options and arguments of each command. Nothing heavy is imported: `--help` is fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from exporter.commands import taken


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        required=True,
        type=Path,
        metavar="FILE",
        help="Configuration file, in YAML (docs/configuration.md)",
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="Validate the configuration and exit",
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="Audit shard I of N, counted from 0; auto/N takes I from the end of the pod's name",
    )


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subjects",
        nargs="*",
        metavar="REF|REGISTRY",
        help="An image, or a registry host for all its tags (default: those of --config or --refs)",
    )
    taken.listed(parser, "File with images: one per line, or YAML")
    taken.tags(parser)
    taken.common(parser)


def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs=1, metavar="REF", help="An image")
    taken.listed(parser, "File with images in use, to show who uses it")
    taken.common(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject", metavar="REF|DIGEST", help="An image; a digest alone needs --from"
    )
    taken.listed(parser, "File with images in use, to show who uses it")
    taken.common(parser)


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="Snapshot file to write")
    parser.add_argument(
        "subjects",
        nargs="?",
        metavar="REGISTRY",
        help="Registry host (default: the one of --config)",
    )
    taken.listed(parser, "File with images: one per line, or YAML")
    parser.set_defaults(tags=None, exclude_tags=[])
    taken.asking(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="Snapshot taken before")
    parser.add_argument("new", type=Path, metavar="NEW", help="Snapshot taken after")
    taken.saying(parser)


def _protect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="As for check")
    taken.listed(parser, "File with images: one per line, or YAML")
    parser.add_argument(
        "--tags",
        action="append",
        metavar="PATTERN",
        help="Also protect children of these tags of a registry",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="Protect children of every tag, including those that are only selected",
    )
    parser.add_argument(
        "--prefix", default="keep", help="Name keep tags PREFIX-DIGEST (default: %(default)s)"
    )
    parser.add_argument(
        "--apply", action="store_true", help="Set the keep tags (default: only list them)"
    )
    parser.set_defaults(exclude_tags=[])
    taken.common(parser)


def _scrub(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="*", metavar="REF|REGISTRY", help="As for check")
    taken.listed(parser, "File with images: one per line, or YAML")
    taken.tags(parser)
    how = parser.add_argument_group("how data is read")
    how.add_argument(
        "--limit-rate",
        metavar="SIZE",
        help="Maximum bytes per second, such as 20MiB (default: as configured, or no limit)",
    )
    how.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="Record verified data in this file, and skip it next time",
    )
    how.add_argument(
        "--period",
        metavar="DURATION",
        help="Read no data twice within this period (default: as configured, or 30d)",
    )
    how.add_argument(
        "--uncompressed", action="store_true", help="Also unpack layers and compare their diff IDs"
    )
    how.add_argument(
        "--storage",
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="Read from the registry's root directory (also gs:// and az://), not over the API",
    )
    taken.store(how)
    taken.asking(parser)
    taken.saying(parser)
    taken.saving(parser)


def _preflight(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("registry, one of")
    where.add_argument(
        "--storage",
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="Root directory of the registry's storage; also gs:// and az://",
    )
    where.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="File written by `check --save` or `snapshot`",
    )
    taken.store(where)
    where.add_argument(
        "--plain-http", action="store_true", help="Use http for the object store, without TLS"
    )
    _about_to_run(parser.add_argument_group("planned operation"))
    _who_needs_what(parser.add_argument_group("images in use"))
    parser.add_argument(
        "--output",
        choices=("text", "json", "markdown", "removed"),
        default="text",
        help="Output format; removed: files to be removed",
    )
    taken.colour(parser)


def _about_to_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gc",
        choices=("distribution-2", "distribution-3"),
        help="The registry's own garbage collector",
    )
    group.add_argument(
        "--delete-untagged",
        action="store_true",
        help="Predict a garbage collection with --delete-untagged (-m)",
    )
    group.add_argument("--plan", metavar="FILE|-", help="Deletion plan or log of another tool")
    group.add_argument(
        "--delete",
        nargs="+",
        default=[],
        metavar="REF",
        help="Planned deletion: repository:tag, repository@digest, or repository:tag@digest",
    )
    group.add_argument(
        "--as",
        dest="way",
        choices=("api", "folder"),
        default="api",
        help="How --delete is done: over the API, or by removing folders (default: api)",
    )


def _who_needs_what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--refs",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="File with images in use: one per line, or YAML",
    )
    taken.kube(group)
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="Use references, clusters and classes of the configuration of serve",
    )
    group.add_argument(
        "--registry",
        action="append",
        default=[],
        metavar="HOST",
        help="Host of the registry in references (default: any host)",
    )


def _facts(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser(
        "export",
        help="Audit once and export the results",
        description="Audit a registry once, or read a snapshot, and export the results as Parquet.",
        epilog="Exit codes: 0 complete, 2 usage error, 3 exported with gaps, or not exported",
    )
    export.add_argument(
        "subjects",
        nargs="?",
        metavar="REGISTRY",
        help="Registry host (default: those of --config)",
    )
    export.add_argument(
        "--to",
        required=True,
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="Folder or bucket to export to",
    )
    taken.store(export)
    export.add_argument(
        "--keep",
        type=int,
        default=3,
        metavar="N",
        help="Number of exports to keep per shard (default: %(default)s)",
    )
    export.add_argument(
        "--shard",
        metavar="I/N",
        help="Audit only shard I of N, counted from 0, with its share of limits",
    )
    export.add_argument(
        "--refs", type=Path, metavar="FILE", help="File with images: one per line, or YAML"
    )
    taken.kube(export)
    export.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="Snapshot to export instead of auditing",
    )
    export.set_defaults(tags=None, exclude_tags=[])
    taken.asking(export)


def _capacity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--facts",
        required=True,
        metavar="DIR|s3://BUCKET[/ROOT]",
        help="Folder or bucket with the exports",
    )
    taken.store(parser)
    parser.add_argument(
        "--registry",
        action="append",
        metavar="NAME",
        help="Report only this registry (default: every exported one)",
    )
    parser.add_argument(
        "--max-age",
        default="1d",
        metavar="DURATION",
        help="Refuse older exports (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=("duckdb", "spark"),
        default="duckdb",
        help="Query engine (default: %(default)s)",
    )
    parser.add_argument(
        "--memory-limit",
        default="2GB",
        metavar="SIZE",
        help="Memory limit of DuckDB; it spills to disk beyond it (default: %(default)s)",
    )
    parser.add_argument(
        "--master",
        metavar="URL",
        help="Spark master: local[*], spark://…, sc://… (default: as Spark is configured)",
    )
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="Output format (default: %(default)s)",
    )


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        default="127.0.0.1:10470",
        metavar="ADDRESS:PORT",
        help="Address of the web server (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="New folder for its storage, which is kept (default: a temporary one)",
    )
    taken.colour(parser)


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
