"""What is below these manifests? Breadth first; each digest read once, each place asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.proof import HASHED, HEADER, Sighting, State, unknown
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import Descriptor, Manifest, parse
from exporter.oci.reference import Place
from exporter.resolve.confirm import Look, Suspect, confirm, suspicion
from exporter.resolve.method import Method, abreast
from exporter.resolve.sharing import Sharing
from exporter.sources import Body, Content, Unseen
from exporter.sources.memory import Memory

_BATCH: Final = 500
"""Bodies that wait in memory before they are handed to the ledger."""


@dataclass(slots=True)
class Walk:
    """One walk through one registry. `run` it once; then its fields hold what was seen."""

    content: Content
    memory: Memory
    method: Method
    follow: Callable[[tuple[Descriptor, ...]], Iterable[Descriptor]] = iter
    """Which of an index's entries are looked at? Not those that a sparse mirror leaves out."""
    sharing: Sharing = field(default_factory=Sharing)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    sightings: dict[Place, Sighting] = field(default_factory=dict)
    above: dict[Place, Place] = field(default_factory=dict)
    """The index by which each child was reached first."""
    bare: set[Place] = field(default_factory=set)
    """Manifests whose platform no index states."""
    _far: dict[Place, Sighting] = field(default_factory=dict)
    """Manifests past a limit: looked at only where something else leads to them."""
    _fresh: dict[Digest, bytes] = field(default_factory=dict)

    async def run(self, starts: Iterable[Place]) -> None:
        """Look at these manifests and at every manifest below them."""
        wave = list(dict.fromkeys(starts))
        self.bare.update(wave)
        for _ in range(self.method.depth + 1):
            await self._manifests(wave)
            wave = list(dict.fromkeys(child for place in wave for child in self._below(place)))
        deep = unknown(Reason.TOO_LARGE, "indexes are nested too deeply")
        for place, seen in (*((place, deep) for place in wave), *self._far.items()):
            self.sightings.setdefault(place, seen)
        await self._keep()

    async def _manifests(self, wave: list[Place]) -> None:
        """Read each new digest once, wherever it is first; then ask for the other places."""
        firsts = list({digest: (repository, digest) for repository, digest in wave}.values())
        chosen = set(firsts)
        suspects: dict[Place, Suspect] = {}
        for group in (firsts, [place for place in wave if place not in chosen]):
            looks = await abreast(self.method.width, self._manifest, group)
            self._note(looks, suspects)
        self.sightings.update(
            await confirm(suspects, self._manifest, self.above, self.content, self.method)
        )

    def _note(self, looks: Iterable[tuple[Place, Look]], suspects: dict[Place, Suspect]) -> None:
        for place, look in looks:
            if isinstance(look, Suspect):
                suspects[place] = look
            else:
                self.sightings[place] = look

    async def _manifest(self, place: Place) -> Look:
        """HEAD for a manifest whose body is kept, GET for a new one."""
        digest = place[1]
        try:
            if digest in self.manifests or self._recall(digest):
                header = await self.content.head(*place)
                return HEADER if isinstance(header, Digest) else suspicion(header)
            answer = await self.content.manifest(*place)
            if not isinstance(answer, Body):
                return suspicion(answer)
            self.manifests[digest] = self.sharing.share(parse(answer.content, digest))
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        except Malformed as error:
            return unknown(Reason.MALFORMED, str(error))
        self._fresh[digest] = answer.content
        if len(self._fresh) >= _BATCH:
            await self._keep()
        return HASHED

    def _recall(self, digest: Digest) -> bool:
        body = self.memory.manifest(digest)
        if body is None:
            return False
        self.manifests[digest] = self.sharing.share(parse(body, digest))
        return True

    async def _keep(self) -> None:
        fresh, self._fresh = self._fresh, {}
        if fresh:
            await asyncio.to_thread(self.memory.keep_manifests, fresh)

    def _below(self, place: Place) -> Iterator[Place]:
        """The manifests that a standing index lists and that were not looked at yet."""
        repository, digest = place
        manifest = self.standing(place)
        entries = manifest.children if manifest else ()
        far = unknown(Reason.TOO_LARGE, "past the limit of an index's entries")
        for entry in entries[self.method.children :]:
            self._far[repository, entry.digest] = far
        for entry in self.follow(entries[: self.method.children]):
            child = (repository, entry.digest)
            if entry.platform is None:
                self.bare.add(child)
            if child not in self.sightings:
                self.above[child] = (repository, digest)
                yield child

    def standing(self, place: Place) -> Manifest | None:
        """Return the manifest, where this repository was just proven to hold it."""
        seen = self.sightings.get(place)
        return self.manifests.get(place[1]) if seen and seen.state is State.PRESENT else None
