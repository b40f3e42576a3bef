"""The command `protect`: the keep tags that are missing, and, with `--apply`, their setting."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from exporter.commands import Refused
from exporter.commands.answer import Exit, answered, is_empty, save, tell_empty
from exporter.commands.auditing import finished, look
from exporter.commands.options import Typed, again, typed, with_words
from exporter.commands.saved import replayed
from exporter.commands.subjects import Subjects, asked_for
from exporter.facts.use import ReferenceClass
from exporter.judge.keep_tags import LONGEST, KeepTag, KeepTagPlan, plan_keep_tags
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.reference import tag
from exporter.ports import KeepTagger, Unseen
from exporter.publish.answers import protect
from exporter.publish.answers.protect import Outcome
from exporter.screen import plain
from exporter.wiring.keep_tags import keep_tagger

_ATTACHED: Final = ("sha256-*",)
"""Tags of signatures and other referrers, which are kept with their image."""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command."""
    _check_prefix(args.prefix)
    if args.saved:
        if args.apply:
            raise Refused(
                "--apply audits the registry, since a saved file may be stale: omit --from"
            )
        return _answered(args, _plans([replayed(args)[0]], _reach(args, Subjects()), args), None)
    subjects = replace(asked_for(args), beside=_ATTACHED)
    settings = typed(args, subjects.hosts, environ, alone=not subjects.registries)
    plans, outcomes = finished(_look_and_act(args, subjects, settings))
    return _answered(args, plans, outcomes)


def _check_prefix(prefix: str) -> None:
    try:
        tag(f"{prefix}-{'0' * LONGEST}")
    except Malformed as error:
        raise Refused(f"--prefix {prefix}: no tag can begin with it") from error


async def _look_and_act(
    args: argparse.Namespace, subjects: Subjects, asked: Typed
) -> tuple[Sequence[KeepTagPlan], Sequence[Outcome] | None]:
    """Audit; with `--apply`, set missing keep tags and audit again."""
    reports = await look(args, subjects, asked)
    if args.save:
        save(reports, args.save)
    reach = _reach(args, subjects)
    plans = _plans(reports, reach, args)
    if not args.apply:
        return plans, None
    outcomes = [outcome for plan in plans for outcome in await _apply(plan, asked)]
    if outcomes:
        plans = _plans(await look(args, subjects, asked), reach, args)
    return plans, tuple(outcomes)


def _plans(
    reports: Iterable[Report], reach: ReferenceClass, args: argparse.Namespace
) -> list[KeepTagPlan]:
    return [plan_keep_tags(report, reach, args.prefix) for report in reports]


def _reach(args: argparse.Namespace, subjects: Subjects) -> ReferenceClass:
    """Return the lowest class whose children are kept; named images count alone."""
    if args.all or args.tags:
        return ReferenceClass.SELECTED
    alone = subjects.uses.entries and not subjects.registries
    return ReferenceClass.ROLLBACK if alone else ReferenceClass.LATEST


async def _apply(plan: KeepTagPlan, asked: Typed) -> list[Outcome]:
    """Set the tags of one registry, one after the other."""
    if not plan.wanted:
        return []
    label = plan.report.snapshot.registry
    settings = next(each for each in asked.settings.registries if each.label == label)
    async with keep_tagger(settings, asked.environ) as writing:
        return [Outcome(keep, await _failure(writing, keep)) for keep in plan.wanted]


async def _failure(writing: KeepTagger, keep: KeepTag) -> str:
    """Set one tag; return why that failed, or nothing."""
    try:
        await writing.add_tag(keep.need.repository, keep.digest, keep.tag)
    except Unseen as unseen:
        return f"{unseen.reason}{f' ({unseen.detail})' if unseen.detail else ''}"
    return ""


def _answered(
    args: argparse.Namespace, plans: Sequence[KeepTagPlan], outcomes: Sequence[Outcome] | None
) -> Exit:
    invocation = with_words("--from", str(args.saved)) if args.saved else again(args)
    answered(
        args,
        lambda now: protect.document(plans, outcomes, now),
        lambda _: protect.blocks(plans, outcomes, invocation),
    )
    if any(plan.wanted for plan in plans):
        return Exit.BROKEN
    blind = [plan for plan in plans if plan.doubtful or plan.report.snapshot.gaps]
    for line in chain.from_iterable(map(protect.incomplete, blind)):
        sys.stderr.write(f"pullproof: {plain(line)}\n")
    reports = [] if args.saved else [plan.report for plan in plans]
    tell_empty(args, reports)
    return Exit.BLIND if blind or is_empty(args, reports) else Exit.WELL
