"""Counts of a report: tags, children and blobs by state, and bytes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Snapshot, known_manifests, stated_sizes
from exporter.facts.use import ReferenceClass
from exporter.judge.report import Counts, RepositoryCounts, TagReport
from exporter.judge.tag_verdict import Child
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository


def counted(snapshot: Snapshot, tags: Iterable[TagReport]) -> Counts:
    """Count everything that a report speaks of."""
    blobs = _blobs(snapshot)
    weights, referenced = _weigh(snapshot)
    by_repository: dict[Repository, list[TagReport]] = {}
    for tag in tags:
        by_repository.setdefault(tag.verdict.root.repository, []).append(tag)
    repositories = {
        repository: _repository(
            known, weights.get(repository, 0), sealed=repository in snapshot.sealed
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
        blobs=Counter(each.state for each in blobs if each.proof is not Proof.EXTERNAL),
        proofs=Counter(each.proof for each in blobs if each.state is State.PRESENT),
        referenced_bytes=referenced,
    )


def _blobs(snapshot: Snapshot) -> list[Sighting]:
    """What was looked at and is no manifest, also where the manifest is known by name only."""
    manifests = known_manifests(snapshot)
    seen = snapshot.sightings.items()
    return [sighting for (_, digest), sighting in seen if digest not in manifests]


def _weigh(snapshot: Snapshot) -> tuple[Mapping[Repository, int], int]:
    """Bytes that are present, by repository, and each digest once for the registry."""
    sizes = stated_sizes(snapshot)
    weights: Counter[Repository] = Counter()
    stored: dict[Digest, int] = {}
    for (repository, digest), sighting in snapshot.sightings.items():
        if sighting.state is State.PRESENT and sighting.proof is not Proof.EXTERNAL:
            stored[digest] = size = sizes.get(digest, 0)
            weights[repository] += size
    return weights, sum(stored.values())


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
