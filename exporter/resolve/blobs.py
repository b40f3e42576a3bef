"""BlobCheck: one request per blob and repository, however many manifests share it."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import itemgetter
from typing import Final

import numpy as np

from exporter.facts.digests import rows_of, split
from exporter.facts.gap import Reason
from exporter.facts.proof import (
    DISPUTED,
    ELSEWHERE,
    HASHED,
    HEADER,
    INLINED,
    LAST_BYTE,
    Proof,
    Sighting,
    State,
    unknown,
)
from exporter.facts.stated import StatedContent
from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import IMAGE_CONFIGS, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.platform import Platform
from exporter.oci.reference import Place, Repository
from exporter.ports import Absent, BlobRead, Unseen, Wrong
from exporter.resolve.concurrency import spread
from exporter.resolve.confirm import Look, Suspect, recovered, suspicion
from exporter.resolve.stored import StorageProofs
from exporter.resolve.walk import Walk

LARGEST_CONFIG: Final = 4 * 2**20
"""Maximum bytes of an image's configuration; a larger one is not parsed."""

_SMALL: Final = 64 * 2**10
"""A blob of up to so many bytes is read in full at once: a range costs as much."""
_AT_ONCE: Final = 500
"""Manifests whose blobs are requested together."""
Standing = Mapping[Repository, tuple[Digest, ...]]
"""The manifests that stand in each repository."""
_CONTENT: Final = frozenset({Kind.CONFIG, Kind.LAYER, Kind.BLOB})


@dataclass(slots=True)
class BlobCheck:
    """The blobs of the manifests that a walk read. `prove` requests them, once for the walk."""

    walk: Walk
    proofs: StorageProofs | None = None
    """The storage's proofs, which spare the registry requests; None without a storage."""
    always: frozenset[Place] = frozenset()
    """Manifests whose blobs are requested whatever the storage proves."""
    read: int = 0
    """Bytes of blobs that were read in full."""
    platforms: dict[Digest, Platform] = field(default_factory=dict)
    """Platforms by configuration digest, of images whose index states none."""
    _wanted: dict[Place, Descriptor] = field(default_factory=dict)
    _whole: set[Place] = field(default_factory=set)
    """Configurations to read in full, because only they state the platform."""
    _loose: set[Place] = field(default_factory=set)
    """Entries of an index that are no known manifest: a node tries them as manifest and as blob."""
    _exempt: dict[Place, Sighting] = field(default_factory=dict)
    """Content that some manifest does not expect here: requested only if another one does."""
    _disputed: list[Place] = field(default_factory=list)
    _parsing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One configuration is parsed at a time, since parsing takes memory."""

    async def prove(self) -> None:
        """Request every blob of the present manifests."""
        walk = self.walk
        standing = await asyncio.to_thread(_standing, walk)
        suspects: dict[Place, Suspect] = {}

        async def note(place: Place) -> None:
            look = await self._look(place)
            walk.progress.done += 1
            if isinstance(look, Suspect):
                suspects[place] = look
            else:
                walk.sightings[place] = look

        parts = _parts(standing)
        for part in parts:
            new = await self._collected(part)
            await spread(walk.limits.width, note, await self._ordered(note, new, parts))
            if not self.proofs:
                self._wanted = {place: self._wanted[place] for place in suspects}
        above = _above(walk, standing, suspects) if suspects else {}
        settled = await walk.confirmed(suspects, self._look_again, above)
        walk.sightings.update(settled)
        walk.recovered.update(recovered(suspects, settled))
        walk.sightings.update((place, DISPUTED) for place in self._disputed)
        for place, seen in self._exempt.items():
            walk.sightings.setdefault(place, seen)
        await walk.fresh.flush()

    @property
    def asked(self) -> Mapping[Place, Descriptor]:
        """The requested blobs, if the storage spared any."""
        return self._wanted

    async def _collected(self, part: Standing) -> list[Place]:
        """Note the blobs of some repositories; return those to request."""
        known = len(self._wanted)
        await asyncio.to_thread(self._collect, part)
        new = list(islice(self._wanted, known, None))
        self.walk.progress.expect("blobs", len(new))
        return new

    def _spare(
        self, proofs: StorageProofs, repository: Repository, digests: tuple[Digest, ...]
    ) -> tuple[Digest, ...]:
        """Take from the storage what it proves of a repository; return whose content is left.

        By arrays, for all at once: of most manifests nothing is left.
        """
        walk = self.walk
        manifests = [walk.manifests[each] for each in digests]
        stated = StatedContent.of(manifests)
        asked = set[bytes]()
        for at, manifest in enumerate(manifests):
            place = (repository, manifest.digest)
            if place in self.always or place in walk.bare or at in stated.unusual:
                asked.update(self._asked_anyway(place, manifest))
        left = stated.agreed & ~walk.sightings.marked(repository, stated.digests, lambda _: True)
        left &= ~np.isin(stated.digests, rows_of(b"".join(asked)))
        spared = np.zeros(len(left), bool)
        spared[left] = proofs.blobs(repository, stated.digests[left], stated.sizes[left])
        walk.sightings.add_packed(repository, split(stated.digests[spared]), proofs.sighting)
        rest = stated.unusual.union(stated.stating(~spared))
        return tuple(digests[at] for at in sorted(rest))

    def _asked_anyway(self, place: Place, manifest: Manifest) -> Iterator[bytes]:
        """Mark a manifest's content; yield the packed digests that are requested in any case."""
        for link in manifest.links:
            if link.kind in _CONTENT:
                target = link.target
                blob = (place[0], target.digest)
                if blob not in self.walk.sightings:
                    self._mark(blob, link.kind, target, bare=place in self.walk.bare)
                if place in self.always or blob in self._whole or blob in self._loose:
                    yield target.digest.packed

    async def _ordered(
        self,
        note: Callable[[Place], Awaitable[None]],
        new: list[Place],
        rest: Iterator[Standing],
    ) -> list[Place]:
        """Request the smallest blob, to learn whether ranges are ignored; return the others.

        Where they are, what is read in full is decided over all that is left.
        """
        sized = (place for place in new if (self._wanted[place].size or 0) > 1)
        first = min(sized, key=lambda place: self._wanted[place].size or 0, default=None)
        if first is None or self.walk.limits.proof is Proof.HEAD:
            return new
        await note(first)
        others = [place for place in new if place != first]
        if self.walk.plan is None or self.walk.content.ranges is not False:
            return others
        for part in rest:
            others += await self._collected(part)
        await asyncio.to_thread(self.walk.plan.recall)
        return self.walk.plan.ordered(others)

    def _collect(self, standing: Standing) -> None:
        """Note each blob of some repositories once, and those whose size the manifests dispute."""
        walk = self.walk
        if self.proofs:
            proofs, every = self.proofs, standing.items()
            standing = {at: self._spare(proofs, at, digests) for at, digests in every}
        for place, link in _content(walk, standing):
            target = link.target
            blob = (place[0], target.digest)
            if blob in walk.sightings:
                continue
            self._mark(blob, link.kind, target, bare=place in walk.bare)
            if target.inline or not target.distributable:
                self._exempt[blob] = INLINED if target.inline else ELSEWHERE
                continue
            known = self._wanted.setdefault(blob, target)
            if known.size is None:  # schema 1 does not say
                self._wanted[blob] = target
            elif target.size not in (None, known.size):
                self._disputed.append(blob)

    def _mark(self, blob: Place, kind: Kind, target: Descriptor, *, bare: bool) -> None:
        if kind is Kind.BLOB:
            self._loose.add(blob)
        if not bare or target.media_type not in IMAGE_CONFIGS or target.digest in self.platforms:
            return
        known = target.data if target.inline else self.walk.memory.manifest(target.digest)
        if known is not None:
            self._read_platform(target.digest, known)
        elif target.size and target.size <= LARGEST_CONFIG:
            self._whole.add(blob)

    async def _look(self, place: Place) -> Look:
        return await self._asked(place, self._sparingly)

    async def _look_again(self, place: Place) -> Look:
        """Read an apparent loss whatever it costs: there are few."""
        return await self._asked(place, self._read)

    async def _asked(
        self, place: Place, read: Callable[[Place, Descriptor], Awaitable[Look]]
    ) -> Look:
        by_header = self.walk.limits.proof is Proof.HEAD
        try:
            return await (self._claimed if by_header else read)(place, self._wanted[place])
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)

    async def _sparingly(self, place: Place, target: Descriptor) -> Look:
        """Read a blob, unless it can only be read in full and that is not due, or too much now.

        Content that was read before is requested by HEAD meanwhile.
        """
        plan, size = self.walk.plan, target.size
        small = place in self._whole or (size is not None and size <= _SMALL)
        if plan is None or small or self.walk.content.ranges is not False:
            return await self._read(place, target)
        at = plan.proven_at(place)
        if at is None:
            if plan.afford(size or 0):
                return await self._read(place, target)
            words = "the registry ignores ranges, and this audit may read no more bytes in full"
            return unknown(Reason.BUDGET, words)
        if not plan.fresh(place) and plan.afford(size or 0):
            return await self._read(place, target)
        claimed = await self.walk.content.stat(place[0], target)
        if isinstance(claimed, Absent):
            return suspicion(claimed)
        if claimed is not None and size not in (None, claimed):
            return await self._read(place, target)
        return replace(HASHED, seen_at=at)

    async def _read(self, place: Place, target: Descriptor) -> Look:
        whole = place in self._whole
        answer = await self.walk.content.read(place[0], target, whole=whole)
        if isinstance(answer, Absent) and place in self._loose:
            header = await self.walk.content.head(*place)
            return HEADER if isinstance(header, Digest) else suspicion(answer)
        if isinstance(answer, Wrong) or (isinstance(answer, BlobRead) and answer.hashed):
            self.read += target.size or 0
        if isinstance(answer, Absent | Wrong):
            return suspicion(answer)
        if whole:
            async with self._parsing:
                await asyncio.to_thread(self._read_platform, target.digest, answer.content)
            await self.walk.fresh.add(target.digest, answer.content)
        return HASHED if answer.hashed else LAST_BYTE

    async def _claimed(self, place: Place, target: Descriptor) -> Look:
        size = await self.walk.content.stat(place[0], target)
        if isinstance(size, Absent):
            return suspicion(size)
        if size is not None and target.size is not None and size != target.size:
            return await self._read(place, target)  # a header proves no loss either
        return HEADER

    def _read_platform(self, digest: Digest, body: bytes) -> None:
        try:
            self.platforms[digest] = stated_platform(body)
        except Malformed:
            return  # an odd configuration says nothing about its platform, and nothing worse


def _standing(walk: Walk) -> Standing:
    """Return the manifests that stand in each repository, in the order in which they were read."""
    numbers = {digest: number for number, digest in enumerate(walk.manifests)}
    found: dict[Repository, list[int]] = {}
    for repository in walk.sightings.repositories:
        seen = walk.sightings.of(repository)
        there = (at for at, look in seen.items() if look.state is State.PRESENT and at in numbers)
        if rows := sorted(map(numbers.__getitem__, there)):
            found[repository] = rows
    del numbers
    own = [each.digest for each in walk.manifests.values()]
    ordered = sorted(found.items(), key=itemgetter(1))
    return {repository: tuple(own[at] for at in rows) for repository, rows in ordered}


def _parts(standing: Standing) -> Iterator[Standing]:
    """Yield repositories, several at a time: blobs that wait for their proof take memory."""
    part: dict[Repository, tuple[Digest, ...]] = {}
    held = 0
    for repository, digests in standing.items():
        part[repository], held = digests, held + len(digests)
        if held >= _AT_ONCE:
            yield part
            part, held = {}, 0
    if part:
        yield part


def _content(walk: Walk, standing: Standing) -> Iterator[tuple[Place, Link]]:
    """Yield the content that the present manifests reference."""
    for repository, digests in standing.items():
        for digest in digests:
            for link in walk.manifests[digest].links:
                if link.kind in _CONTENT:
                    yield (repository, digest), link


def _above(walk: Walk, standing: Standing, blobs: Container[Place]) -> dict[Place, Place]:
    """Return the manifest that needs each of these blobs."""
    named = ((place, (place[0], link.target.digest)) for place, link in _content(walk, standing))
    return {blob: place for place, blob in named if blob in blobs}


def stated_platform(config: bytes) -> Platform:
    """Return where an image's configuration says that it runs; raise `Malformed` if it does not.

    Source: OCI image-spec, config.md (`os`, `architecture`, `variant`).
    """
    document = strict.document(config, strict.CONFIG_VALUES)
    fields = document if isinstance(document, dict) else {}
    parts = [fields.get(name) or "" for name in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) for part in parts) or not (parts[0] and parts[1]):
        raise Malformed("configuration states no platform")
    return Platform.of(*parts)
