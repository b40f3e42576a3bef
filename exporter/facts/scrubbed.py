"""Results of full verification, and their use in later audits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.facts.diff_ids import Difference, DiffIdMismatch, Known, differences
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import HASHED, Proof, Sighting, State
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Place

_GLANCED: Final = frozenset({Proof.STORED, Proof.LAST_BYTE})
"""Proofs of the length alone."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The full reads of one digest's bytes. Times are seconds since the epoch."""

    since: float
    """When something needed it first, as far as is remembered."""
    at: float | None = None
    """When its bytes were last read in full and matched; None if they never were."""

    @property
    def counts_from(self) -> float:
        """Since when is a proof of it waited for?"""
        return self.since if self.at is None else self.at


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Bytes that twice hashed to another digest, and were not proven right since."""

    at: float
    detail: str


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """The results of earlier full reads of one registry, by scrubs and audits."""

    proofs: Mapping[Digest, Proven] = field(default_factory=dict)
    places: Mapping[Place, float] = field(default_factory=dict)
    """When a place's bytes were last read in full and matched."""
    mismatches: Mapping[Place, Mismatch] = field(default_factory=dict)
    contents: Mapping[Digest, Known] = field(default_factory=dict)
    """Unpacked layers and the diff ids of configurations, if they are compared."""
    shared: bool = False
    """Are the same bytes handed out for a digest in all repositories?"""

    def fresh(self, digest: Digest, now: float, period: float) -> bool:
        """Were its bytes verified within a period, in seconds?

        A proof that lies further ahead than that is of a clock that was, and may be of any age.
        """
        return _within(self._proven_at(digest), now, period)

    def covers(self, place: Place, now: float, period: float) -> bool:
        """Were the bytes that a place hands out proven right within a period, in seconds?"""
        return _within(self.proven_at(place), now, period)

    def proven_at(self, place: Place) -> float | None:
        """Return when the bytes of a place were last verified; None if never.

        Nor where they were wrong since: in seconds since the epoch.
        """
        if place in self.mismatches:
            return None
        return self._proven_at(place[1]) if self.shared else self.places.get(place)

    def right_since(self, digest: Digest, wrong_at: float) -> bool:
        """Were its bytes proven right after they were wrong?"""
        at = self._proven_at(digest)
        return at is not None and at >= wrong_at

    def _proven_at(self, digest: Digest) -> float | None:
        known = self.proofs.get(digest)
        return known.at if known is not None else None


def _within(at: float | None, now: float, period: float) -> bool:
    return at is not None and abs(now - at) <= period


def recall(now: Snapshot, before: Snapshot | None, scrubbed: Scrubbed, period: float) -> Snapshot:
    """Return the sightings of now, with former results of full verification.

    Corrupt bytes stay corrupt until a full read finds them right, however often their last byte
    is there. Bytes that were hashed within the period, in seconds, and whose last byte was read
    now or whose file is stored, are proven by their hash.
    """
    mismatches = {**_held(before, scrubbed), **scrubbed.mismatches}
    recalled, any_ = now.sightings.copy(), False
    for place, seen in now.sightings.items():
        glanced = seen.state is State.PRESENT and seen.proof in _GLANCED
        if place in mismatches:
            recalled[place], any_ = _corrupt(seen, mismatches[place]), True
        elif glanced and scrubbed.covers(place, now.taken_at, period):
            recalled[place], any_ = HASHED, True
    return replace(now, sightings=recalled) if any_ else now


def _held(before: Snapshot | None, scrubbed: Scrubbed) -> dict[Place, Mismatch]:
    """Return what was corrupt in the snapshot before, in case the scrubs' memory was lost."""
    if before is None:
        return {}
    held = {
        place: Mismatch(seen.seen_at or before.taken_at, seen.detail)
        for place, seen in before.sightings.items()
        if seen.corrupt
    }
    return {at: each for at, each in held.items() if not scrubbed.right_since(at[1], each.at)}


def _corrupt(seen: Sighting, mismatch: Mismatch) -> Sighting:
    """Return a sighting as corrupt, unless a full read found otherwise."""
    blind = seen.state is State.UNKNOWN and seen.reason is not Reason.BY_DESIGN
    glanced = seen.state is State.PRESENT and seen.proof is not Proof.HASH
    if not (blind or glanced):
        return seen
    return Sighting(State.BROKEN, Proof.HASH, None, mismatch.detail, mismatch.at)


def with_diff_ids(
    now: Snapshot, before: Snapshot | None, contents: Mapping[Digest, Known]
) -> Snapshot:
    """Return the sightings of now, with the content that differs from its configuration.

    What the snapshot before held against an image stays until it was read again and is right,
    should the memory of the readings have been lost.
    """
    compared = {
        digest: found
        for digest, manifest in now.manifests.items()
        if (found := tuple(differences(manifest, contents)))
    }
    proven = {
        digest: {each.mismatch.digest: each.mismatch for each in found if each.proven}
        for digest, found in compared.items()
    }
    for digest, held in before.diff_id_mismatches.items() if before else ():
        manifest = now.manifests.get(digest)
        for mismatch in held if manifest else ():
            if not _disproved(manifest, mismatch, compared.get(digest, ()), contents):
                proven.setdefault(digest, {}).setdefault(mismatch.digest, mismatch)
    wrong = {digest: tuple(found.values()) for digest, found in proven.items() if found}
    gaps = tuple(_gaps(now, compared))
    if not wrong and not gaps:
        return now
    return replace(now, diff_id_mismatches=wrong, gaps=(*now.gaps, *gaps))


def _disproved(
    manifest: Manifest | None,
    mismatch: DiffIdMismatch,
    found: tuple[Difference, ...],
    contents: Mapping[Digest, Known],
) -> bool:
    """Was everything read again that made it a mismatch, and does it fit?"""
    config = manifest.config if manifest else None
    read = config is not None and config.digest in contents and mismatch.digest in contents
    return read and all(each.mismatch.digest != mismatch.digest for each in found)


def _gaps(now: Snapshot, compared: Mapping[Digest, tuple[Difference, ...]]) -> Iterator[Gap]:
    """Return, by place of an image, the content that could not be compared."""
    told: set[str] = set()
    for repository, digest in now.sightings if compared else ():
        for doubt in compared.get(digest, ()):
            subject = f"{repository}@{doubt.mismatch.digest}"
            if doubt.reason is not None and subject not in told:
                told.add(subject)
                detail = f"not compared: {doubt.mismatch.detail}"
                yield Gap(Scope.CONTENT, subject, doubt.reason, detail)
