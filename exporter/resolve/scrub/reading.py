"""What does reading all of something prove? Nothing is corrupt after one read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.facts.proof import HASHED, Sighting, unknown
from exporter.oci.manifest import OCI_MANIFEST, Descriptor
from exporter.resolve.confirm import Look, settle, suspicion
from exporter.resolve.method import Method, pause
from exporter.sources import Bytes, Sink, Unseen

if TYPE_CHECKING:
    from exporter.oci.reference import Place, Repository
    from exporter.resolve.scrub.subjects import Need, Subject


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads from one registry, or from the storage behind it."""

    source: Bytes
    sink: Sink
    method: Method = field(default_factory=Method)

    async def prove(self, subject: Subject) -> dict[Place, Sighting]:
        """Return what the bytes are at each place about which a read says something.

        One whole read proves them right. Wrong, short or absent they are only where a second read
        agrees, that no cache of the first one answers, and where the manifest above was right in
        between. What one repository has wrong is read in every other one that needs it.
        """
        digest = subject.digest
        first, *others = subject.needs
        seen = await self._settled(first, subject.target)
        if self.source.shared:
            return {(need.repository, digest): seen for need in subject.needs}
        found = {(first.repository, digest): seen}
        for need in others if seen.corrupt or subject.corrupt else ():
            found[need.repository, digest] = await self._settled(need, subject.target)
        return found

    async def _settled(self, need: Need, target: Descriptor) -> Sighting:
        look = await self._look(need.repository, target)
        if isinstance(look, Sighting):
            return look
        await pause(self.method, (look,))
        good = await self._good_above(need)
        again = await self._look(need.repository, target, again=True)
        return settle(look, again, neighbour=good)

    async def _look(
        self, repository: Repository, target: Descriptor, *, again: bool = False
    ) -> Look:
        try:
            answer = await self.source.prove(repository, target, self.sink, again=again)
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        return HASHED if answer is None else suspicion(answer)

    async def _good_above(self, need: Need) -> bool:
        """Is the manifest right by which it is needed? A tag's own stands for itself."""
        if need.above is None:
            return True
        look = await self._look(need.repository, Descriptor(OCI_MANIFEST, need.above, None))
        return isinstance(look, Sighting) and look.hashed
