"""The commands: their help, exit codes, options and arguments. Imports nothing heavy."""

import argparse
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from exporter.commands.shared_options import (
    Options,
    allow_empty,
    audit_once,
    bucket,
    choice,
    color,
    file,
    flag,
    kube,
    output,
    path,
    requests,
    save,
    tags,
    uses,
    value,
)

_PLACE: Final = "DIR|s3://BUCKET[/ROOT]"
_IMAGES: Final = "File with images: one per line, or YAML"
_IN_USE: Final = "File with images in use, to show who uses it"


class Subcommand(NamedTuple):
    """One command of the command line."""

    add: Callable[[argparse.ArgumentParser], None]
    """Adds its options and arguments."""
    help: str
    """In the list of commands."""
    description: str
    """At the head of its own help."""
    exit_codes: str = ""


def _serve(parser: argparse.ArgumentParser) -> None:
    text = "Configuration file, in YAML (docs/configuration.md)"
    file(parser, "--config", text, required=True)
    flag(parser, "--check-config", "Validate the configuration and exit")
    text = "With --check-config: also require that probes of URL (tcp, http, https) would succeed"
    value(parser, "--probed-at", "URL", text)
    flag(parser, "--watch-config", "Reload the configuration when its file changes")
    text = "Audit shard I of N, counted from 0; auto/N takes I from the end of the pod's name"
    value(parser, "--shard", "I/N", text)
    choice(parser, "--log-format", ("json", "text"), "Format of log lines")


def _check(parser: argparse.ArgumentParser) -> None:
    text = "An image, or a registry host for all its tags (default: those of --config or --refs)"
    value(parser, "subjects", "REF|REGISTRY", text, nargs="*")
    uses(parser, _IMAGES)
    tags(parser)
    flag(parser, "--all", "List every tag and every cause")
    audit_once(parser, "junit", "sarif", "github")


def _inspect(parser: argparse.ArgumentParser) -> None:
    value(parser, "subjects", "REF", "An image", nargs=1)
    uses(parser, _IN_USE)
    audit_once(parser)
    parser.set_defaults(attachments=True)


def _explain(parser: argparse.ArgumentParser) -> None:
    value(parser, "subjects", "REF|DIGEST", "An image; a digest alone needs --from")
    uses(parser, _IN_USE)
    audit_once(parser)


def _snapshot(parser: argparse.ArgumentParser) -> None:
    file(parser, "file", "Snapshot file to write")
    text = "Registry host (default: the one of --config)"
    value(parser, "subjects", "REGISTRY", text, nargs="?")
    uses(parser, _IMAGES)
    parser.set_defaults(tags=None, exclude_tags=[])
    allow_empty(parser)
    requests(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    file(parser, "old", "Snapshot taken before", "OLD")
    file(parser, "new", "Snapshot taken after", "NEW")
    text = "File with intended removals: a reference or a pattern of repository:tag per line"
    file(parser, "--intended", text, action="append", default=[])
    text = "Deletion plan or log of another tool: its deletions are intended; repeatable"
    value(parser, "--plan", "FILE|-", text, action="append", default=[])
    output(parser)


def _protect(parser: argparse.ArgumentParser) -> None:
    value(parser, "subjects", "REF|REGISTRY", "Images, or registry hosts, as for check", nargs="*")
    uses(parser, _IMAGES)
    text = "Also protect children of these tags of a registry"
    value(parser, "--tags", "PATTERN", text, action="append")
    text = "Protect children of every tag, including those that are only selected"
    flag(parser, "--all", text)
    text = "Name keep tags PREFIX-DIGEST (default: %(default)s)"
    parser.add_argument("--prefix", default="keep", help=text)
    flag(parser, "--apply", "Set the keep tags (default: only list them)")
    allow_empty(parser)
    parser.set_defaults(exclude_tags=[])
    audit_once(parser)


def _repair(parser: argparse.ArgumentParser) -> None:
    value(parser, "subjects", "REF|REGISTRY", "Images, or registry hosts, as for check", nargs="*")
    uses(parser, _IMAGES)
    text = "Where to look: REF, REGISTRY, or KIND:PATH (oci, oci-archive, docker-archive, storage)"
    value(parser, "--source", "SOURCE", text, action="append", default=[])
    value(parser, "--cause", "DIGEST", "Repair only the tags that this digest breaks")
    flag(parser, "--scrub", "Read and hash every byte first, to find corrupt data too")
    flag(parser, "--apply", "Upload the lost content (default: only list it)")
    text = "Also add keep tags to restored manifests, and tags that do not exist"
    flag(parser, "--keep-tags", text)
    text = "Docker config.json with credentials that may push (default: those for reading)"
    file(parser, "--push-docker-config", text)
    bucket(parser)
    tags(parser)
    nothing = dict.fromkeys(("limit_rate", "ledger", "period", "storage"))
    parser.set_defaults(uncompressed=False, **nothing)
    requests(parser)
    output(parser)


def _scrub(parser: argparse.ArgumentParser) -> None:
    value(parser, "subjects", "REF|REGISTRY", "Images, or registry hosts, as for check", nargs="*")
    uses(parser, _IMAGES)
    tags(parser)
    flag(parser, "--all", "List every tag and every cause")
    how = parser.add_argument_group("how data is read")
    text = "Maximum bytes per second, such as 20MiB (default: as configured, or no limit)"
    value(how, "--limit-rate", "SIZE", text)
    file(how, "--ledger", "Record verified data in this file, and skip it next time")
    text = "Read no data twice within this period (default: as configured, or 30d)"
    value(how, "--period", "DURATION", text)
    flag(how, "--uncompressed", "Also unpack layers and compare their diff IDs")
    text = "Read from the registry's root directory (also gs:// and az://), not over the API"
    value(how, "--storage", _PLACE, text)
    bucket(how)
    requests(parser)
    output(parser)
    save(parser)


def _preflight(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("registry, one of")
    text = "Root directory of the registry's storage; also gs:// and az://"
    value(where, "--storage", _PLACE, text)
    file(where, "--from", "File written by `check --save` or `snapshot`", dest="saved")
    bucket(where)
    flag(where, "--plain-http", "Use http for the object store, without TLS")
    _planned(parser.add_argument_group("planned operation"))
    _in_use(parser.add_argument_group("images in use"))
    output(parser, "removed", text="Output format; removed: files to be removed")


def _planned(group: Options) -> None:
    text = "The registry's own garbage collector"
    group.add_argument("--gc", choices=("distribution-2", "distribution-3", "zot"), help=text)
    text = "Predict a garbage collection with --delete-untagged (-m)"
    flag(group, "--delete-untagged", text)
    text = "Predict --gc although the snapshot's registry has another collector"
    flag(group, "--assume-collector", text)
    value(group, "--plan", "FILE|-", "Deletion plan or log of another tool")
    text = "Planned deletion: repository:tag, repository@digest, or repository:tag@digest"
    value(group, "--delete", "REF", text, nargs="+", default=[])
    text = "How --delete is done: over the API, or by removing folders"
    choice(group, "--as", ("api", "folder"), text, dest="way")


def _in_use(group: Options) -> None:
    text = "File with images in use: one per line, or YAML"
    file(group, "--refs", text, action="append", default=[])
    kube(group)
    file(group, "--config", "Use references, clusters and classes of the configuration of serve")
    text = "Host of the registry in references (default: any host)"
    value(group, "--registry", "HOST", text, action="append", default=[])


def _facts(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser(
        "export",
        help="Audit once and export the results",
        description="Audit a registry once, or read a snapshot, and export the results as Parquet.",
        epilog="Exit codes: 0 complete, 2 usage error, 3 exported with gaps, or not exported",
    )
    text = "Registry host (default: those of --config)"
    value(export, "subjects", "REGISTRY", text, nargs="?")
    value(export, "--to", _PLACE, "Folder or bucket to export to", required=True)
    bucket(export)
    text = "Number of exports to keep per shard (default: %(default)s)"
    value(export, "--keep", "N", text, type=int, default=3)
    text = "Audit only shard I of N, counted from 0, with its share of limits"
    value(export, "--shard", "I/N", text)
    uses(export, _IMAGES)
    file(export, "--from", "Snapshot to export instead of auditing", dest="saved")
    export.set_defaults(tags=None, exclude_tags=[])
    requests(export)


def _capacity(parser: argparse.ArgumentParser) -> None:
    value(parser, "--facts", _PLACE, "Folder or bucket with the exports", required=True)
    bucket(parser)
    text = "Report only this registry (default: every exported one)"
    value(parser, "--registry", "NAME", text, action="append")
    text = "Refuse older exports (default: %(default)s)"
    value(parser, "--max-age", "DURATION", text, default="1d")
    choice(parser, "--engine", ("duckdb", "spark"), "Query engine")
    text = "Memory limit of DuckDB; it spills to disk beyond it (default: %(default)s)"
    value(parser, "--memory-limit", "SIZE", text, default="2GB")
    text = "Spark master: local[*], spark://…, sc://… (default: as Spark is configured)"
    value(parser, "--master", "URL", text)
    output(parser)


def _schema(parser: argparse.ArgumentParser) -> None:
    text = "Configuration or document; report is that of check, inspect and scrub"
    value(parser, "document", "DOCUMENT", text, choices=SCHEMAS)


def _completion(parser: argparse.ArgumentParser) -> None:
    value(parser, "shell", "SHELL", "Shell: bash, zsh or fish", choices=("bash", "zsh", "fish"))


def _demo(parser: argparse.ArgumentParser) -> None:
    text = "Address of the web server (default: %(default)s)"
    value(parser, "--listen", "ADDRESS:PORT", text, default="127.0.0.1:10470")
    text = "New folder for its storage, which is kept (default: a temporary one)"
    parser.add_argument("--folder", type=path, help=text)
    color(parser)


_ANSWERS: Final = ("capacity", "diff", "explain", "preflight", "protect", "repair", "report")
SCHEMAS: Final = ("config", *_ANSWERS)
PULLED: Final = "Exit codes: 0 all pullable, 1 something is not, 2 usage error, 3 inconclusive"

COMMANDS: Final[Mapping[str, Subcommand]] = {
    "serve": Subcommand(
        _serve,
        "Run periodic audits; serve metrics and a status page",
        "Audit the configured registries periodically, and serve metrics, pages and JSON until "
        "SIGTERM or SIGINT. SIGHUP reloads the configuration.",
        "Exit codes: 0 stopped by a signal, 2 usage error, 3 could not start (address or ledger "
        "in use)",
    ),
    "check": Subcommand(
        _check,
        "Check whether images can be pulled",
        "Check images, or every tag of registries, down to the last byte of each layer, and "
        "report which platforms can be pulled.",
        PULLED,
    ),
    "inspect": Subcommand(
        _inspect,
        "Show the tree of one image",
        "Show the tree of one image: what is present, what is lost, what is attached, and which "
        "tags protect it.",
        PULLED,
    ),
    "explain": Subcommand(
        _explain,
        "Show who uses an image and what protects it",
        "Show whether an image is the latest, whether something live uses it, whether one tag is "
        "its only protection, and what breaks if it is removed.",
        PULLED,
    ),
    "snapshot": Subcommand(
        _snapshot,
        "Save the state of a registry to a file",
        "Audit every tag of a registry and save its state to a file, for `diff` and for --from of "
        "other commands.",
        "Exit codes: 0 saved, complete, 2 usage error, 3 saved, with gaps",
    ),
    "diff": Subcommand(
        _diff,
        "Compare two snapshots: what changed, and what broke",
        "Compare two snapshots, and tell intended removals from what is gone or broken.",
        "Exit codes: 0 nothing broke, 1 something broke, 2 usage error, 3 inconclusive",
    ),
    "protect": Subcommand(
        _protect,
        "Plan or set keep tags that survive a garbage collection",
        "List the keep tags that would protect manifests without a tag of their own. --apply sets "
        "them.",
        "Exit codes: 0 all protected, 1 some are not, 2 usage error, 3 inconclusive",
    ),
    "repair": Subcommand(
        _repair,
        "Plan or upload lost content, by digest",
        "List what damaged images have lost and from where it can be restored. --apply uploads it "
        "by digest, without asking whether the registry has it. Existing tags are not changed, and "
        "nothing is deleted.",
        "Exit codes: 0 all pullable, 1 something is lost, 2 usage error, 3 inconclusive",
    ),
    "scrub": Subcommand(
        _scrub,
        "Verify images by reading and hashing every byte",
        "Read every needed byte and compare it with its digest.",
        PULLED,
    ),
    "preflight": Subcommand(
        _preflight,
        "Predict what a garbage collection or deletion would break",
        "Predict what a garbage collection, a cleanup plan or a deletion would remove, and which "
        "images it would break. It removes nothing.",
        "Exit codes: 0 SAFE, 1 UNSAFE, 2 usage error, 3 INCOMPLETE",
    ),
    "facts": Subcommand(
        _facts,
        "Export audit data as Parquet",
        "Export audit data as Parquet, for `capacity` and other engines.",
    ),
    "capacity": Subcommand(
        _capacity,
        "Report storage use: needed, untagged, unreferenced",
        "Report how much of a registry's storage is needed, untagged and unreferenced, from the "
        "exports of all its shards.",
        "Exit codes: 0 complete, 2 usage error, 3 inconclusive or incomplete",
    ),
    "schema": Subcommand(
        _schema,
        "Print the JSON Schema of the configuration or of a document",
        "Print the JSON Schema of the configuration file, for editors, or of a document that "
        "--output json prints: " + ", ".join(SCHEMAS) + ".",
    ),
    "completion": Subcommand(
        _completion,
        "Print the completion script of a shell",
        "Print the completion script of bash, zsh or fish. Its first line tells how to load it.",
    ),
    "demo": Subcommand(
        _demo,
        "Run the exporter on an embedded registry with broken images",
        "Run the exporter on embedded registries with broken images, until Ctrl-C.",
    ),
}
