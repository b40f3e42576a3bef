"""The scrub of one registry: select what is due, read it in full, record what that proved.

`serve` does so in the background, within a budget; the command does so at once.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.facts.gap import Reason
from exporter.facts.proof import Sighting, State, unknown
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.reference import Place
from exporter.ports import Content
from exporter.resolve.scrub.reading import FullReader, ReadResult, Throttle
from exporter.resolve.scrub.selection import (
    Coverage,
    ScrubItem,
    coverage,
    due,
    needed_items,
    with_parts,
)
from exporter.resolve.target import AuditLimits, Scrub, Target


@dataclass(frozen=True, slots=True)
class ScrubPlan:
    """The content that a scrub has to read, by the latest audit."""

    needed: tuple[ScrubItem, ...]
    due: list[ScrubItem]
    """Content to read now, the most urgent first."""
    coverage: Coverage

    @property
    def disputed(self) -> list[ScrubItem]:
        """Return the layers and configurations that differ from an image after one reading."""
        return [each for each in self.needed if each.again]


class Scrubber:
    """Plans and performs the scrub of one registry."""

    def __init__(
        self, registry: str, scrub: Scrub, limits: AuditLimits, content: Content | None = None
    ) -> None:
        """Read at the rate that the scrub's terms allow, and count every byte.

        Manifests of `content` are not read where that leaves a trace: an audit hashed them once.
        """

        def counted(size: int) -> None:
            scrub.tally.size += size

        self.registry, self.scrub = registry, scrub
        throttle = Throttle(scrub.terms.bytes_per_second, counted)
        self._reading = FullReader(scrub.source, throttle, limits, scrub.unpacker, content)

    @classmethod
    def of(cls, target: Target) -> "Scrubber | None":
        """Return a target's scrubber, or None if its content is not read in full."""
        if target.scrub is None:
            return None
        content = None if target.scrub.source.shared else target.registry
        return cls(target.registry.name, target.scrub, target.limits, content)

    def plan(
        self, snapshot: Snapshot, now: float, tried: Mapping[Digest, float] | None = None
    ) -> ScrubPlan:
        """Return the needed and the due content; `now` is in seconds since the epoch.

        `tried` holds when something could not be read: it waits, and others go first.
        """
        scrub, period = self.scrub, self.scrub.terms.period
        traced = self._reading.leaves_trace
        needed = needed_items(snapshot, hidden=scrub.source.shared, manifests=not traced)
        scrub.proofs.want(self.registry, [each.digest for each in needed])
        known = scrub.proofs.scrubbed(self.registry)
        if scrub.unpacker is not None:
            needed = tuple(with_parts(needed, snapshot, known.contents))
        ordered = due(needed, known, now, period, tried)
        return ScrubPlan(needed, ordered, coverage(needed, known, now, period))

    async def verify(self, item: ScrubItem, now: float) -> ReadResult:
        """Read a blob or manifest in full, and record and count the outcome."""
        found = await self._reading.prove(item)
        await asyncio.to_thread(self._record, item, found, now)
        blobs = self.scrub.tally.blobs
        blobs[found.outcome] = blobs.get(found.outcome, 0) + 1
        return found

    def _record(self, item: ScrubItem, found: ReadResult, at: float) -> None:
        proofs = self.scrub.proofs
        proofs.note(self.registry, found.sightings, at)
        if found.content is not None:
            proofs.learn(self.registry, item.digest, found.content)


def unverified(found: ReadResult) -> dict[Place, Sighting]:
    """Return the places whose bytes a full read proved neither right nor corrupt, as unknown.

    Bytes that were short or absent, twice, are lost only if the next audit sees it as well.
    """
    return {
        at: seen
        if seen.state is State.UNKNOWN
        else unknown(Reason.UNCONFIRMED, f"full read: {seen.detail}")
        for at, seen in found.sightings.items()
        if not (seen.hashed or seen.corrupt)
    }


def still_disputed(plan: ScrubPlan) -> dict[Place, Sighting]:
    """Return the places of content that was unpacked twice, with different results."""
    doubt = unknown(Reason.UNCONFIRMED, "unpacked twice, with different results")
    return {(need.repository, each.digest): doubt for each in plan.disputed for need in each.needs}


def doubted(snapshot: Snapshot, unread: Mapping[Place, Sighting]) -> Snapshot:
    """Return the snapshot where content that could not be verified is unknown.

    An audit reads only last bytes, and would call it present.
    """
    doubts = {
        at: seen
        for at, seen in unread.items()
        if at in snapshot.sightings and snapshot.sightings[at].state is State.PRESENT
    }
    return replace(snapshot, sightings=snapshot.sightings.amended(doubts))
