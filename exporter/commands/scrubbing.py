"""Read everything whole that is due, once, and say on standard error how it goes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from exporter.audit import audit
from exporter.commands.auditing import showing
from exporter.facts.gap import Reason
from exporter.facts.proof import Sighting, State, unknown
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import Use
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.oci.reference import Place
from exporter.ports import Listing
from exporter.publish.text.scrub import tally_words, unread_lines
from exporter.publish.words import size_words
from exporter.resolve.method import Method, pause
from exporter.resolve.scrub.opening import opened
from exporter.resolve.scrub.plan import due
from exporter.resolve.scrub.reading import Reading
from exporter.resolve.scrub.subjects import Subject, subjects
from exporter.resolve.target import Scrub, Target
from exporter.serve.scrubbing import keep, outcome
from exporter.tally import ScrubTally
from exporter.wiring.scrubs import reading

_BAR: Final = 30
"""Characters of the bar."""


async def scrub_once(target: Target, uses: Listing[Use]) -> Report:
    """Look, read what is due, and look again: by then what was seen may be hours old."""
    before = await audit(target, uses, None, time.time())
    unread = await _read(target.scrub, target.method, before.snapshot) if target.scrub else {}
    after = await audit(target, uses, before, time.time())
    return judge(doubted(after.snapshot, unread), after.since) if unread else after


async def _read(scrub: Scrub, method: Method, snapshot: Snapshot) -> dict[Place, Sighting]:
    """Read what is due, and again what seems to be another layer than an image says."""
    whole = reading(scrub, method)
    waiting = await asyncio.to_thread(_due, scrub, snapshot)
    unread = await _read_all(scrub, whole, snapshot, waiting)
    odd = [each for each in await asyncio.to_thread(_wanted, scrub, snapshot) if each.again]
    if odd:
        _say(f"{snapshot.registry}: reading {len(odd):,} again that do not match their images")
        await pause(method, odd)
        unread |= await _read_all(scrub, whole, snapshot, odd)
        unread |= _unsettled(await asyncio.to_thread(_wanted, scrub, snapshot))
    for line in unread_lines(unread):
        _say(line)
    return unread


async def _read_all(
    scrub: Scrub, whole: Reading, snapshot: Snapshot, waiting: Sequence[Subject]
) -> dict[Place, Sighting]:
    """Read things, each kept at once; return what could not be read."""
    scrub.tally.size, scrub.tally.blobs = 0, {}  # what is read again is told apart
    unread: dict[Place, Sighting] = {}
    async with _telling(Progress(scrub.tally, sum(each.size for each in waiting), len(waiting))):
        for subject in waiting:
            began = time.time()
            found = await whole.prove(subject)
            seen = found.sightings
            await asyncio.to_thread(keep, scrub.proofs, snapshot.registry, subject, found, began)
            ended = outcome(seen)
            scrub.tally.blobs[ended] = scrub.tally.blobs.get(ended, 0) + 1
            unread |= {at: doubt for at, each in seen.items() if (doubt := _doubt(each))}
    return unread


def _doubt(seen: Sighting) -> Sighting | None:
    """Return what a read leaves open, None where it proves that bytes are right or are others.

    What was short or absent, twice, is a loss only where the next audit sees it as well.
    """
    if seen.hashed or seen.corrupt:
        return None
    known = seen.state is State.UNKNOWN
    return seen if known else unknown(Reason.UNCONFIRMED, f"full read: {seen.detail}")


def _unsettled(wanted: Iterable[Subject]) -> dict[Place, Sighting]:
    """Return the places of what was opened twice, and was something else each time."""
    doubt = unknown(Reason.UNCONFIRMED, "unpacked twice, with different results")
    odd = [each for each in wanted if each.again]
    return {(need.repository, each.digest): doubt for each in odd for need in each.needs}


def _due(scrub: Scrub, snapshot: Snapshot) -> Sequence[Subject]:
    wanted = _wanted(scrub, snapshot)
    scrub.proofs.want(snapshot.registry, [each.digest for each in wanted])
    known = scrub.proofs.scrubbed(snapshot.registry)
    waiting = due(wanted, known, time.time(), scrub.terms.period)
    spared = len(wanted) - len(waiting)
    _say(
        f"{snapshot.registry}: reading {len(waiting):,} blobs and manifests, "
        f"{size_words(sum(each.size for each in waiting))}; {spared:,} already verified"
    )
    return waiting


def _wanted(scrub: Scrub, snapshot: Snapshot) -> Sequence[Subject]:
    found = subjects(snapshot, hidden=scrub.source.shared)
    if scrub.unpacker is None:
        return found
    return opened(found, snapshot, scrub.proofs.scrubbed(snapshot.registry).contents)


def doubted(snapshot: Snapshot, unread: Mapping[Place, Sighting]) -> Snapshot:
    """What was asked for and could not be read is could not verify: its last byte is."""
    doubts = {
        at: seen
        for at, seen in unread.items()
        if at in snapshot.sightings and snapshot.sightings[at].state is State.PRESENT
    }
    return replace(snapshot, sightings={**snapshot.sightings, **doubts})


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
