"""Protection of the children of a tagged index in one repository, by registry kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from exporter.facts.registry_kind import ChildRemoval, Collector, RegistryKind
from exporter.facts.snapshot import Sealed, Snapshot
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag

_SHORTEST: Final = 12
"""Hexadecimal characters of a digest that make a tag name it for good, as keep tags do."""


class Risk(StrEnum):
    """How a manifest may be removed although the index above it stays tagged."""

    KEPT = "kept"
    UNKNOWN = "unknown"
    """Not every tag is known that may keep it."""
    SWEPT = "swept"
    """By a garbage collection that keeps only manifests that are tagged directly."""
    UNCLEAR = "unclear"
    """By such a garbage collection, if the registry's is one."""
    MOVED_TAG = "moved-tag"
    """At once, when the only tag that names it is pushed anew, or cleaned up."""
    UNTAGGED_PARENT = "untagged-parent"
    """Some time after the push, as neither it nor an index right above it is tagged."""

    @property
    def endangers(self) -> bool:
        """May it be removed, as far as is known?"""
        return self not in (Risk.KEPT, Risk.UNKNOWN)

    @property
    def proven(self) -> bool:
        """Is the registry known to remove such a manifest?"""
        return self.endangers and self is not Risk.UNCLEAR


_SWEEPS: Final = {Collector.DISTRIBUTION_2: Risk.SWEPT, Collector.UNKNOWN: Risk.UNCLEAR}


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection of the manifests of one repository."""

    collector: Collector
    kind: RegistryKind
    sealed: Sealed | None
    known: Mapping[Digest, Sequence[Tag]]
    """By manifest: the tags that were resolved. Not all, without a seal."""
    held: frozenset[Digest] = frozenset()
    """Manifests directly below a tagged index."""
    all_held: bool = True
    """Was every tagged manifest read?"""

    @classmethod
    def of(
        cls, snapshot: Snapshot, repository: Repository, known: Mapping[Digest, Sequence[Tag]]
    ) -> "Protection":
        """Return the protection of a repository's manifests; `known` are its resolved tags."""
        sealed, kind = snapshot.sealed.get(repository), snapshot.kind
        if ChildRemoval.UNTAGGED_PARENT not in kind.removals:
            return cls(snapshot.collector, kind, sealed, known)
        tagged = [each for each, tags in (sealed.tags if sealed else known).items() if tags]
        read = [snapshot.manifests[each] for each in tagged if each in snapshot.manifests]
        children = chain.from_iterable(each.children for each in read if each.is_index)
        held = frozenset(child.digest for child in children)
        return cls(snapshot.collector, kind, sealed, known, held, len(read) == len(tagged))

    def tags(self, digest: Digest) -> tuple[Tag, ...] | None:
        """Return the tags that name a manifest; None if none is known and not all tags are."""
        if self.sealed is not None:
            return self.sealed.pointing_at(digest)
        return tuple(self.known.get(digest, ())) or None

    def risk(self, digest: Digest) -> Risk:
        """Return how a child of an index may be removed while that stays tagged."""
        tags = self.tags(digest)
        if tags and self.kind.belongs_to_tag:
            if not held_by_one(tags, digest, self.kind):
                return Risk.KEPT
            return Risk.MOVED_TAG if self.sealed else Risk.UNKNOWN
        if tags:
            return Risk.KEPT
        found = self.untagged(digest)
        doubtful = found.endangers or self.kind.belongs_to_tag
        return Risk.UNKNOWN if tags is None and doubtful else found

    def without_a_tag(self, digest: Digest) -> Risk:
        """Return the risk once the tags that name a manifest are moved or deleted."""
        tagged = self.kind.belongs_to_tag and self.tags(digest) != ()
        return Risk.MOVED_TAG if tagged else self.untagged(digest)

    def keeps(self, digest: Digest) -> bool | None:
        """Return whether a manifest stays while its index does; None if unknown."""
        risk = self.risk(digest)
        return None if risk is Risk.UNKNOWN else not risk.endangers

    def untagged(self, digest: Digest) -> Risk:
        """Return the same for a manifest that no tag names directly."""
        if ChildRemoval.UNTAGGED_PARENT in self.kind.removals and digest not in self.held:
            return Risk.UNTAGGED_PARENT if self.sealed and self.all_held else Risk.UNKNOWN
        return _SWEEPS.get(self.collector, Risk.KEPT)


def held_by_one(tags: Sequence[Tag], digest: Digest, kind: RegistryKind) -> bool:
    """Is a manifest lost as soon as the one tag that names it is moved?

    No tag is moved to another manifest that ends with the digest of the one that it names.
    """
    return kind.belongs_to_tag and len(tags) == 1 and not _names(tags[0], digest)


def risk_words(risk: Risk, tags: Sequence[Tag], kind: RegistryKind) -> str:
    """Say for a person how a manifest may be removed that these tags name directly."""
    if risk is Risk.MOVED_TAG:
        cleaned = ", or a cleanup of it," if ChildRemoval.CLEANED_TAG in kind.removals else ""
        return f"kept by its tag {tags[0]} alone: a push that moves it{cleaned} removes this"
    if risk is Risk.UNTAGGED_PARENT:
        return "neither it nor an index right above it is tagged: it is served for a while only"
    return "not tagged directly"


def _names(tag: Tag, digest: Digest) -> bool:
    """Does a tag end with the beginning of a digest?"""
    named = tag.rpartition("-")[2]
    return len(named) >= _SHORTEST and digest.encoded.startswith(named)
