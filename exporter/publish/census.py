"""How many tags, children and blobs are in which state?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import known_manifests, stated_sizes
from exporter.facts.use import ReferenceClass
from exporter.judge.checks import broken_child, missing_child, missing_platform
from exporter.judge.finding import Severity
from exporter.judge.report import Child, ChildKind, Report, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository

BREAKING: Final = frozenset(
    check.RULE.code for check in (missing_child, broken_child, missing_platform)
)
"""The checks that find what breaks a pull; the others find risks."""

Lost = tuple[Repository, str, ReferenceClass | None]
"""What is lost of a tag to one class of uses: repository, the root's name, the class."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The children of one tag that are equally needed, counted."""

    missing: int
    broken: int
    unknown: int
    unprotected: int | None
    """None where the repository's tags are not all known."""


@dataclass(frozen=True, slots=True)
class Household:
    """One repository, counted: every manifest once, under the highest class that leads to it."""

    tags: int
    children: Mapping[tuple[ReferenceClass, State], int]
    unprotected: Mapping[ReferenceClass, int] | None
    """None where the repository's tags are not all known."""
    logical_bytes: int
    """Of what is there, shared content included."""

    def among(self, state: State) -> int:
        """How many children are in this state?"""
        return sum(count for (_, each), count in self.children.items() if each is state)


@dataclass(frozen=True, slots=True)
class Census:
    """One registry, counted."""

    tags: Mapping[tuple[ReferenceClass, State], int]
    repositories: Mapping[Repository, Household]
    blobs: Mapping[State, int]
    """Without what other registries hold by design."""
    proofs: Mapping[Proof, int]
    """How the blobs that are present were proven."""
    referenced_bytes: int
    """Of what is there, each digest once."""


def broken_since(report: Report) -> Mapping[tuple[Repository, str], float]:
    """Since when is it known that a tag cannot be pulled? By repository and the root's name."""
    since: dict[tuple[Repository, str], float] = {}
    for (repository, name, _), seen in lost_since(report).items():
        since[repository, name] = min(seen, since.get((repository, name), seen))
    return since


def lost_since(report: Report) -> Mapping[Lost, float]:
    """Since when is it known what of a tag is lost to each class of uses?"""
    since: dict[Lost, float] = {}
    for finding in report.findings:
        if finding.rule.code in BREAKING and finding.severity is not Severity.INFO:
            lost = (finding.root.repository, finding.root.name, finding.required_by)
            seen = report.since.get(finding.key, report.snapshot.taken_at)
            since[lost] = min(seen, since.get(lost, seen))
    return since


def needs(report: Report, verdict: TagVerdict, of: ReferenceClass | None) -> Needs | None:
    """Count the children of a tag that a class requires; None asks for what nothing requires.

    None where the registry promises nothing below it, or where there is nothing of that kind.
    """
    expected = [each for each in verdict.children if each.expected]
    children = [each for each in expected if each.required_by is of]
    own = of is verdict.root.reference_class
    lacking = any(each.required_by is of for each in verdict.lacking)
    promised = own and len(expected) == len(verdict.children)
    if not (children or lacking or promised):
        return None
    states = [child.state for child in children]
    bare = len(_bare_indexes(report, verdict)) if own else 0
    unprotected = _unprotected(children)
    return Needs(
        states.count(State.MISSING),
        states.count(State.BROKEN),
        states.count(State.UNKNOWN),
        None if unprotected is None else unprotected + bare,
    )


def count(report: Report) -> Census:
    """Count everything that a report speaks of."""
    blobs = _blobs(report)
    weights, referenced = _weigh(report)
    return Census(
        tags=Counter((each.root.reference_class, each.state) for each in report.verdicts),
        repositories=_households(report, weights),
        blobs=Counter(each.state for each in blobs if each.proof is not Proof.EXTERNAL),
        proofs=Counter(each.proof for each in blobs if each.state is State.PRESENT),
        referenced_bytes=referenced,
    )


def _blobs(report: Report) -> list[Sighting]:
    """What was looked at and is no manifest, also where the manifest is known by name only."""
    snapshot = report.snapshot
    manifests = known_manifests(snapshot)
    seen = snapshot.sightings.items()
    return [sighting for (_, digest), sighting in seen if digest not in manifests]


def _weigh(report: Report) -> tuple[Mapping[Repository, int], int]:
    """Bytes that are there, by repository, and each digest once for the registry."""
    sizes = stated_sizes(report.snapshot)
    weights: Counter[Repository] = Counter()
    stored: dict[Digest, int] = {}
    for (repository, digest), sighting in report.snapshot.sightings.items():
        if sighting.state is State.PRESENT and sighting.proof is not Proof.EXTERNAL:
            stored[digest] = size = sizes.get(digest, 0)
            weights[repository] += size
    return weights, sum(stored.values())


def _households(
    report: Report, weights: Mapping[Repository, int]
) -> Mapping[Repository, Household]:
    by_repository: dict[Repository, list[TagVerdict]] = {}
    for verdict in report.verdicts:
        by_repository.setdefault(verdict.root.repository, []).append(verdict)
    return {
        repository: _household(report, verdicts, weights.get(repository, 0))
        for repository, verdicts in sorted(by_repository.items())
    }


def _household(report: Report, verdicts: list[TagVerdict], weight: int) -> Household:
    children: Counter[tuple[ReferenceClass, State]] = Counter()
    bare: Counter[ReferenceClass] = Counter()
    for verdict, child in _each_once(verdicts):
        children[verdict.root.reference_class, child.state] += 1
        bare[verdict.root.reference_class] += child.protected_by == () and _stands(child)
    indexes: set[Digest] = set()
    for verdict in verdicts:
        new = _bare_indexes(report, verdict) - indexes
        bare[verdict.root.reference_class] += len(new)
        indexes |= new
    sealed = verdicts[0].root.repository in report.snapshot.sealed
    return Household(len(verdicts), children, bare if sealed else None, weight)


def _each_once(verdicts: list[TagVerdict]) -> Iterator[tuple[TagVerdict, Child]]:
    """Yield every expected child of a repository under the first, highest tag that leads to it."""
    seen: set[Digest] = set()
    for verdict in verdicts:
        for child in verdict.children:
            if child.expected and child.digest not in seen:
                yield verdict, child
                if child.digest:
                    seen.add(child.digest)


def _unprotected(children: list[Child]) -> int | None:
    if any(child.protected_by is None for child in children):
        return None
    return sum(child.protected_by == () and _stands(child) for child in children)


def _stands(child: Child) -> bool:
    """What is gone has nothing left to protect, and a cache's blobs are held by their index."""
    return child.state is not State.MISSING and child.kind is not ChildKind.CACHE


def _bare_indexes(report: Report, verdict: TagVerdict) -> set[Digest]:
    """Nested and pinned indexes at which no tag points straight, where that can be said."""
    root = verdict.root
    read = report.snapshot.manifests.get(root.digest) if root.digest and not root.tag else None
    stands = root.sighting.state is not State.MISSING
    pinned = (read.digest,) if read and read.is_index and stands else ()
    every = (*verdict.indexes, *pinned)
    sealed = report.snapshot.sealed.get(root.repository) if every else None
    return {each for each in every if not sealed.pointing_at(each)} if sealed else set()
