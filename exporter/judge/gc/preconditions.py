"""Faults of a storage that make a collector abort, or silently lose needed content.

Found without a simulation, so that all of it is named at once: a collector tells only the first.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from exporter.facts.digests import ABSENT, Marks, Numbers, distinct
from exporter.facts.inventory import Folder, Inventory, Starts
from exporter.judge.gc.dialect import Dialect
from exporter.judge.gc.link_walk import descend, linked, refusal, visited

_Found = Iterator[tuple[int, "Effect", str]]
"""A repository by number, and a fault in it."""
_WHOLE: Final = -1
"""The number for the storage as a whole, in place of a repository's."""
_REACHED: Final = "a garbage collection that reaches one aborts"
_UNREACHED: Final = -1
_FOLLOWED: Final = -2


class PreconditionCode(StrEnum):
    """The kind of fault: a closed list, since each may become a label value."""

    NO_TAGS = "no-tags"
    NO_LAYERS = "no-layers"
    SHA512 = "sha512"
    SCHEMA1 = "schema1"
    UNREADABLE_MANIFEST = "unreadable-manifest"
    SPARSE_SHARED_INDEX = "sparse-shared-index"
    DANGLING_LINK = "dangling-link"
    DANGLING_TAG = "dangling-tag"
    DAMAGED_LINK = "damaged-link"
    UNUSABLE_NAME = "unusable-name"
    MISPLACED_BLOB = "misplaced-blob"


class Effect(StrEnum):
    """Its effect on a collection."""

    STOPS = "stops"
    """It aborts."""
    LOSES = "loses"
    """It silently removes needed content, or does not protect it any more."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """One fault to mend before a collection is run."""

    code: PreconditionCode
    repository: str
    """Empty if it is about the storage as a whole."""
    effect: Effect
    detail: str
    """One sentence for a person."""


def preconditions(inventory: Inventory, dialect: Dialect) -> tuple[Precondition, ...]:
    """Return the faults for collections of this dialect, by repository and code.

    What only `--delete-untagged` minds says so in its detail.
    """
    found = (
        Precondition(code, "" if at == _WHOLE else inventory.repositories[at], effect, detail)
        for code, check in _CHECKS
        for at, effect, detail in check(inventory, dialect)
    )
    return tuple(sorted(found, key=lambda each: (each.repository, each.code)))


def holes(inventory: Inventory, dialect: Dialect) -> Iterator[tuple[int, int, int]]:
    """Yield a repository, its untagged child, and an earlier repository with a hole for the child.

    A collector that descends does so once for each digest. Where the first repository to reach a
    child lacks it, the child is marked and nothing below it; when it is the turn of a repository
    that has the child, nothing is looked at again (distribution 3, `markManifestReferences`).
    """
    if not dialect.descends:
        return
    first = np.full(len(inventory.digests), _UNREACHED, np.int32)
    for repository in visited(inventory, dialect):
        held = linked(inventory, repository)[0]
        tagged = inventory.tags.current[inventory.tags.of(repository)]
        tagged = tagged[np.isin(tagged, held)]
        first[tagged] = _FOLLOWED  # by itself, whoever reached it before
        children = distinct(descend(inventory, tagged, held)[1])
        there = np.isin(children, held)
        for child in children[there & (first[children] >= 0)].tolist():
            yield repository, child, int(first[child])
        fresh = first[children] == _UNREACHED
        first[children[fresh & there]] = _FOLLOWED
        first[children[fresh & ~there]] = repository


def _tagless(inventory: Inventory, dialect: Dialect) -> _Found:
    """distribution#4331; see `mark`."""
    if dialect.needs_tags:
        effect, then = Effect.STOPS, "--delete-untagged aborts here"
    else:
        effect, then = Effect.LOSES, "--delete-untagged removes everything that they reference"
    for at, count in _holding(inventory, Folder.TAGS):
        yield at, effect, f"{count} manifests but no folder of tags: {then}"


def _layerless(inventory: Inventory, dialect: Dialect) -> _Found:
    if dialect.marker is Folder.LAYERS:
        effect, then = Effect.LOSES, "the repository is ignored, and all its blobs are removed"
    else:
        effect, then = Effect.STOPS, "any garbage collection aborts here"
    for at, _ in () if dialect.flat(inventory) else _holding(inventory, Folder.LAYERS):
        yield at, effect, f"manifests but no folder of layer links: {then}"


def _holding(inventory: Inventory, without: Folder) -> Iterator[tuple[int, int]]:
    """Yield the repositories that have manifests but not a folder, and how many."""
    for repository in range(len(inventory.repositories)):
        count = len(linked(inventory, repository)[0])
        if count and not inventory.has(repository, without):
            yield repository, count


def _sha512(inventory: Inventory, _: Dialect) -> _Found:
    """Content is stored under its sha256; a collector marks the name that the manifest gives."""
    names = inventory.digests.others
    first = len(inventory.digests.packed)
    long = [first + at for at, name in enumerate(names) if name.startswith(("sha512:", "sha384:"))]
    graph = inventory.graph
    named = np.flatnonzero(np.isin(graph.targets, np.array(long, np.int32)))
    rows = np.searchsorted(graph.starts, named, side="right") - 1
    manifests = np.flatnonzero(np.isin(graph.rows, rows)).tolist() if long else []
    what = "manifests reference content by another digest than sha256: any collector removes it"
    return _revised(inventory, manifests, Effect.LOSES, what)


def _schema1(inventory: Inventory, dialect: Dialect) -> _Found:
    faulty = _faulty(inventory, dialect, schema1=True)
    return _revised(inventory, faulty, Effect.STOPS, f"schema 1 manifests: {_REACHED}")


def _unreadable(inventory: Inventory, dialect: Dialect) -> _Found:
    faulty = _faulty(inventory, dialect, schema1=False)
    return _revised(inventory, faulty, Effect.STOPS, f"manifests that cannot be read: {_REACHED}")


def _faulty(inventory: Inventory, dialect: Dialect, *, schema1: bool) -> list[int]:
    faults = {at: dialect.fault(inventory, at) for at in inventory.faults}
    ends = "schema version 1"
    return [at for at, fault in faults.items() if fault and fault.endswith(ends) is schema1]


def _revised(inventory: Inventory, manifests: list[int], effect: Effect, what: str) -> _Found:
    """Yield every repository that has some of these manifests."""
    targets = inventory.revisions.targets
    at = np.isin(targets, np.array(manifests, np.int32))
    for repository, positions in _by_repository(inventory.revisions.starts, at):
        named = _first(inventory, targets[positions])
        yield repository, effect, f"{len(positions)} {what} ({named})"


def _dangling_links(inventory: Inventory, _: Dialect) -> _Found:
    targets = inventory.revisions.targets
    lost = (targets >= 0) & (inventory.sizes[targets] < 0)
    for repository, positions in _by_repository(inventory.revisions.starts, lost):
        named = _first(inventory, targets[positions])
        detail = f"{len(positions)} manifests without content protect nothing any more ({named})"
        yield repository, Effect.LOSES, detail


def _dangling_tags(inventory: Inventory, _: Dialect) -> _Found:
    """A tag without `current/link` does not count; one to a missing manifest protects nothing."""
    tags = inventory.tags
    for repository, positions in _by_repository(tags.starts, tags.current >= ABSENT):
        held = linked(inventory, repository)[0]
        loose = positions[~np.isin(tags.current[positions], held)]
        if len(loose):
            names = ", ".join(tags.names[at] for at in loose[:3].tolist())
            detail = f"{len(loose)} tags reference no manifest and protect nothing ({names})"
            yield repository, Effect.LOSES, detail


def _damaged_links(inventory: Inventory, dialect: Dialect) -> _Found:
    kinds = {"manifest links": inventory.revisions}
    if dialect.sweeps_layer_links:
        kinds["layer links"] = inventory.layers
    for what, links in kinds.items():
        for repository, positions in _by_repository(links.starts, links.targets < ABSENT):
            count, named = len(positions), _first(inventory, links.paths[positions])
            detail = f"{count} {what} name no digest: any garbage collection aborts ({named})"
            yield repository, Effect.STOPS, detail


def _damaged_tags(inventory: Inventory, _: Dialect) -> _Found:
    tags = inventory.tags
    for repository, positions in _by_repository(tags.starts, tags.current < ABSENT):
        names = ", ".join(tags.names[at] for at in positions[:3].tolist())
        detail = f"{len(positions)} tags name no digest: --delete-untagged aborts ({names})"
        yield repository, Effect.STOPS, detail


def _names(inventory: Inventory, dialect: Dialect) -> _Found:
    for repository in visited(inventory, dialect):
        if refused := refusal(inventory.repositories[repository], dialect):
            yield repository, Effect.STOPS, refused


def _misplaced(inventory: Inventory, _: Dialect) -> _Found:
    if inventory.misplaced:
        yield _WHOLE, Effect.STOPS, f"a blob's path names no digest: {inventory.misplaced}"


def _sparse(inventory: Inventory, dialect: Dialect) -> _Found:
    for repository, number, before in holes(inventory, dialect):
        child, where = inventory.digests.text(number), inventory.repositories[before]
        detail = f"{where} has an index of {child} without {child}; here only an index keeps it"
        yield repository, Effect.LOSES, detail


def _by_repository(starts: Starts, marks: Marks) -> Iterable[tuple[int, Numbers]]:
    """Group the marked positions by repository."""
    positions = np.flatnonzero(marks).astype(np.int32)
    owners, first = np.unique(
        np.searchsorted(starts, positions, side="right") - 1, return_index=True
    )
    return zip(owners.tolist(), np.split(positions, first[1:]), strict=True) if len(first) else ()


def _first(inventory: Inventory, digests: Numbers) -> str:
    more = ", …" if len(digests) > 1 else ""
    return inventory.digests.text(int(digests[0])) + more


_CHECKS: Final[tuple[tuple[PreconditionCode, Callable[[Inventory, Dialect], _Found]], ...]] = (
    (PreconditionCode.NO_TAGS, _tagless),
    (PreconditionCode.NO_LAYERS, _layerless),
    (PreconditionCode.SHA512, _sha512),
    (PreconditionCode.SCHEMA1, _schema1),
    (PreconditionCode.UNREADABLE_MANIFEST, _unreadable),
    (PreconditionCode.DANGLING_LINK, _dangling_links),
    (PreconditionCode.DANGLING_TAG, _dangling_tags),
    (PreconditionCode.DAMAGED_LINK, _damaged_links),
    (PreconditionCode.DAMAGED_LINK, _damaged_tags),
    (PreconditionCode.UNUSABLE_NAME, _names),
    (PreconditionCode.MISPLACED_BLOB, _misplaced),
    (PreconditionCode.SPARSE_SHARED_INDEX, _sparse),
)
