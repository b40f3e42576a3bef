"""What in a storage makes a collector give up, or lose in silence what somebody needs?

Found without a simulation, so that all of it is named at once: a collector tells only the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import numpy as np

from exporter.facts.digests import ABSENT, Marks, Numbers
from exporter.facts.inventory import Folder, Inventory, Links, Starts
from exporter.judge.gc.dialect import Dialect
from exporter.judge.gc.found import linked
from exporter.judge.gc.name import refusal
from exporter.judge.gc.order import visited
from exporter.judge.gc.sparse import sparse


class PreconditionCode(StrEnum):
    """What is the matter: a closed list, since each may become a label value."""

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
    """What a collection makes of it."""

    STOPS = "stops"
    """It gives up."""
    LOSES = "loses"
    """It removes something that is needed, or no longer protects it, and says nothing."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """One reason to look before a collection is run."""

    code: PreconditionCode
    repository: str
    """Empty where it is about the storage as a whole."""
    effect: Effect
    detail: str
    """One sentence for a person."""


def preconditions(inventory: Inventory, dialect: Dialect) -> tuple[Precondition, ...]:
    """Return what this dialect's collections stumble over, by repository and code.

    What only `--delete-untagged` minds says so in its detail.
    """
    checks = (
        *(_tagless, _layerless, _sha512, _unreadable, _dangling_links, _dangling_tags),
        *(_damaged_links, _damaged_tags, _names, _misplaced, _sparse),
    )
    found = chain.from_iterable(check(inventory, dialect) for check in checks)
    return tuple(sorted(found, key=lambda each: (each.repository, each.code)))


def _tagless(inventory: Inventory, dialect: Dialect) -> Iterator[Precondition]:
    """distribution#4331; see `mark`."""
    if dialect.needs_tags:
        effect, then = Effect.STOPS, "--delete-untagged aborts here"
    else:
        effect, then = Effect.LOSES, "--delete-untagged removes everything that they reference"
    for repository, count in _holding(inventory):
        if not inventory.has(repository, Folder.TAGS):
            detail = f"{count} manifests but no folder of tags: {then}"
            yield Precondition(
                PreconditionCode.NO_TAGS, inventory.repositories[repository], effect, detail
            )


def _layerless(inventory: Inventory, dialect: Dialect) -> Iterator[Precondition]:
    if dialect.flat(inventory):
        return
    if dialect.marker is Folder.LAYERS:
        effect, then = Effect.LOSES, "the repository is ignored, and all its blobs are removed"
    else:
        effect, then = Effect.STOPS, "any garbage collection aborts here"
    for repository, _ in _holding(inventory):
        if not inventory.has(repository, Folder.LAYERS):
            detail = f"manifests but no folder of layer links: {then}"
            yield Precondition(
                PreconditionCode.NO_LAYERS, inventory.repositories[repository], effect, detail
            )


def _holding(inventory: Inventory) -> Iterator[tuple[int, int]]:
    """Yield the repositories that have manifests, and how many."""
    for repository in range(len(inventory.repositories)):
        count = len(linked(inventory, repository)[0])
        if count:
            yield repository, count


def _sha512(inventory: Inventory, _: Dialect) -> Iterator[Precondition]:
    """Content is stored under its sha256; a collector marks the name that the manifest gives."""
    names = inventory.digests.others
    first = len(inventory.digests.packed)
    long = [first + at for at, name in enumerate(names) if name.startswith(("sha512:", "sha384:"))]
    if not long:
        return
    graph = inventory.graph
    named = np.flatnonzero(np.isin(graph.targets, np.array(long, np.int32)))
    rows = np.searchsorted(graph.starts, named, side="right") - 1
    manifests = np.flatnonzero(np.isin(graph.rows, rows)).astype(np.int32)
    yield from _revised(
        inventory,
        manifests,
        PreconditionCode.SHA512,
        Effect.LOSES,
        "manifests reference content by another digest than sha256: any collector removes it",
    )


def _unreadable(inventory: Inventory, dialect: Dialect) -> Iterator[Precondition]:
    faulty = {each: dialect.fault(inventory, each) for each in inventory.faults}
    schema1 = [each for each, fault in faulty.items() if fault.endswith("schema version 1")]
    others = [each for each, fault in faulty.items() if fault and each not in schema1]
    for code, numbers, what in (
        (PreconditionCode.SCHEMA1, schema1, "schema 1 manifests"),
        (PreconditionCode.UNREADABLE_MANIFEST, others, "manifests that cannot be read"),
    ):
        detail = f"{what}: a garbage collection that reaches one aborts"
        yield from _revised(inventory, np.array(numbers, np.int32), code, Effect.STOPS, detail)


def _revised(
    inventory: Inventory, manifests: Numbers, code: PreconditionCode, effect: Effect, detail: str
) -> Iterator[Precondition]:
    """Yield one for every repository that has some of these manifests."""
    at = np.isin(inventory.revisions.targets, manifests) if len(manifests) else np.zeros(0, bool)
    for repository, positions in _by_repository(inventory.revisions.starts, at):
        named = _first(inventory, inventory.revisions.targets[positions])
        where = inventory.repositories[repository]
        yield Precondition(code, where, effect, f"{len(positions)} {detail} ({named})")


def _dangling_links(inventory: Inventory, _: Dialect) -> Iterator[Precondition]:
    targets = inventory.revisions.targets
    lost = (targets >= 0) & (inventory.sizes[targets] < 0)
    for repository, positions in _by_repository(inventory.revisions.starts, lost):
        named = _first(inventory, targets[positions])
        detail = f"{len(positions)} manifests without content protect nothing any more ({named})"
        yield Precondition(
            PreconditionCode.DANGLING_LINK, inventory.repositories[repository], Effect.LOSES, detail
        )


def _dangling_tags(inventory: Inventory, _: Dialect) -> Iterator[Precondition]:
    """A tag without `current/link` does not count; one that leads nowhere protects nothing."""
    tags = inventory.tags
    for repository, positions in _by_repository(tags.starts, tags.current >= ABSENT):
        held = linked(inventory, repository)[0]
        loose = positions[~np.isin(tags.current[positions], held)]
        if len(loose):
            names = ", ".join(tags.names[at] for at in loose[:3].tolist())
            detail = f"{len(loose)} tags reference no manifest and protect nothing ({names})"
            yield Precondition(
                PreconditionCode.DANGLING_TAG,
                inventory.repositories[repository],
                Effect.LOSES,
                detail,
            )


def _damaged_links(inventory: Inventory, dialect: Dialect) -> Iterator[Precondition]:
    kinds: list[tuple[Links, str]] = [(inventory.revisions, "manifest links")]
    if dialect.sweeps_layer_links:
        kinds.append((inventory.layers, "layer links"))
    for links, what in kinds:
        for repository, positions in _by_repository(links.starts, links.targets < ABSENT):
            named = _first(inventory, links.paths[positions])
            detail = (
                f"{len(positions)} {what} name no digest: any garbage collection aborts ({named})"
            )
            where = inventory.repositories[repository]
            yield Precondition(PreconditionCode.DAMAGED_LINK, where, Effect.STOPS, detail)


def _damaged_tags(inventory: Inventory, _: Dialect) -> Iterator[Precondition]:
    tags = inventory.tags
    for repository, positions in _by_repository(tags.starts, tags.current < ABSENT):
        names = ", ".join(tags.names[at] for at in positions[:3].tolist())
        detail = f"{len(positions)} tags name no digest: --delete-untagged aborts ({names})"
        where = inventory.repositories[repository]
        yield Precondition(PreconditionCode.DAMAGED_LINK, where, Effect.STOPS, detail)


def _names(inventory: Inventory, dialect: Dialect) -> Iterator[Precondition]:
    for repository in visited(inventory, dialect):
        name = inventory.repositories[repository]
        if refused := refusal(name, dialect):
            yield Precondition(PreconditionCode.UNUSABLE_NAME, name, Effect.STOPS, refused)


def _misplaced(inventory: Inventory, _: Dialect) -> Iterator[Precondition]:
    if inventory.misplaced:
        detail = f"a blob's path names no digest: {inventory.misplaced}"
        yield Precondition(PreconditionCode.MISPLACED_BLOB, "", Effect.STOPS, detail)


def _sparse(inventory: Inventory, dialect: Dialect) -> Iterator[Precondition]:
    for hole in sparse(inventory, dialect):
        child = inventory.digests.text(hole.child)
        where, before = (inventory.repositories[at] for at in (hole.repository, hole.before))
        detail = f"{before} has an index of {child} without {child}; here only an index keeps it"
        yield Precondition(PreconditionCode.SPARSE_SHARED_INDEX, where, Effect.LOSES, detail)


def _by_repository(starts: Starts, marks: Marks) -> Iterable[tuple[int, Numbers]]:
    """Part the marked positions by the repository to which they belong."""
    positions = np.flatnonzero(marks).astype(np.int32)
    owners, first = np.unique(
        np.searchsorted(starts, positions, side="right") - 1, return_index=True
    )
    return zip(owners.tolist(), np.split(positions, first[1:]), strict=True) if len(first) else ()


def _first(inventory: Inventory, digests: Numbers) -> str:
    more = ", …" if len(digests) > 1 else ""
    return inventory.digests.text(int(digests[0])) + more
