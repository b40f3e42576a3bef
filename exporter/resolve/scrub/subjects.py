"""Which bytes does something need, how much does each matter, and where can they be read?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Role, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.manifest import OCI_MANIFEST, Descriptor, Kind, Link, Manifest
from exporter.oci.reference import Place, Repository


class Part(Enum):
    """What is learnt from the content of something."""

    CONFIG = auto()
    """Its diff ids."""
    LAYER = auto()
    """What it unpacks to."""


@dataclass(frozen=True, slots=True)
class Need:
    """One repository that needs something."""

    repository: Repository
    above: Digest | None
    """The manifest that names it there; None for a tag's own manifest."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One blob or manifest that is read whole."""

    target: Descriptor
    """Its media type says whether it is asked for as a manifest or as a blob."""
    reference_class: ReferenceClass
    """The highest of those that need it."""
    needs: tuple[Need, ...]
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
        """What names it."""
        return self.target.digest

    @property
    def size(self) -> int:
        """Bytes; 0 where nothing says how many (the layers of schema 1)."""
        return self.target.size or 0


def subjects(snapshot: Snapshot, *, hidden: bool = False) -> tuple[Subject, ...]:
    """Return everything below the roots that the audit found there, or found corrupt, each once.

    `hidden` adds what the registry would not show: its storage may. A registry that cannot parse a
    manifest whose bits flipped answers 500.
    Not what a manifest carries inline or expects elsewhere. Reading a pull-through cache whole
    would make it fetch: nothing of one is a subject.
    """
    if snapshot.role is Role.PROXY:
        return ()
    found: dict[Digest, Subject] = {}
    for need, target, reference_class in _needed(snapshot):
        seen = snapshot.sightings.get((need.repository, target.digest))
        if seen is None or not _may_be_read(seen, hidden=hidden):
            continue
        first = Subject(_as_asked(target, seen), reference_class, ())
        known = found.get(target.digest, first)
        corrupt = known.corrupt or seen.corrupt
        found[target.digest] = replace(known, needs=(*known.needs, need), corrupt=corrupt)
    return tuple(found.values())


def _may_be_read(seen: Sighting, *, hidden: bool) -> bool:
    if seen.state is State.UNKNOWN:
        return hidden and seen.reason is not Reason.BY_DESIGN
    return seen.state is State.PRESENT or seen.corrupt


def _needed(snapshot: Snapshot) -> Iterator[tuple[Need, Descriptor, ReferenceClass]]:
    """Yield each place once, first for the most important root that leads there."""
    passed: set[Place] = set()
    for root in sorted(snapshot.roots, key=lambda each: each.reference_class.rank):
        top = snapshot.manifests.get(root.digest) if root.digest else None
        waiting: list[tuple[Descriptor, Digest | None]] = [(_itself(top), None)] if top else []
        while waiting:
            target, above = waiting.pop()
            place = (root.repository, target.digest)
            if place in passed:
                continue
            passed.add(place)
            yield Need(root.repository, above), target, root.reference_class
            manifest = snapshot.manifests.get(target.digest)
            waiting += _below(manifest) if manifest else ()


def _below(manifest: Manifest) -> list[tuple[Descriptor, Digest | None]]:
    return [(link.target, manifest.digest) for link in manifest.links if _is_held(link)]


def _is_held(link: Link) -> bool:
    target = link.target
    return link.kind is not Kind.SUBJECT and target.distributable and not target.inline


def _itself(manifest: Manifest) -> Descriptor:
    return Descriptor(manifest.media_type, manifest.digest, manifest.size)


def _as_asked(target: Descriptor, seen: Sighting) -> Descriptor:
    """An entry that no specification names, and that only HEAD showed, is a manifest."""
    if target.is_manifest or seen.proof is not Proof.HEAD:
        return target
    return Descriptor(OCI_MANIFEST, target.digest, target.size)
