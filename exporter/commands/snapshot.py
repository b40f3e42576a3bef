"""`snapshot`: saves the state of a registry to a file, for `diff` and `--from`."""

import argparse
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace

from exporter.commands import Refused
from exporter.commands.answer import Exit, is_empty, save, tell_empty
from exporter.commands.auditing import finished, look
from exporter.commands.options import Typed, typed, with_words
from exporter.commands.subjects import Subjects, of_registry
from exporter.facts.proof import State
from exporter.facts.snapshot import Snapshot
from exporter.judge.report import Report
from exporter.publish.formatting import count_words, damage_words, size_words
from exporter.screen import plain


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    report = _report(args, environ)
    save([report], args.file)
    unseen = _unseen(report)
    kept = f"{_amounts(report.snapshot)} in {args.file} ({size_words(args.file.stat().st_size)})"
    coverage = f"gaps: {unseen}" if unseen else "coverage: complete"
    sys.stdout.write(f"{plain(kept)}; {coverage}\n")
    if broken := report.cannot_be_pulled:
        check = f"To see them: {with_words('--from', str(args.file)).line('check')}"
        sys.stdout.write(plain(f"{damage_words(broken)} {check}") + "\n")
    tell_empty(args, [report])
    return Exit.BLIND if unseen or is_empty(args, [report]) else Exit.WELL


def _report(args: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    given = args.subjects or ""
    if given.endswith(".snapshot") or not (given or args.config):
        known = shlex.join((given or "FILE", str(args.file)))
        raise Refused(f"name the file first, then the registry: pullproof snapshot {known}")
    subjects = of_registry(args, "snapshot needs a registry host, not an image")
    asked = typed(args, subjects.registries, environ, alone=False)
    if len(asked.settings.registries) != 1:
        raise Refused("the configuration has several registries: name one")
    return finished(look(args, _whole(subjects, asked), asked))[0]


def _whole(subjects: Subjects, asked: Typed) -> Subjects:
    """Ask for every tag of the registries, whatever the configuration selects."""
    hosts = frozenset[str]().union(*(each.hosts for each in asked.settings.registries))
    return replace(subjects, registries=hosts)


def _amounts(snapshot: Snapshot) -> str:
    manifests = len(snapshot.manifests)
    blobs = len({digest for _, digest in snapshot.sightings} - snapshot.manifests.keys())
    repositories = {*snapshot.listed, *(root.repository for root in snapshot.roots)}
    return (
        f"Saved {count_words(len(snapshot.roots), 'tag')} in "
        f"{count_words(len(repositories), 'repository')} of {snapshot.registry}, "
        f"{count_words(manifests, 'manifest')} and {count_words(blobs, 'blob')},"
    )


def _unseen(report: Report) -> str:
    """Return the gaps in words; empty if there are none."""
    doubts = sum(
        child.expected and child.state is State.UNKNOWN
        for verdict in report.verdicts
        for child in verdict.children
    )
    gaps = len(report.snapshot.gaps)
    parts = (
        count_words(gaps, "gap") if gaps else "",
        doubts and count_words(doubts, "unknown manifest"),
    )
    return ", ".join(part for part in parts if part)
