"""`scrub`: read everything that is due in full, once, and report what is corrupt."""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from exporter.audit import audit
from exporter.commands import Refused
from exporter.commands.answer import Exit, answered_report, exit_code, is_empty, save
from exporter.commands.auditing import aimed, finished, opened, showing, tell_unreached
from exporter.commands.options import Typed, again, is_folder, settings_of, typed
from exporter.commands.subjects import Subjects, asked_for
from exporter.config.registry import RegistrySettings, ScrubSettings, Source
from exporter.facts.gap import Reason
from exporter.facts.proof import Sighting
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import Use
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.oci.reference import Place
from exporter.ports import Bytes, Listing, Unseen
from exporter.publish.answers import check
from exporter.publish.answers.check import tally_words, unread_lines
from exporter.publish.formatting import size_words
from exporter.resolve.concurrency import pause
from exporter.resolve.scrub.selection import ScrubItem
from exporter.resolve.target import AuditLimits, Target
from exporter.scrub import Scrubber, ScrubPlan, doubted, still_disputed, unverified
from exporter.tally import ScrubTally
from exporter.wiring.registry_storage import RegistryStorage

_OPTIONS: Final = {
    "bytes_per_second": "--limit-rate",
    "period": "--period",
    "uncompressed": "--uncompressed",
    "url": "--storage",
    "path": "--storage",
    "endpoint": "--endpoint",
    "region": "--region",
}
_BAR: Final = 30
"""Characters of the bar."""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    subjects = asked_for(args)
    asked = with_scrubs(args, typed(args, subjects.hosts, environ))
    try:
        reports = finished(_scrubbed(args, subjects, asked))
    except Unseen as unseen:
        sys.stderr.write(f"pullproof: nothing verified: {unseen}\n")
        return Exit.BLIND
    tell_unreached(args, reports)
    if args.save:
        save(reports, args.save)
    answered_report(
        args, reports, lambda most: check.blocks(reports, most, again(args), every=args.all)
    )
    whole = bool(subjects.registries) or not subjects.hosts
    code = exit_code(reports, whole=whole, unpacked=True)
    return Exit.BLIND if code is Exit.WELL and whole and is_empty(args, reports) else code


async def _scrubbed(args: argparse.Namespace, subjects: Subjects, asked: Typed) -> list[Report]:
    """Scrub one registry after the other."""
    async with opened(asked) as assembly:
        wanted = await assembly.references()
        uses = subjects.with_uses(wanted.uses)
        targets = [
            # What its storage holds for nothing is not asked here.
            replace(aimed(args, subjects, each.target), storage=None)
            for each in assembly.watched
        ]
        if args.storage:
            # Here nothing would be found for a long time, each blob looked for twice.
            sources = [target.scrub.source for target in targets if target.scrub]
            await asyncio.to_thread(recognise, sources)
        return [await scrub_once(target, uses) for target in targets]


def recognise(sources: Iterable[Bytes]) -> None:
    """Raise `Unseen` if one is not the storage of a registry."""
    for source in sources:
        try:
            if isinstance(source, RegistryStorage):
                source.recognise()
        except Unseen as unseen:
            # Who may read a bucket's objects need not be allowed to list them.
            if unseen.reason is not Reason.DENIED:
                raise


def with_scrubs(args: argparse.Namespace, asked: Typed) -> Typed:
    """Add the typed options to the configured scrub of every registry."""
    registries = asked.settings.registries
    if args.storage and len(registries) != 1:
        raise Refused("--storage needs exactly one registry")
    update: dict[str, object] = {
        "registries": tuple(_with_scrub(args, each) for each in registries)
    }
    if args.ledger:
        update["ledger"] = args.ledger
    return Typed(asked.settings.model_copy(update=update), asked.environ)


def _with_scrub(args: argparse.Namespace, registry: RegistrySettings) -> RegistrySettings:
    asked = _typed_scrub(args)
    update: dict[str, object] = {"storage": asked.storage} if asked.storage else {}
    told, scrub = registry.scrub or ScrubSettings(), asked.scrub or ScrubSettings()
    given = {key: getattr(scrub, key) for key in scrub.model_fields_set}
    return registry.model_copy(update={**update, "scrub": told.model_copy(update=given)})


def _typed_scrub(args: argparse.Namespace) -> RegistrySettings:
    """Read the options as a configuration is read; raises `Refused`."""
    scrub: dict[str, object] = {"bytes_per_second": args.limit_rate, "period": args.period}
    scrub["uncompressed"] = args.uncompressed or None
    registry: dict[str, object] = {"url": "https://typed.invalid"}
    if args.storage:
        bucket = "://" in args.storage
        if not bucket and not is_folder(args.storage):
            raise Refused(f"--storage {args.storage}: no such folder")
        scrub["read_from"] = Source.STORAGE
        where = {"url" if bucket else "path": args.storage}
        registry["storage"] = _given(where | {"endpoint": args.endpoint, "region": args.region})
    registry["scrub"] = _given(scrub)
    return settings_of({"registries": [registry]}, _OPTIONS, {}).registries[0]


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


async def scrub_once(target: Target, uses: Listing[Use]) -> Report:
    """Audit, read what is due, and audit again: by then the first audit may be hours old."""
    before = await audit(target, uses, None, time.time())
    if check.is_unreached(before):
        return before
    scrubber = Scrubber.of(target)
    unread = await _read_due(scrubber, target.limits, before.snapshot) if scrubber else {}
    after = await audit(target, uses, before, time.time())
    return judge(doubted(after.snapshot, unread), after.since) if unread else after


async def _read_due(
    scrubber: Scrubber, limits: AuditLimits, snapshot: Snapshot
) -> dict[Place, Sighting]:
    """Read what is due, and once more what differs from an image; return what stays unknown."""
    plan = await _planned(scrubber, snapshot)
    size, spared = size_words(sum(each.size for each in plan.due)), len(plan.needed) - len(plan.due)
    _say(
        f"{snapshot.registry}: reading {len(plan.due):,} blobs and manifests, {size}; "
        f"{spared:,} already verified"
    )
    unread = await _read_all(scrubber, plan.due)
    if disputed := (await _planned(scrubber, snapshot)).disputed:
        _say(f"{snapshot.registry}: reading {len(disputed):,} again that do not match their images")
        await pause(limits.confirm_after, disputed)
        unread |= await _read_all(scrubber, disputed)
        unread |= still_disputed(await _planned(scrubber, snapshot))
    for line in unread_lines(unread):
        _say(line)
    return unread


async def _planned(scrubber: Scrubber, snapshot: Snapshot) -> ScrubPlan:
    return await asyncio.to_thread(scrubber.plan, snapshot, time.time())


async def _read_all(scrubber: Scrubber, subjects: Sequence[ScrubItem]) -> dict[Place, Sighting]:
    """Read each subject; return the places that could not be verified."""
    tally = scrubber.scrub.tally
    tally.size, tally.blobs = 0, {}  # what is read again is told apart
    unread: dict[Place, Sighting] = {}
    async with _telling(Progress(tally, sum(each.size for each in subjects), len(subjects))):
        for subject in subjects:
            unread |= unverified(await scrubber.verify(subject, time.time()))
    return unread


@dataclass(frozen=True, slots=True)
class Progress:
    """How much is read of how much."""

    tally: ScrubTally
    size: int
    """Bytes in all."""
    count: int

    def line(self, seconds: float) -> str:
        """Return it in one line."""
        share = min(1.0, self.tally.size / self.size) if self.size else 1.0
        bar = "#" * int(share * _BAR)
        done = sum(self.tally.blobs.values())
        speed = size_words(int(self.tally.size / seconds)) if seconds > 0 else "?"
        return (
            f"[{bar:.<{_BAR}}] {share:4.0%}  {size_words(self.tally.size)} of "
            f"{size_words(self.size)}, {done:,} of {self.count:,}, {speed}/s"
        )


@asynccontextmanager
async def _telling(progress: Progress) -> AsyncIterator[None]:
    """Show a bar on a terminal, and a line at the end."""
    began = time.monotonic()
    try:
        async with showing(lambda: progress.line(time.monotonic() - began)):
            yield
    finally:
        _say(tally_words(progress.tally, time.monotonic() - began))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
