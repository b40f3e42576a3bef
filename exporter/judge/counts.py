"""Counts of a report: tags, children and blobs by state, and bytes."""

import hashlib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeVar

import numpy as np

from exporter.facts.digests import Rows, rows_of, split
from exporter.facts.inventory import Bytes
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Snapshot, proven_at
from exporter.facts.stated import references
from exporter.facts.use import ReferenceClass
from exporter.judge.report import Counts, RepositoryCounts, TagReport
from exporter.judge.tag_verdict import Child
from exporter.oci.digest import PACKED, Digest
from exporter.oci.links import Kind, PackedLinks
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository

Counted = TypeVar("Counted")
_STEP: Final = 16
_SIZE: Final = 8
"""Bytes of a packed size."""
_MOST_LOOKS: Final = 200_000
"""Maximum look-ups in repositories; beyond it, counting everything costs less."""
_DIGESTS: Final = 256
"""First bytes of digests: so many are counted at a time."""


@dataclass(frozen=True, slots=True)
class RepositoryContent:
    """The observed content of one repository."""

    repository: Repository
    blobs: Counter[Sighting]
    """Counts of content that is no manifest, also if known by name only."""
    present: Rows
    """What is present, ascending: packed digests, of sha512 a hash."""
    sizes: Bytes
    """Bytes of each."""
    hashed: bool
    """Is any of it named by sha512?"""

    @property
    def weight(self) -> int:
        """Bytes of all that is present."""
        return int(self.sizes.sum())


def counted(snapshot: Snapshot, tags: Iterable[TagReport]) -> Counts:
    """Count everything that a report speaks of."""
    blobs: Counter[Sighting] = Counter()
    weights: Counter[Repository] = Counter()
    stored = _Stored()
    for content in _contents(snapshot):
        blobs.update(content.blobs)
        weights[content.repository] = content.weight
        stored.add(content, snapshot.sightings.digests(content.repository))
    referenced = stored.bytes_once()
    tags = tuple(tags)
    repositories = _repository_counts(snapshot, tags, weights)
    return _total(snapshot, tags, repositories, (_states_of(blobs), _proofs_of(blobs), referenced))


def recounted(
    before: Counts, old: Snapshot, new: Snapshot, whole: Snapshot, tags: tuple[TagReport, ...]
) -> Counts:
    """Return the counts of a registry after some of its repositories were audited again.

    `old` is what was known of these, `new` what is, `whole` all that is known now; `tags` are all
    tags. Equal to what `counted` returns, at a cost that grows with what changed.
    """
    was, now = tuple(_contents(old)), tuple(_contents(new))
    of = {each.repository for each in (*was, *now)} | {root.repository for root in old.roots}
    of |= {root.repository for root in new.roots}
    moved = _moved(was, now)
    rest = [at for at in whole.sightings.repositories if at not in of]
    if len(moved) * len(rest) > _MOST_LOOKS or any(each.hashed for each in (*was, *now)):
        return counted(whole, tags)
    weights = {each.repository: each.weight for each in now}
    touched = tuple(tag for tag in tags if tag.verdict.root.repository in of)
    untouched = {at: each for at, each in before.repositories.items() if at not in of}
    repositories = untouched | _repository_counts(whole, touched, weights)
    gone, come = (_summed(each.blobs.items() for each in every) for every in (was, now))
    states = Counter(before.blobs) - _states_of(gone) + _states_of(come)
    proofs = Counter(before.proofs) - _proofs_of(gone) + _proofs_of(come)
    alone = (size for key, size in moved.items() if not _is_present(whole, rest, key))
    referenced = before.referenced_bytes + sum(alone)
    return _total(whole, tags, dict(sorted(repositories.items())), (states, proofs, referenced))


def _moved(was: Iterable[RepositoryContent], now: Iterable[RepositoryContent]) -> dict[bytes, int]:
    """Return by how many bytes more, or fewer, of each content are present in any of these."""
    old, new = (
        {
            key: size
            for each in every
            for key, size in zip(split(each.present), each.sizes.tolist(), strict=True)
        }
        for every in (was, now)
    )
    sizes = {key: new.get(key, 0) - old.get(key, 0) for key in old.keys() | new.keys()}
    return {key: size for key, size in sizes.items() if size}


def _is_present(whole: Snapshot, of: Iterable[Repository], key: bytes) -> bool:
    digest = Digest.of_packed(key)
    found = (whole.sightings.get((at, digest)) for at in of)
    return any(seen is not None and _counts(seen) for seen in found)


def _total(
    snapshot: Snapshot,
    tags: Iterable[TagReport],
    repositories: Mapping[Repository, RepositoryCounts],
    content: tuple[Mapping[State, int], Mapping[Proof, int], int],
) -> Counts:
    """Return the counts of a registry, of those of its repositories and of its content."""
    children: Counter[tuple[ReferenceClass, State]] = Counter()
    bare: Counter[ReferenceClass] = Counter()
    for each in repositories.values():
        children.update(each.children)
        bare.update(each.unprotected or {})
    verdicts = (tag.verdict for tag in tags)
    blobs, proofs, referenced = content
    return Counts(
        tags=Counter((each.root.reference_class, each.state) for each in verdicts),
        children=children,
        unprotected=bare if snapshot.sealed.keys() & repositories.keys() else None,
        repositories=repositories,
        blobs=blobs,
        proofs=proofs,
        referenced_bytes=referenced,
        oldest_proof=_oldest(snapshot),
    )


def _repository_counts(
    snapshot: Snapshot, tags: Iterable[TagReport], weights: Mapping[Repository, int]
) -> dict[Repository, RepositoryCounts]:
    """Count each repository of some tags; `weights` are the bytes that are present."""
    by_repository: dict[Repository, list[TagReport]] = {}
    for tag in tags:
        by_repository.setdefault(tag.verdict.root.repository, []).append(tag)
    return {
        at: _repository(known, weights.get(at, 0), sealed=at in snapshot.sealed)
        for at, known in sorted(by_repository.items())
    }


def _states_of(blobs: Mapping[Sighting, int]) -> Counter[State]:
    """Count blobs by state, without those that other registries have by design."""
    here = ((each, count) for each, count in blobs.items() if each.proof is not Proof.EXTERNAL)
    return _summed([((each.state, count) for each, count in here)])


def _proofs_of(blobs: Mapping[Sighting, int]) -> Counter[Proof]:
    """Count blobs that are present by how they were proven."""
    there = ((each, count) for each, count in blobs.items() if each.state is State.PRESENT)
    return _summed([((each.proof, count) for each, count in there)])


def _oldest(snapshot: Snapshot) -> Mapping[ReferenceClass, float]:
    oldest: dict[ReferenceClass, float] = {}
    for root in snapshot.roots:
        known = oldest.get(root.reference_class, snapshot.as_of)
        oldest[root.reference_class] = min(known, proven_at(snapshot, root))
    return oldest


def _summed(parts: Iterable[Iterable[tuple[Counted, int]]]) -> Counter[Counted]:
    total: Counter[Counted] = Counter()
    for each, count in chain.from_iterable(parts):
        total[each] += count
    return total


@dataclass(slots=True)
class _Stored:
    """Contents that are present, by digest: many repositories may share one, which counts once."""

    parts: list[tuple[bytes, Bytes]] = field(default_factory=list)
    """Packed digests in ascending order, and the bytes of each."""

    def add(self, content: RepositoryContent, seen: bytes) -> None:
        """Note the contents of one repository.

        `seen` are all its digests, as the snapshot holds them: nearly always the same.
        """
        packed = content.present.tobytes()
        self.parts.append((seen if packed == seen else packed, content.sizes))

    def bytes_once(self) -> int:
        """Return the bytes of all contents, each once: a part of the digests at a time."""
        total = 0
        starts = [0] * len(self.parts)
        for end in range(_STEP, _DIGESTS + 1, _STEP) if self.parts else ():
            rows, sizes = [], []
            for number, (keys, known) in enumerate(self.parts):
                start, stop = starts[number], _place(keys, end)
                rows.append(rows_of(keys)[start:stop])
                sizes.append(known[start:stop])
                starts[number] = stop
            every, stated = np.concatenate(rows), np.concatenate(sizes)
            order = np.argsort(every, kind="stable")
            last = np.ones(len(order), bool)  # of several sizes, the last
            np.not_equal(every[order][1:], every[order][:-1], out=last[:-1])
            total += int(stated[order][last].sum())
        return total


def _place(keys: bytes, end: int) -> int:
    """Return how many digests begin with a byte below a number."""
    every = range(len(keys) // PACKED)
    return bisect_left(every, end, key=lambda at: keys[at * PACKED])


def _contents(snapshot: Snapshot) -> Iterator[RepositoryContent]:
    """Yield the content of each repository."""
    named = defaultdict[Repository, set[Digest]](set)
    for root in snapshot.roots:
        if root.digest:
            named[root.repository].add(root.digest)
    looks, known = snapshot.sightings.different, snapshot.manifests
    by_key = {digest.packed: manifest for digest, manifest in known.items()}
    counting = np.array([_counts(seen) for seen in looks], bool)
    for repository in snapshot.sightings.repositories:
        keys, numbers = snapshot.sightings.numbered(repository)
        read = list(map(by_key.get, keys))
        manifests = list(filter(None, read))
        listed = b"".join([_listed(each) for each in manifests if each.is_index])
        rows = rows_of(b"".join(map(_row, keys)))
        tagged = b"".join(_row(digest.packed) for digest in named[repository])
        unread = np.isin(rows, rows_of(tagged + listed))
        is_blob = np.array([each is None for each in read], bool) & ~unread
        counts = enumerate(np.bincount(numbers[is_blob]).tolist())
        there = counting[numbers]
        sizes = _sizes(rows, manifests)
        sizes[[each is not None for each in read]] = [each.size for each in manifests]
        order = np.argsort(rows[there], kind="stable")
        yield RepositoryContent(
            repository,
            Counter({looks[number]: count for number, count in counts if count}),
            rows[there][order],
            sizes[there][order],
            hashed=len(keys) > len(snapshot.sightings.digests(repository)) // PACKED,
        )


def _counts(seen: Sighting) -> bool:
    """Is it present, and should it be in this registry?"""
    return seen.state is State.PRESENT and seen.proof is not Proof.EXTERNAL


def _listed(index: Manifest) -> bytes:
    """Return the rows of the manifests that an index lists."""
    return b"".join(map(_row, index.keys_of(Kind.CHILD)))


def _row(packed: bytes) -> bytes:
    """Return a sha256 as it is; of a sha512 a hash, which nobody can make equal to another."""
    return packed if len(packed) == PACKED else hashlib.sha256(packed).digest()


def _sizes(rows: Rows, manifests: Iterable[Manifest]) -> Bytes:
    """Return the bytes of content as one of some manifests states it; 0 where none does."""
    packed, rest = list[PackedLinks](), list[tuple[bytes, int]]()
    for each in manifests:
        if isinstance(each.links, PackedLinks):
            packed.append(each.links)
        else:
            rest += ((_row(key), size) for key, size in each.stated_sizes())
    every, stated = references(packed)
    if rest:
        every = np.concatenate([every, rows_of(b"".join(key for key, _ in rest))])
        stated = np.concatenate([stated, np.array([size for _, size in rest], np.int64)])
    found = np.zeros(len(rows), np.int64)
    if len(every):
        order = np.argsort(every, kind="stable")
        first = np.searchsorted(every[order], rows)
        first[first == len(every)] = 0
        at = order[first]
        found = np.where(every[at] == rows, stated[at], 0).astype(np.int64)
    return found


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
