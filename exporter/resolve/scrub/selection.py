"""The content that a scrub reads: what images need, what is due, and in which order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from exporter.facts.diff_ids import Known, differences, parts
from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.snapshot import Role, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.layers import UNPACKED
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Place, Repository

_RETRY: Final = 6 * 3600.0
"""Seconds before something that could not be read is tried again, others going first."""


class Part(Enum):
    """The part of an image that content is compared for."""

    CONFIG = auto()
    """Its diff ids."""
    LAYER = auto()
    """What it unpacks to."""


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """A repository that needs some content, and where that can be read."""

    repository: Repository
    above: Digest | None
    """The manifest that names it there; None for a tag's own manifest."""


@dataclass(frozen=True, slots=True)
class ScrubItem:
    """One blob or manifest to read in full."""

    target: Descriptor
    """Its media type says whether it is asked for as a manifest or as a blob."""
    reference_class: ReferenceClass
    """The highest of those that need it."""
    needs: tuple[ReadPlace, ...]
    """Where it may be read, the most important first."""
    corrupt: bool = False
    """Is it known to be corrupt somewhere?"""
    part: Part | None = None
    """As what it is to be opened, where it is read and its content is asked for."""
    owed: bool = False
    """Is it to be opened however lately its bytes were right?"""
    again: bool = False
    """Was it opened once, and is at odds with an image?"""

    @property
    def digest(self) -> Digest:
        """Its digest."""
        return self.target.digest

    @property
    def size(self) -> int:
        """Bytes; 0 where nothing says how many (the layers of schema 1)."""
        return self.target.size or 0


def needed_items(
    snapshot: Snapshot, *, hidden: bool = False, manifests: bool = True
) -> tuple[ScrubItem, ...]:
    """Return everything below the roots that the audit found there, or found corrupt, each once.

    `hidden` adds what the registry would not show: its storage may. A registry that cannot parse a
    manifest whose bits flipped answers 500. Without `manifests` only blobs are returned: reading
    manifests may leave a trace in the registry.
    Not what a manifest carries inline or expects elsewhere. Reading a pull-through cache whole
    would make it fetch: nothing of one is a item.
    """
    if snapshot.role is Role.PROXY:
        return ()
    found: dict[Digest, ScrubItem] = {}
    for need, target, reference_class in _needed(snapshot):
        seen = snapshot.sightings.get((need.repository, target.digest))
        if seen is None or not _may_be_read(seen, hidden=hidden):
            continue
        first = ScrubItem(_as_asked(target, seen), reference_class, ())
        if first.target.is_manifest and not manifests:
            continue
        known = found.get(target.digest, first)
        corrupt = known.corrupt or seen.corrupt
        found[target.digest] = replace(known, needs=(*known.needs, need), corrupt=corrupt)
    return tuple(found.values())


def _may_be_read(seen: Sighting, *, hidden: bool) -> bool:
    if seen.state is State.UNKNOWN:
        return hidden and seen.reason is not Reason.BY_DESIGN
    return seen.state is State.PRESENT or seen.corrupt


def _needed(snapshot: Snapshot) -> Iterator[tuple[ReadPlace, Descriptor, ReferenceClass]]:
    """Yield each place once, first for the most important root that leads there."""
    passed: set[Place] = set()
    for root in sorted(snapshot.roots, key=lambda each: each.reference_class.rank):
        top = snapshot.manifests.get(root.digest) if root.digest else None
        waiting: list[tuple[Descriptor, Digest | None]] = []
        if top:
            waiting.append((Descriptor(top.media_type, top.digest, top.size), None))
        while waiting:
            target, above = waiting.pop()
            place = (root.repository, target.digest)
            if place in passed:
                continue
            passed.add(place)
            yield ReadPlace(root.repository, above), target, root.reference_class
            manifest = snapshot.manifests.get(target.digest)
            if manifest:
                waiting += ((link.target, manifest.digest) for link in manifest.held)


def _as_asked(target: Descriptor, seen: Sighting) -> Descriptor:
    """An entry that no specification names, and that only HEAD showed, is a manifest."""
    if target.is_manifest or seen.proof is not Proof.HEAD:
        return target
    return Descriptor(OCI_MANIFEST, target.digest, target.size)


def with_parts(
    items: Iterable[ScrubItem], snapshot: Snapshot, contents: Mapping[Digest, Known]
) -> list[ScrubItem]:
    """Return what is to be read, and say of each whether it is to be opened as well.

    Once is enough for good: a digest always unpacks to the same. What is at odds with an image is
    opened a second time before anything is held against that, and then once in a period.
    """
    wanted: dict[Digest, Part] = {}
    odd: set[Digest] = set()
    blamed: set[Digest] = set()
    for manifest in snapshot.manifests.values():
        config, layers = parts(manifest)
        if config is None:
            continue
        wanted[config.digest] = Part.CONFIG
        wanted |= {each.digest: Part.LAYER for each in layers if each.media_type in UNPACKED}
        for each in differences(manifest, contents):
            blamed.add(each.mismatch.digest)
            if each.reason is None and not each.proven:
                odd.add(each.mismatch.digest)
    found = []
    for item in items:
        part, known = wanted.get(item.digest), contents.get(item.digest)
        again = item.digest in odd
        if part and (again or known is None or not known.settled or item.digest in blamed):
            found.append(replace(item, part=part, owed=again or known is None, again=again))
        else:
            found.append(item)
    return found


def due(
    items: Iterable[ScrubItem],
    scrubbed: Scrubbed,
    now: float,
    period: float,
    tried: Mapping[Digest, float] | None = None,
) -> list[ScrubItem]:
    """Return what must be read, in order: corrupt, then by class, then the oldest proof first.

    Nothing is read twice within a period, in seconds, but what is corrupt, and what is to be
    unpacked and was not, or once to something else than an image says. `tried` says when
    something could not be read, in seconds since the epoch: it waits, and others go first.
    """
    failed = {digest for digest, at in (tried or {}).items() if abs(now - at) < _RETRY}
    open_to = (
        each
        for each in items
        if each.digest not in failed
        and (each.corrupt or each.owed or not scrubbed.fresh(each.digest, now, period))
    )
    return sorted(open_to, key=lambda each: _turn(each, scrubbed))


def _turn(item: ScrubItem, scrubbed: Scrubbed) -> tuple[bool, bool, int, float, str]:
    """What was never proven comes before the oldest proof."""
    known = scrubbed.proofs.get(item.digest)
    proven = known.at if known is not None and known.at is not None else 0.0
    urgent = not item.corrupt, not item.again
    return *urgent, item.reference_class.rank, proven, item.digest


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the scrub of one registry is."""

    needed: int
    """Bytes in all."""
    proven: int
    """Bytes of them that were read and right within the period."""
    oldest_live: float | None
    """Seconds since the epoch: the oldest proof among what is live, or since when one is awaited;
    None where nothing is live."""

    @property
    def share(self) -> float:
        """Which part is proven? All of nothing is."""
        return self.proven / self.needed if self.needed else 1.0


def coverage(items: Sequence[ScrubItem], scrubbed: Scrubbed, now: float, period: float) -> Coverage:
    """Return how much of what is needed was proven within the period, in seconds."""
    proofs = scrubbed.proofs
    live = (each.digest for each in items if each.reference_class is ReferenceClass.LIVE)
    waits = (proofs[digest].counts_from if digest in proofs else now for digest in live)
    right = (each.size for each in items if scrubbed.fresh(each.digest, now, period))
    return Coverage(sum(each.size for each in items), sum(right), min(waits, default=None))
