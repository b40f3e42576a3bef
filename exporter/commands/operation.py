"""The operation that `preflight` predicts, as it was typed: deletions, a plan, a collection."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Final, TextIO

from exporter.commands import Refused
from exporter.facts.snapshot import Snapshot
from exporter.judge.gc.dialect import DIALECTS, ZOT, Mode
from exporter.judge.plans.deletion import Deletion, DeletionKind, DeletionList, parse_deletion
from exporter.judge.plans.plan import COLLECTOR, read
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.judge.preflight.prediction import GarbageCollection, Operation
from exporter.oci.digest import quoted, without_credentials

_LONGEST: Final = 1 << 16
"""Characters that are read of a line at a time."""
_COLLECTED: Final = frozenset({DeletionKind.BLOB, DeletionKind.LAYER_LINK})
"""Kinds of deletions that only a collector makes."""


def operation(args: argparse.Namespace, hosts: frozenset[str]) -> Operation:
    """Read the typed operation, and the plan; raises `Refused` if it makes no sense."""
    _agree(args)
    collection = _collection(args)
    deletions, method = None, DeletionMethod(args.way)
    parts: list[str] = []
    if args.plan:
        deletions = of_hosts(read_plan(args.plan), hosts, args.plan)
        parts.append(f"the plan {args.plan}")
        if COLLECTOR in deletions.formats:  # it takes a revision's folder, and leaves its tags
            method = DeletionMethod.FOLDER
    if args.delete:
        deletions = of_hosts(_typed(args.delete), hosts, "--delete")
        manner = "removing the folders of" if method is DeletionMethod.FOLDER else "deleting"
        parts.append(f"{manner} {', '.join(args.delete)}")
    if collection:
        flag = " --delete-untagged" if args.delete_untagged else ""
        parts.append(f"garbage-collect{flag} of {args.gc}")
        if deletions and {each.kind for each in deletions.deletions} & _COLLECTED:
            raise Refused("the plan is a garbage collection: give either --plan or --gc")
    return Operation(" and then ".join(parts), deletions, method, collection)


def _agree(args: argparse.Namespace) -> None:
    if not (args.gc or args.plan or args.delete):
        raise Refused("name the planned operation: --gc DIALECT, --plan FILE or --delete REF")
    if args.plan and args.delete:
        raise Refused("give either --plan or --delete, not both")
    if args.assume_collector and not (args.gc and args.saved):
        raise Refused("--assume-collector needs --gc and --from")
    if args.gc == ZOT.name and args.saved:
        raise Refused("predicting zot's collection needs --storage")
    if args.delete_untagged and not args.gc:
        raise Refused("--delete-untagged needs --gc")
    if args.way != DeletionMethod.API and not args.delete:
        raise Refused("--as needs --delete")
    if bool(args.storage) is bool(args.saved):
        raise Refused("give either --storage DIR|URL or --from FILE")
    if args.saved and args.gc and (args.plan or args.delete):
        raise Refused("predicting a garbage collection after deletions needs --storage")
    if args.output == "removed" and not (args.storage and args.gc):
        raise Refused("--output removed needs --storage and --gc")


def _collection(args: argparse.Namespace) -> GarbageCollection | None:
    if not args.gc:
        return None
    # zot removes untagged manifests unless it is told not to.
    untagged = args.delete_untagged or args.gc == ZOT.name
    mode = Mode.DELETE_UNTAGGED if untagged else Mode.PLAIN
    return GarbageCollection(DIALECTS.get(args.gc, ZOT), mode, args.assume_collector)


def _typed(texts: list[str]) -> DeletionList:
    deletions = []
    for text in texts:
        deletion = parse_deletion(text)
        if deletion is None or not deletion.repository:
            raise Refused(
                f"{without_credentials(text)[:200]}: give repository:tag or repository@sha256:…"
            )
        deletions.append(deletion)
    return DeletionList(tuple(deletions))


def read_plan(path: str) -> DeletionList:
    """Read a plan or log of another tool; `-` is standard input. Raises `Refused`."""
    try:
        with nullcontext(sys.stdin) if path == "-" else _opened(path) as file:
            listed = read(iter(lambda: file.readline(_LONGEST), ""))
    except OSError as error:
        raise Refused(f"--plan {path}: cannot be read: {error.strerror}") from error
    if not listed.lines:
        raise Refused(f"--plan {path}: empty")
    if not listed.formats:
        first = f", for example {quoted(listed.examples[0], 120)}" if listed.examples else ""
        raise Refused(
            f"--plan {path}: none of {listed.lines} lines is recognised{first}; "
            "docs/preflight.md lists the supported formats"
        )
    return listed


def _opened(path: str) -> TextIO:
    return open(path, encoding="utf-8", errors="backslashreplace")  # noqa: PTH123 - a text


def of_snapshot(deletions: Iterable[Deletion], snapshot: Snapshot) -> Iterator[Deletion]:
    """Yield deletions without the configured name of the registry that some begin with.

    A repository of the snapshot that begins with it is meant itself.
    """
    prefix = f"{snapshot.registry}/"
    known = {each.repository for each in snapshot.roots}
    for each in deletions:
        named = each.repository.startswith(prefix) and not each.host
        inside = each.repository.removeprefix(prefix)
        yield replace(each, repository=inside) if named and each.repository not in known else each


def of_hosts(listed: DeletionList, hosts: frozenset[str], whose: str) -> DeletionList:
    """Return the deletions without those in other registries, if this one's name is known."""
    mine = [each for each in listed.deletions if not (hosts and each.host) or each.host in hosts]
    if listed.deletions and not mine:
        raise Refused(f"{whose}: names nothing in {', '.join(sorted(hosts))}")
    return replace(listed, deletions=tuple(mine))
