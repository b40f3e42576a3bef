"""Contradictions: a registry and its storage differ, and still do when both are read again.

A push, a deletion or a repair during the audit makes them differ once. What differs twice is a
stale cache, a replica that is behind, or the storage of another registry.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

import numpy as np

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import GONE, Proof, Sighting, State
from exporter.facts.sightings import Sightings
from exporter.facts.snapshot import Disagreement
from exporter.facts.stored import UNSURE
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import Descriptor
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Place
from exporter.ports import BlobRead, Content, Storage, Unseen
from exporter.resolve.concurrency import abreast, in_daemon_thread
from exporter.resolve.stored import StorageProofs
from exporter.resolve.tags import Answer, TagName

_MOST: Final = 100
"""Maximum contradictions that are requested again: of more, these decide."""
_PATIENCE: Final = 60.0
"""Maximum seconds for a second look at the storage: a disk or a share may never answer."""
_SERVED: Final = {
    Proof.HEAD: "there, by HEAD",
    Proof.LAST_BYTE: "its last byte was read",
    Proof.HASH: "read in full",
}
"""Proofs that a registry gave, in words."""
_LACKS: Final = "not there, or not linked in the repository"
_NO_TAG: Final = "no such tag"


@dataclass(frozen=True, slots=True)
class AuditAnswers:
    """The registry's answers in one audit."""

    sightings: Sightings
    manifests: Mapping[Digest, Manifest]
    blobs: Mapping[Place, Descriptor]
    """The places that are blobs; all others are manifests."""
    tags: Mapping[TagName, Answer]

    def size(self, place: Place) -> int | None:
        """Return the size that a place must have, if it is known."""
        if place in self.blobs:
            return self.blobs[place].size
        manifest = self.manifests.get(place[1])
        return manifest.size if manifest else None


async def contradictions(
    asked: AuditAnswers, proofs: StorageProofs, storage: Storage, content: Content, width: int
) -> tuple[tuple[Disagreement, ...], Gap | None]:
    """Return what differs twice, and why the storage could not be read again."""
    again = _Again(asked, storage, content)

    def lasting() -> list[Disagreement]:
        suspects = chain(_tags(asked, proofs), _contents(asked, proofs))
        return list(islice(filter(None, map(again.look, suspects)), _MOST))

    try:
        async with asyncio.timeout(_PATIENCE):
            still = await in_daemon_thread(lasting)
    except TimeoutError:
        return (), Gap(Scope.REGISTRY, "storage", Reason.TIMEOUT, "no answer in a minute")
    except Unseen as unseen:
        return (), unseen.gap(Scope.REGISTRY)
    agreed = dict(await abreast(width, again.ask, still))
    return tuple(each for each in still if agreed[each]), None


def _tags(asked: AuditAnswers, proofs: StorageProofs) -> Iterator[Disagreement]:
    """Yield the tags that reference different digests in storage and registry."""
    answers = sorted(asked.tags.items(), key=lambda answer: answer[0][0])
    for (repository, tag), (digest, seen) in answers:
        stored = None if seen.proof is Proof.STORED else proofs.all_tags(repository)
        if stored is None:
            continue
        named = stored.get(tag)
        if seen.state is State.PRESENT and digest and named != digest:
            yield Disagreement(repository, tag, digest, str(digest), named or _NO_TAG)
        elif seen.state in GONE and named and (whole := _digest(named)):
            (size,), _ = proofs.stored.sizes([(repository, whole)], proofs.inventory.revisions)
            if size >= 0:
                yield Disagreement(repository, tag, whole, seen.detail, named, stored=True)


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except Malformed:
        return None


def _contents(asked: AuditAnswers, proofs: StorageProofs) -> Iterator[Disagreement]:
    """Yield content that only the registry has, and content that only the storage has."""
    places = [place for place, _ in asked.sightings.having(_was_answered)]
    inventory, stored = proofs.inventory, proofs.stored
    layers, _ = stored.sizes(places, inventory.layers)
    revisions, _ = stored.sizes(places, inventory.revisions)
    blobs = np.fromiter((place in asked.blobs for place in places), bool, len(places))
    stated = np.array([UNSURE if (n := asked.size(each)) is None else n for each in places], int)
    states = (asked.sightings[place].state for place in places)
    served = np.fromiter((state is State.PRESENT for state in states), bool, len(places))
    own, any_link = np.where(blobs, layers, revisions), np.maximum(layers, revisions)
    right = (any_link == stated) | ((stated < 0) & (any_link >= 0))
    lacks = served & ~right & (any_link != UNSURE)
    holds = ~served & (own >= 0) & ((own == stated) | (stated < 0))
    for at in np.flatnonzero(lacks | holds).tolist():
        (repository, digest), seen = places[at], asked.sightings[places[at]]
        said = _SERVED.get(seen.proof, "") if served[at] else seen.detail
        yield Disagreement(repository, None, digest, said, "", stored=not served[at])


def _was_answered(seen: Sighting) -> bool:
    """Did the registry serve or deny it in this audit? Wrong bytes are neither."""
    if seen.state is State.PRESENT:
        return seen.proof in _SERVED
    return seen.state in GONE and not seen.corrupt and seen.seen_at is None


@dataclass(frozen=True, slots=True)
class _Again:
    """The second request of what differs: the storage first, then the registry."""

    asked: AuditAnswers
    storage: Storage
    content: Content

    def look(self, suspect: Disagreement) -> Disagreement | None:
        """Return the disagreement by the storage of now; None if there is none any more.

        Raises `Unseen`.
        """
        repository, digest = suspect.repository, suspect.digest
        if suspect.tag:
            named = self.storage.tagged(repository, suspect.tag)
            if not suspect.stored:
                return None if named == digest else replace(suspect, storage=named or _NO_TAG)
            if named is None or (place := _digest(named)) is None:
                return None
            held = self.storage.size(repository, place, manifest=True) is not None
            return replace(suspect, digest=place, storage=named) if held else None
        return self._content(suspect, (repository, digest))

    def _content(self, suspect: Disagreement, place: Place) -> Disagreement | None:
        manifest, stated = place not in self.asked.blobs, self.asked.size(place)
        size = self.storage.size(*place, manifest=manifest)
        if size is None and not suspect.stored:
            size = self.storage.size(*place, manifest=not manifest)
        whole = size is not None and stated in (None, size)
        if whole is not suspect.stored:
            return None
        words = _LACKS if size is None else f"{size:,} bytes"
        if size is not None and not whole:
            words = f"{size:,} of {stated:,} bytes"
        return replace(suspect, storage=words)

    async def ask(self, suspect: Disagreement) -> bool:
        """Does the registry still say the same?"""
        try:
            return await self._serves(suspect) is not suspect.stored
        except Unseen:
            return False

    async def _serves(self, suspect: Disagreement) -> bool:
        repository, digest = suspect.repository, suspect.digest
        if suspect.tag:
            found = await self.content.head(repository, suspect.tag)
            return isinstance(found, Digest) and (suspect.stored or found == digest)
        blob = self.asked.blobs.get((repository, digest))
        if blob is not None:
            return isinstance(await self.content.read(repository, blob), BlobRead)
        return isinstance(await self.content.head(repository, digest), Digest)
