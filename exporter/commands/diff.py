"""`diff`: what changed between two snapshots, and what broke."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from exporter.commands import Refused, refusing
from exporter.commands.answer import answered
from exporter.commands.auditing import judged
from exporter.commands.operation import of_hosts, of_snapshot, read_plan
from exporter.facts.snapshot import Root, Snapshot
from exporter.judge.change import compare
from exporter.judge.plans.deletion import Deletion, intended, parse_deletion
from exporter.oci.digest import Malformed, quoted, without_credentials
from exporter.oci.reference import names_host, spellings
from exporter.publish.answers import diff

_WILD: Final = frozenset("*?[")
"""Characters that make a line a pattern."""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:  # noqa: ARG001 - asks no registry
    """Answer the command."""
    old, new = judged(args.old), judged(args.new)
    ours, theirs = old.snapshot.registry, new.snapshot.registry
    if ours != theirs:
        raise Refused(f"{args.old} is of {ours}, {args.new} of {theirs}: give two of one registry")
    if old.snapshot.taken_at > new.snapshot.taken_at:
        raise Refused(f"{args.old} is newer than {args.new}: give the older one first")
    change = compare(old, new, _intended(args, old.snapshot))
    answered(args, lambda now: diff.document(change, now), lambda _: diff.blocks(change))
    return change.outcome


def _intended(args: argparse.Namespace, before: Snapshot) -> Callable[[Root], bool]:
    """Read the intended removals, without those in other registries."""
    scheme, _, address = before.address.partition("://")
    hosts, named = frozenset[str](), address or before.registry
    if names_host(named):
        with refusing(Malformed):
            hosts = spellings(named, secure=scheme != "http")
    deletions: list[Deletion] = []
    for path in args.plan:
        deletions += of_hosts(read_plan(path), hosts, f"--plan {path}").deletions
    patterns: list[str] = []
    for path in args.intended:
        for at, line in enumerate(_lines(path), start=1):
            text = line.strip()
            if _WILD.intersection(text):
                patterns.append(text)
            elif text and not text.startswith("#"):
                deletions.append(_reference(text, f"--intended {path}, line {at}"))
    mine = (each for each in deletions if not (hosts and each.host) or each.host in hosts)
    return intended(of_snapshot(mine, before), patterns)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    except OSError as error:
        raise Refused(f"--intended {path}: cannot be read: {error.strerror}") from error


def _reference(text: str, where: str) -> Deletion:
    deletion = parse_deletion(text)
    if deletion is None:
        raise Refused(
            f"{where}: give repository:tag, repository@sha256:… or a pattern of repository:tag, "
            f"not {quoted(without_credentials(text), 120)}"
        )
    return deletion
