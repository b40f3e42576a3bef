"""Counts of a report: tags, children and blobs by state, and bytes."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Snapshot, proven_at, unread_manifests
from exporter.facts.use import ReferenceClass
from exporter.judge.report import Counts, RepositoryCounts, TagReport
from exporter.judge.tag_verdict import Child
from exporter.oci.digest import PACKED, Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository

Counted = TypeVar("Counted")
_STEP: Final = 16
_DIGESTS: Final = 256
"""First bytes of digests: so many at a time are looked at together."""


def counted(snapshot: Snapshot, tags: Iterable[TagReport]) -> Counts:
    """Count everything that a report speaks of."""
    contents = _contents(snapshot)
    by_repository: dict[Repository, list[TagReport]] = {}
    for tag in tags:
        by_repository.setdefault(tag.verdict.root.repository, []).append(tag)
    repositories = {
        repository: _repository(
            known, contents.weights.get(repository, 0), sealed=repository in snapshot.sealed
        )
        for repository, known in sorted(by_repository.items())
    }
    children: Counter[tuple[ReferenceClass, State]] = Counter()
    bare: Counter[ReferenceClass] = Counter()
    for each in repositories.values():
        children.update(each.children)
        bare.update(each.unprotected or {})
    verdicts = (tag.verdict for known in by_repository.values() for tag in known)
    return Counts(
        tags=Counter((each.root.reference_class, each.state) for each in verdicts),
        children=children,
        unprotected=bare if snapshot.sealed.keys() & repositories.keys() else None,
        repositories=repositories,
        blobs=_summed(
            (each.state, count)
            for each, count in contents.blobs.items()
            if each.proof is not Proof.EXTERNAL
        ),
        proofs=_summed(
            (each.proof, count)
            for each, count in contents.blobs.items()
            if each.state is State.PRESENT
        ),
        referenced_bytes=contents.referenced,
        oldest_proof=_oldest(snapshot),
    )


def _oldest(snapshot: Snapshot) -> Mapping[ReferenceClass, float]:
    oldest: dict[ReferenceClass, float] = {}
    for root in snapshot.roots:
        known = oldest.get(root.reference_class, snapshot.as_of)
        oldest[root.reference_class] = min(known, proven_at(snapshot, root))
    return oldest


def _summed(counted: Iterable[tuple[Counted, int]]) -> Counter[Counted]:
    total: Counter[Counted] = Counter()
    for each, count in counted:
        total[each] += count
    return total


@dataclass(slots=True)
class _Stored:
    """Contents that are present, by digest: many repositories may share one, which counts once."""

    parts: list[tuple[bytes, Sequence[int]]] = field(default_factory=list)
    """Packed digests in ascending order, and the bytes of each."""

    def add(self, sizes: Mapping[bytes, int]) -> int:
        """Note the contents of one repository, and return their bytes."""
        keys = sorted(sizes)
        self.parts.append((b"".join(keys), array("q", [sizes[key] for key in keys])))
        return sum(sizes.values())

    def bytes_once(self) -> int:
        """Return the bytes of all contents, each once: a part of the digests at a time."""
        total = 0
        starts = [0] * len(self.parts)
        for end in range(_STEP, _DIGESTS + 1, _STEP):
            once: dict[bytes, int] = {}
            for number, (keys, sizes) in enumerate(self.parts):
                start, stop = starts[number], _place(keys, end)
                chunk = range(start * PACKED, stop * PACKED, PACKED)
                once.update(
                    zip((keys[at : at + PACKED] for at in chunk), sizes[start:stop], strict=True)
                )
                starts[number] = stop
            total += sum(once.values())
        return total


def _place(keys: bytes, end: int) -> int:
    """Return how many digests begin with a byte below a number."""
    every = range(len(keys) // PACKED)
    return bisect_left(every, end, key=lambda at: keys[at * PACKED])


@dataclass(frozen=True, slots=True)
class _Contents:
    """What was seen of content."""

    blobs: Counter[Sighting]
    """Of what is no manifest, also where that is known by name only."""
    weights: Mapping[Repository, int]
    """Bytes that are present."""
    referenced: int
    """The same of the registry, each digest once."""


def _contents(snapshot: Snapshot) -> _Contents:
    read, unread = snapshot.manifests, unread_manifests(snapshot)
    blobs: Counter[Sighting] = Counter()
    weights: Counter[Repository] = Counter()
    stored, others = _Stored(), dict[bytes, int]()
    for repository, found in snapshot.sightings.packed():
        digests = {key: Digest.of_packed(key) for key in found}
        manifests = {key: read.get(digest) for key, digest in digests.items()}
        blobs.update(
            seen
            for key, seen in found.items()
            if manifests[key] is None and digests[key] not in unread
        )
        sizes = _sizes(manifests)
        present = {
            key: sizes.get(key, 0)
            for key, seen in found.items()
            if seen.state is State.PRESENT and seen.proof is not Proof.EXTERNAL
        }
        long = {key: present.pop(key) for key in found if len(key) > PACKED and key in present}
        others |= long
        weights[repository] = stored.add(present) + sum(long.values())
    return _Contents(blobs, weights, stored.bytes_once() + sum(others.values()))


def _sizes(manifests: Mapping[bytes, Manifest | None]) -> dict[bytes, int]:
    """Return the bytes of manifests, and of all that one of them references."""
    sizes = {key: each.size for key, each in manifests.items() if each}
    for manifest in filter(None, manifests.values()):
        for key, size in manifest.stated_sizes():
            sizes.setdefault(key, size)
    return sizes


def _repository(tags: list[TagReport], weight: int, *, sealed: bool) -> RepositoryCounts:
    children: Counter[tuple[ReferenceClass, State]] = Counter()
    bare: Counter[ReferenceClass] = Counter()
    for reference_class, child in _each_once(tags):
        children[reference_class, child.state] += 1
        bare[reference_class] += child.risk.endangers and child.stands
    indexes: set[Digest] = set()
    for tag in tags:
        new = {index for index, _ in tag.verdict.endangered} - indexes
        bare[tag.verdict.root.reference_class] += len(new)
        indexes |= new
    return RepositoryCounts(len(tags), children, bare if sealed else None, weight)


def _each_once(tags: list[TagReport]) -> Iterator[tuple[ReferenceClass, Child]]:
    """Yield every expected child of a repository under the first, highest tag that needs it."""
    seen: set[Digest] = set()
    for tag in tags:
        for child in tag.verdict.children:
            if child.expected and child.digest not in seen:
                yield tag.verdict.root.reference_class, child
                if child.digest:
                    seen.add(child.digest)
