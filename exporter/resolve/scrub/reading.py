"""What does reading all of something prove? Nothing is corrupt after one read."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.misfit import Inside
from exporter.facts.proof import GONE, HASHED, Sighting, State, unknown
from exporter.oci.manifest import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Place, Repository
from exporter.ports import Bytes, Sink, Unseen
from exporter.resolve.confirm import Look, settle, suspicion
from exporter.resolve.method import Method, pause
from exporter.resolve.scrub.opening import Opening
from exporter.resolve.scrub.subjects import Need, Subject
from exporter.resolve.scrub.unpacking import Unpacker

_log: Final = logging.getLogger("pullproof.scrub")


@dataclass(frozen=True, slots=True)
class Found:
    """What came of reading one thing."""

    sightings: dict[Place, Sighting]
    content: Inside | None = None
    """What is in it, where it was to be opened and its bytes were right."""

    @property
    def outcome(self) -> str:
        """The worst that was seen: one of `sources.tally.OUTCOMES`."""
        if any(each.corrupt for each in self.sightings.values()):
            return "mismatch"
        states = {each.state for each in self.sightings.values()}
        if states & GONE:
            return "gone"
        return "unknown" if State.UNKNOWN in states else "match"


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads from one registry, or from the storage behind it."""

    source: Bytes
    sink: Sink
    method: Method = field(default_factory=Method)
    unpacker: Unpacker | None = None

    async def prove(self, subject: Subject) -> Found:
        """Return what the bytes are at each place about which a read says something.

        One whole read proves them right. Wrong, short or absent they are only where a second read
        agrees, that no cache of the first one answers, and where the manifest above was right in
        between. What one repository has wrong is read in every other one that needs it.
        """
        digest = subject.digest
        first, *others = subject.needs
        opening = self._opening(subject)
        seen = await self._settled(first, subject, opening)
        if self.source.shared:
            places = {(need.repository, digest): seen for need in subject.needs}
            return Found(places, opening.content if opening else None)
        found = {(first.repository, digest): seen}
        for need in others if seen.corrupt or subject.corrupt else ():
            found[need.repository, digest] = await self._settled(need, subject, opening)
        return Found(found, opening.content if opening else None)

    def _opening(self, subject: Subject) -> Opening | None:
        if self.unpacker is None or subject.part is None:
            return None
        return Opening(self.sink, subject.part, self.unpacker)

    async def _settled(self, need: Need, subject: Subject, opening: Opening | None) -> Sighting:
        target = subject.target
        look = await self._look(need.repository, target, opening, again=subject.again)
        if isinstance(look, Sighting):
            return look
        await pause(self.method, (look,))
        good = await self._good_above(need)
        again = await self._look(need.repository, target, opening, again=True)
        return settle(look, again, neighbour=good)

    async def _look(
        self,
        repository: Repository,
        target: Descriptor,
        opening: Opening | None = None,
        *,
        again: bool = False,
    ) -> Look:
        try:
            answer = await self.source.prove(repository, target, opening or self.sink, again=again)
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        except Exception as error:  # noqa: BLE001 - what is due after it has its turn
            _log.exception("unexpected exception", extra={"digest": target.digest})
            return unknown(Reason.INTERNAL, Unseen.unexpected(target.digest, error).detail)
        if answer is not None:
            return suspicion(answer)
        if opening is not None:
            await opening.end()
        return HASHED

    async def _good_above(self, need: Need) -> bool:
        """Is the manifest right by which it is needed? A tag's own stands for itself."""
        if need.above is None:
            return True
        look = await self._look(need.repository, Descriptor(OCI_MANIFEST, need.above, None))
        return isinstance(look, Sighting) and look.hashed
