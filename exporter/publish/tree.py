"""What hangs below a tag? Index, nested indexes, images, configurations and layers, each judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.facts.proof import State
from exporter.oci.digest import Digest
from exporter.oci.manifest import Kind
from exporter.publish.words import (
    ABSENT,
    BY_DESIGN,
    LACKING,
    Cell,
    child_cell,
    plain,
    platform_words,
    proof_words,
    state_cell,
    verdict_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.facts.proof import Sighting
    from exporter.facts.snapshot import Root
    from exporter.judge.report import Child, Report, TagVerdict
    from exporter.oci.manifest import Descriptor, Manifest
    from exporter.oci.reference import Tag


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
    """How that is known, what points at it, what was seen instead."""
    below: tuple[Node, ...] = ()


def grow(report: Report, verdict: TagVerdict) -> Node:
    """Return the tree of one tag."""
    return _Grower(report, verdict).top()


def wanted_by(report: Report, verdict: TagVerdict) -> tuple[str, ...]:
    """Who names this tag or digest: files' lines, workloads."""
    root = verdict.root
    return tuple(
        use.owner
        for use in report.snapshot.uses
        if use.reference.repository == root.repository
        and (
            use.reference.digest == root.digest
            if use.reference.digest
            else use.reference.tag == root.tag
        )
    )


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
            Node(f"{platform_words(platform)} image", LACKING, None, None, ("nothing is offered",))
            for platform in self._verdict.lacking_platforms
        )
        manifest = self._snapshot.manifests.get(root.digest)
        if manifest is None or not manifest.is_index:
            return self._manifest(root.digest, manifest.size if manifest else None, lacking)
        below = (*self._entries(manifest), *lacking)
        return Node("index", cell, root.digest, manifest.size, self._pointers(root.digest), below)

    def _entries(self, index: Manifest) -> Iterator[Node]:
        for link in index.links:
            if link.kind is Kind.CHILD:
                yield self._entry(link.target)
            elif link.kind is Kind.BLOB:
                yield self._blob(link.kind, link.target)

    def _entry(self, target: Descriptor) -> Node:
        manifest = self._snapshot.manifests.get(target.digest)
        if manifest is None or not manifest.is_index:
            return self._manifest(target.digest, target.size)
        seen = self._seen(target.digest)
        cell = state_cell(seen.state) if seen else ABSENT
        if target.digest in self._grown:
            return Node("index", cell, target.digest, target.size, ("shown above",))
        self._grown.add(target.digest)
        below = tuple(self._entries(manifest))
        return Node("index", cell, target.digest, target.size, self._pointers(target.digest), below)

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
        platform = f"{platform_words(child.platform)} " if child.platform else ""
        notes = (*self._proof(child), *self._pointers(digest))
        return Node(
            f"{platform}{child.kind}", child_cell(child), digest, size, notes, (*blobs, *lacking)
        )

    def _blob(self, kind: Kind, target: Descriptor) -> Node:
        seen = self._seen(target.digest)
        if seen is None:
            return Node(kind, ABSENT, target.digest, target.size, ("not looked at",))
        notes = self._observed(seen)
        return Node(kind, state_cell(seen.state), target.digest, target.size, notes)

    def _proof(self, child: Child) -> tuple[str, ...]:
        if child.state is State.PRESENT:
            return (proof_words(child.proof),)
        seen = self._seen(child.digest) if child.digest else None
        reason = (f"{child.reason}",) if child.reason else ()
        return (*reason, *(self._observed(seen) if seen and seen.detail else ()))

    def _seen(self, digest: Digest) -> Sighting | None:
        return self._snapshot.sightings.get((self._root.repository, digest))

    def _observed(self, seen: Sighting) -> tuple[str, ...]:
        if seen.state is State.PRESENT:
            return (proof_words(seen.proof),)
        reason = (str(seen.reason),) if seen.reason else ()
        return (*reason, *((plain(seen.detail),) if seen.detail else ()))

    def _pointers(self, digest: Digest) -> tuple[str, ...]:
        """Which tags point straight at it, where that is known."""
        child = self._children.get(digest)
        sealed = self._snapshot.sealed.get(self._root.repository)
        tags: tuple[Tag, ...] | None = child.protected_by if child else None
        if sealed is not None:
            tags = sealed.pointing_at(digest)
        if tags is None:
            return ()
        return (f"tagged {', '.join(tags)}",) if tags else ("no tag points straight at it",)
