"""Saved audits, and the part of one that is asked for."""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from exporter.commands import Refused
from exporter.commands.auditing import judged
from exporter.commands.subjects import image, is_registry, read
from exporter.facts.snapshot import Root, Snapshot
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.reference import Reference, host, names_host, spellings, split_name

_NARROWING: Final = (
    "--refs",
    "--kube",
    "--tags",
    "--exclude-tags",
    "--platform",
    "--head-only",
    "--shard",
)
"""Options that would change an audit: a saved one is over."""


def replayed(args: argparse.Namespace) -> tuple[Report, bool]:
    """Judge the audit in a file again, and say whether it is the whole registry's.

    If images were typed, it is of them alone. Raises `Refused` for an image or a registry that the
    audit did not cover, and for options that a saved audit cannot follow.
    """
    check_options(args)
    report = judged(args.saved)
    snapshot = report.snapshot
    texts = [args.subjects] if isinstance(args.subjects, str) else args.subjects or ()
    subjects = read((_within(snapshot, each) for each in texts), frozenset())
    for each in sorted(subjects.hosts):
        check_host(args, snapshot, each)
    named = [use.reference for use in subjects.uses.entries]
    if subjects.registries or not named:
        return report, True
    for asked in named:
        if not any(_is_named(root, [asked]) for root in snapshot.roots):
            raise Refused(f"{asked}: {args.saved} has no audit of it")
    roots = tuple(root for root in snapshot.roots if _is_named(root, named))
    return judge(replace(snapshot, roots=roots), report.since), False


def check_options(args: argparse.Namespace) -> None:
    """Refuse options that would change the audit; raises `Refused`."""
    for option in _NARROWING:
        value = vars(args).get(option.removeprefix("--").replace("-", "_"))
        if value or value == "":
            raise Refused(f"{option}: has no effect on a saved audit; omit it, or --from")


def reference_in(args: argparse.Namespace, snapshot: Snapshot, text: str) -> Reference:
    """Return the image that a text names in a saved audit; raises `Refused`."""
    found = image(_within(snapshot, text))
    check_host(args, snapshot, found.registry)
    return found


def _within(snapshot: Snapshot, text: str) -> str:
    """Return what was typed with the registry's host, where its name or nothing stands for it."""
    known = _host(snapshot)
    name, rest = split_name(text, (snapshot.registry,))
    if known and name:
        return f"{known}{rest}" if rest else f"https://{known}"
    first, slash, _ = text.partition("/")
    complete = is_registry(text) or (slash and names_host(first))
    return text if complete or not (known and text) else f"{known}/{text}"


def check_host(args: argparse.Namespace, snapshot: Snapshot, named: str) -> None:
    """Refuse another registry than the saved one; of an older release's file it is not known."""
    known = _host(snapshot)
    secure = not snapshot.address.startswith("http://")
    if known and named not in spellings(known, secure=secure):
        raise Refused(f"{named}: {args.saved} is of {snapshot.registry}")


def _host(snapshot: Snapshot) -> str:
    """Return the host that references of the registry begin with; nothing if it is not known."""
    label = snapshot.registry if names_host(snapshot.registry) else ""
    try:
        return host(snapshot.address.partition("://")[2] or label)
    except Malformed:
        return ""


def _is_named(root: Root, references: Iterable[Reference]) -> bool:
    """Does a reference name a tag, or the digest that it has?"""
    return any(
        root.repository == each.repository
        and (root.digest == each.digest if each.digest else root.tag == each.tag)
        for each in references
    )
