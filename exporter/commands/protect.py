"""`protect`: which tags would keep every child that live tags need; and, when told to, set them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from exporter.commands import Refused
from exporter.commands.answer import Exit, save
from exporter.commands.looking import look
from exporter.commands.running import finished
from exporter.commands.saved import judged
from exporter.commands.settings import Typed, typed
from exporter.commands.subjects import Subjects, asked_for
from exporter.facts.use import ReferenceClass
from exporter.judge.pins import LONGEST, Pin, Pins, pins
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.reference import tag
from exporter.publish.text.pins import Outcome, pins_document, pins_markdown, pins_text
from exporter.sources import Pinner, Unseen
from exporter.wiring.pinning import pinner

_ATTACHED: Final = ("sha256-*",)
"""Tags of signatures and other referrers, which are kept with their image."""


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    _check_prefix(words.prefix)
    if words.saved:
        if words.apply:
            raise Refused(
                "--apply audits the registry, since a saved file may be stale: omit --from"
            )
        return _answered(
            words, _plans([judged(words.saved)], _reach(words, Subjects()), words), None
        )
    subjects = replace(asked_for(words), beside=_ATTACHED)
    settings = typed(words, subjects.hosts, environ, alone=not subjects.registries)
    plans, outcomes = finished(_look_and_act(words, subjects, settings))
    return _answered(words, plans, outcomes)


def _check_prefix(prefix: str) -> None:
    try:
        tag(f"{prefix}-{'0' * LONGEST}")
    except Malformed as error:
        raise Refused(f"--prefix {prefix}: no tag can begin with it") from error


async def _look_and_act(
    words: argparse.Namespace, subjects: Subjects, asked: Typed
) -> tuple[Sequence[Pins], Sequence[Outcome] | None]:
    """Look, and where it is wanted, set what is lacking and look again."""
    reports = await look(words, subjects, asked)
    if words.save:
        save(reports, words.save)
    reach = _reach(words, subjects)
    plans = _plans(reports, reach, words)
    if not words.apply:
        return plans, None
    outcomes = [outcome for plan in plans for outcome in await _apply(plan, asked)]
    if outcomes:
        plans = _plans(await look(words, subjects, asked), reach, words)
    return plans, tuple(outcomes)


def _plans(
    reports: Iterable[Report], reach: ReferenceClass, words: argparse.Namespace
) -> list[Pins]:
    return [pins(report, reach, words.prefix) for report in reports]


def _reach(words: argparse.Namespace, subjects: Subjects) -> ReferenceClass:
    """How unimportant may a tag be whose children are kept? Images that were named count alone."""
    if words.all or words.tags:
        return ReferenceClass.SELECTED
    alone = subjects.uses.entries and not subjects.registries
    return ReferenceClass.ROLLBACK if alone else ReferenceClass.LATEST


async def _apply(plan: Pins, asked: Typed) -> list[Outcome]:
    """Set the tags of one registry, one after the other."""
    if not plan.wanted:
        return []
    label = plan.report.snapshot.registry
    settings = next(each for each in asked.settings.registries if each.label == label)
    async with pinner(settings, asked.environ) as writing:
        return [Outcome(pin, await _failure(writing, pin)) for pin in plan.wanted]


async def _failure(writing: Pinner, pin: Pin) -> str:
    """Set one tag; return why that failed, or nothing."""
    try:
        await writing.pin(pin.need.repository, pin.digest, pin.tag)
    except Unseen as unseen:
        return f"{unseen.reason}{f' ({unseen.detail})' if unseen.detail else ''}"
    return ""


def _answered(
    words: argparse.Namespace, plans: Sequence[Pins], outcomes: Sequence[Outcome] | None
) -> Exit:
    if words.output == "json":
        said = json.dumps(pins_document(plans, outcomes), indent=2) + "\n"
    else:
        say = pins_markdown if words.output == "markdown" else pins_text
        said = say(plans, outcomes)
    sys.stdout.write(said)
    if any(plan.wanted for plan in plans):
        return Exit.BROKEN
    return Exit.BLIND if any(_blind(plan) for plan in plans) else Exit.WELL


def _blind(plan: Pins) -> bool:
    """Is there anything that may need a tag and was not seen?"""
    return bool(plan.doubtful or plan.report.snapshot.gaps)
