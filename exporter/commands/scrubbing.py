"""Read everything whole that is due, once, and say on standard error how it goes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from exporter.audit import audit
from exporter.commands.auditing import showing
from exporter.facts.proof import Sighting
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import Use
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.oci.reference import Place
from exporter.ports import Listing
from exporter.publish.text.scrub import tally_words, unread_lines
from exporter.publish.words import size_words
from exporter.resolve.method import Method, pause
from exporter.resolve.scrub.subjects import Subject
from exporter.resolve.target import Target
from exporter.scrub import Plan, Scrubber, doubted, still_disputed, unverified
from exporter.tally import ScrubTally

_BAR: Final = 30
"""Characters of the bar."""


async def scrub_once(target: Target, uses: Listing[Use]) -> Report:
    """Audit, read what is due, and audit again: by then the first audit may be hours old."""
    before = await audit(target, uses, None, time.time())
    scrubber = Scrubber.of(target)
    unread = await _read(scrubber, target.method, before.snapshot) if scrubber else {}
    after = await audit(target, uses, before, time.time())
    return judge(doubted(after.snapshot, unread), after.since) if unread else after


async def _read(scrubber: Scrubber, method: Method, snapshot: Snapshot) -> dict[Place, Sighting]:
    """Read what is due, and once more what differs from an image; return what stays open."""
    plan = await _planned(scrubber, snapshot)
    size, spared = size_words(sum(each.size for each in plan.due)), len(plan.needed) - len(plan.due)
    _say(
        f"{snapshot.registry}: reading {len(plan.due):,} blobs and manifests, {size}; "
        f"{spared:,} already verified"
    )
    unread = await _read_all(scrubber, plan.due)
    if disputed := (await _planned(scrubber, snapshot)).disputed:
        _say(f"{snapshot.registry}: reading {len(disputed):,} again that do not match their images")
        await pause(method, disputed)
        unread |= await _read_all(scrubber, disputed)
        unread |= still_disputed(await _planned(scrubber, snapshot))
    for line in unread_lines(unread):
        _say(line)
    return unread


async def _planned(scrubber: Scrubber, snapshot: Snapshot) -> Plan:
    return await asyncio.to_thread(scrubber.plan, snapshot, time.time())


async def _read_all(scrubber: Scrubber, subjects: Sequence[Subject]) -> dict[Place, Sighting]:
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
    """Show a bar on a terminal, and in the end a line wherever it goes."""
    began = time.monotonic()
    try:
        async with showing(lambda: progress.line(time.monotonic() - began)):
            yield
    finally:
        _say(tally_words(progress.tally, time.monotonic() - began))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
