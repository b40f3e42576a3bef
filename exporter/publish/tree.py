"""What hangs below a tag? Index, nested indexes, images, configurations and layers, each judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import aside
from exporter.judge.report import Child, ChildKind, Lacking, Report, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.manifest import Descriptor, Kind, Manifest
from exporter.oci.reference import Tag
from exporter.publish.blocks import Cell, Tone
from exporter.publish.formatting import (
    ABSENT,
    BY_DESIGN,
    LACKING,
    child_cell,
    platform_words,
    proof_words,
    state_cell,
    time_words,
    verdict_cell,
)
from exporter.screen import plain

_MOST_TAGS: Final = 10
"""Names that are said of one manifest; the others are counted."""
_DEEPEST: Final = 16
"""Levels of indexes that are shown. An audit follows 8 below a tag; a file may name any number."""


@dataclass(frozen=True, slots=True)
class Node:
    """One piece of content, or one platform for which there is none."""

    label: str
    """What it is: a platform and `image`, `index`, `config`, `layer` …"""
    cell: Cell
    digest: Digest | None
    size: int | None
    """Bytes of the object itself; None where nothing states it."""
    notes: tuple[str, ...] = ()
    """How that is known, what was seen instead."""
    below: tuple[Node, ...] = ()
    protection: Cell | None = None
    """Which tags point straight at it; None where that is not known, or asked of a blob."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Everything that is to be said beside it."""
        return (*self.notes, self.protection.text) if self.protection else self.notes


def grow(report: Report, verdict: TagVerdict) -> Node:
    """Return the tree of one tag."""
    return _Grower(report, verdict).top()


class _Grower:
    """The facts about one tag, at hand while its tree is built."""

    def __init__(self, report: Report, verdict: TagVerdict) -> None:
        self._snapshot = report.snapshot
        self._root: Root = verdict.root
        self._verdict = verdict
        self._children: Mapping[Digest, Child] = {
            child.digest: child for child in verdict.children if child.digest
        }
        self._grown: set[Digest] = set()
        """Nested indexes that were followed: listed twice, they would double the tree each time."""

    def top(self) -> Node:
        root, cell = self._root, verdict_cell(self._verdict)
        if root.digest is None:
            return Node("tag", cell, None, None, self._observed(root.sighting))
        lacking = tuple(
            Node(f"{platform_words(each.platform)} image", LACKING, None, None, self._lacks(each))
            for each in self._verdict.lacking
        )
        manifest = self._snapshot.manifests.get(root.digest)
        if manifest is None or not manifest.is_index:
            return self._manifest(root.digest, manifest.size if manifest else None, lacking)
        below = (*self._entries(manifest, 1), *lacking)
        guard = self._protection(root.digest)
        return Node("index", cell, root.digest, manifest.size, (), below, guard)

    def _entries(self, index: Manifest, depth: int) -> Iterator[Node]:
        for link in index.links:
            if link.kind is Kind.CHILD:
                yield self._entry(link.target, depth)
            elif link.kind is Kind.BLOB:
                yield self._blob(link.kind, link.target)

    def _entry(self, target: Descriptor, depth: int) -> Node:
        manifest = self._snapshot.manifests.get(target.digest)
        if manifest is None or not manifest.is_index:
            return self._manifest(target.digest, target.size)
        seen = self._seen(target.digest)
        cell = state_cell(seen.state) if seen else ABSENT
        if target.digest in self._grown:
            return Node("index", cell, target.digest, target.size, ("shown above",))
        if depth == _DEEPEST:
            return Node("index", cell, target.digest, target.size, ("nested too deeply to show",))
        self._grown.add(target.digest)
        below = tuple(self._entries(manifest, depth + 1))
        guard = self._protection(target.digest)
        return Node("index", cell, target.digest, target.size, (), below, guard)

    def _manifest(self, digest: Digest, size: int | None, lacking: tuple[Node, ...] = ()) -> Node:
        """An image, an attestation, or whatever a manifest that cannot be read was meant to be."""
        child = self._children.get(digest)
        manifest = self._snapshot.manifests.get(digest)
        content = () if manifest is None else manifest.links
        blobs = tuple(
            self._blob(link.kind, link.target)
            for link in content
            if link.kind not in (Kind.CHILD, Kind.SUBJECT)
        )
        if child is None:
            return Node("manifest", BY_DESIGN, digest, size, (), (*blobs, *lacking))
        is_run = child.platform and child.kind is ChildKind.IMAGE
        platform = f"{platform_words(child.platform)} " if is_run and child.platform else ""
        return Node(
            f"{platform}{child.kind}",
            child_cell(child),
            digest,
            size,
            (*self._proof(child), *self._aside(child.required_by)),
            (*blobs, *lacking),
            self._protection(digest),
        )

    def _lacks(self, lacking: Lacking) -> tuple[str, ...]:
        return ("no image", *self._aside(lacking.required_by))

    def _aside(self, required_by: ReferenceClass | None) -> tuple[str, ...]:
        """Who needs it, where that is not what is highest of the tag's uses."""
        return tuple(filter(None, (aside(self._root, required_by),)))

    def _blob(self, kind: Kind, target: Descriptor) -> Node:
        seen = self._seen(target.digest)
        if seen is None:
            return Node(kind, ABSENT, target.digest, target.size, ("not audited",))
        notes = self._observed(seen)
        return Node(kind, state_cell(seen.state), target.digest, target.size, notes)

    def _proof(self, child: Child) -> tuple[str, ...]:
        if child.state is State.PRESENT:
            return (proof_words(child.proof),)
        seen = self._seen(child.digest) if child.digest else None
        if seen and seen.state is child.state:
            return self._observed(seen)
        return (str(child.reason),) if child.reason else ()  # what is below says the rest

    def _seen(self, digest: Digest) -> Sighting | None:
        return self._snapshot.sightings.get((self._root.repository, digest))

    def _observed(self, seen: Sighting) -> tuple[str, ...]:
        when = () if seen.seen_at is None else (f"as of {time_words(seen.seen_at)}",)
        if seen.state is State.PRESENT:
            return (proof_words(seen.proof), *when)
        proof = (proof_words(seen.proof),) if seen.proof is Proof.CONFIRMED else ()
        words = (str(seen.reason or ""), plain(seen.detail))
        return (*filter(None, words), *proof, *when)

    def _protection(self, digest: Digest) -> Cell | None:
        """Which tags point straight at it, where that is known."""
        child = self._children.get(digest)
        sealed = self._snapshot.sealed.get(self._root.repository)
        tags: tuple[Tag, ...] | None = child.protected_by if child else None
        if sealed is not None:
            tags = sealed.pointing_at(digest)
        if tags is None:
            return None
        if not tags:
            return Cell("not tagged directly", Tone.UNSURE)
        more = len(tags) - _MOST_TAGS
        rest = f" and {more:,} more" if more > 0 else ""
        return Cell(f"tagged {', '.join(tags[:_MOST_TAGS])}{rest}")
