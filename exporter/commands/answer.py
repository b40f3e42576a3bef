"""Answers of the commands: their form, and the exit code."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final

from exporter.commands import Refused
from exporter.commands.options import ONE_SAVED
from exporter.facts.gap import Scope
from exporter.facts.proof import State
from exporter.judge.report import Report
from exporter.publish.answers import check
from exporter.publish.answers import report as report_answer
from exporter.publish.answers.document import AnswerDocument, encode
from exporter.publish.blocks import Block
from exporter.publish.render import markdown, terminal
from exporter.publish.status import RegistryStatus
from exporter.screen import escaped, plain
from exporter.store import snapshot_file

_MOST_IN_TICKETS: Final = 1_000
_MOST_ON_TERMINALS: Final = 100
"""Maximum items of a list or rows of a table; broken ones come first."""


class Exit(IntEnum):
    """Exit codes."""

    WELL = 0
    """Everything in question can be pulled."""
    BROKEN = 1
    """Something cannot."""
    BLIND = 3
    """The answer is inconclusive."""


def exit_code(reports: Iterable[Report], *, whole: bool, unpacked: bool = False) -> Exit:
    """Return the exit code; proof of a loss comes before doubt.

    `whole` says that registries were asked for, not only images: then a repository whose tags
    could not be listed is doubt, while for a given image it takes nothing from the verdict; and
    images in a pull-through cache are none, while one that was given itself is.
    `unpacked` says that it was asked to what layers unpack.
    """
    reports = tuple(reports)
    if any(tag.verdict.cannot_be_pulled for report in reports for tag in report.tags):
        return Exit.BROKEN
    blind = any(_blind(each, whole=whole, unpacked=unpacked) for each in reports)
    return Exit.BLIND if blind else Exit.WELL


def is_empty(args: argparse.Namespace, reports: Iterable[Report]) -> bool:
    """Has a registry no tags in scope, which was not accepted?"""
    return not args.allow_empty and any(each.empty for each in reports)


def tell_empty(args: argparse.Namespace, reports: Iterable[Report]) -> None:
    """Say it of each such registry, where the answer does not."""
    for each in reports:
        if is_empty(args, [each]):
            name = plain(each.snapshot.registry)
            sys.stderr.write(f"pullproof: {name}: {check.EMPTY}\n")


def _blind(report: Report, *, whole: bool, unpacked: bool) -> bool:
    snapshot = report.snapshot
    gaps = snapshot.gaps if unpacked else snapshot.hiding
    if any(whole or gap.scope is not Scope.REPOSITORY for gap in gaps):
        return True
    return any(
        verdict.overall is State.UNKNOWN
        for verdict in report.verdicts
        if not (whole and snapshot.is_proxied(verdict.root.repository))
    )


def style(args: argparse.Namespace) -> terminal.Style:
    """Return the style of the terminal; colour only on a terminal, unless --color decides."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"  # https://no-color.org
    wanted = sys.stdout.isatty() and not plain
    colour = args.color == "always" or (args.color == "auto" and wanted)
    width = shutil.get_terminal_size((100, 24)).columns
    return terminal.Style(width, colour)


def answered(
    args: argparse.Namespace,
    document: Callable[[float], AnswerDocument],
    blocks: Callable[[int], Iterable[Block]],
) -> None:
    """Print an answer in the requested format.

    `document` is given the time, in seconds since the epoch; `blocks` how many of a kind to show.
    """
    if args.quiet:
        return
    if args.output == "json":
        said = escaped(encode(document(time.time()), indent=2).decode()) + "\n"
    elif args.output == "markdown":
        said = markdown.render(blocks(_MOST_IN_TICKETS))
    else:
        said = terminal.render(blocks(_MOST_ON_TERMINALS), style(args))
    sys.stdout.write(said)


def answered_report(
    args: argparse.Namespace,
    reports: Sequence[Report],
    blocks: Callable[[int], Iterable[Block]],
) -> None:
    """Print an answer that is the report for programs."""
    answered(
        args,
        lambda now: report_answer.document(map(RegistryStatus.once, reports), now),
        blocks,
    )


def save(reports: Sequence[Report], path: Path) -> None:
    """Save the one snapshot to a file, to be judged again later; raises `Refused`."""
    if len(reports) != 1:
        raise Refused(ONE_SAVED)
    try:
        with path.open("wb") as file:
            file.writelines(snapshot_file.encode(reports[0].snapshot))
    except OSError as error:
        raise Refused(f"{path}: cannot be written: {error.strerror}") from error
