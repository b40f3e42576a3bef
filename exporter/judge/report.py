"""What an audit means: a verdict for every tag and child, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Proof, State
from exporter.facts.snapshot import Admission, Root, Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.finding import Finding
from exporter.judge.stock import Stock
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Tag


class ChildKind(StrEnum):
    """What a child is for; only images are ever needed to run."""

    IMAGE = "image"
    INDEX = "index"
    """An index that is itself gone or unreadable, so that nothing below it is known."""
    ATTESTATION = "attestation"
    ARTIFACT = "artifact"
    CACHE = "cache"
    """A blob that an index lists (BuildKit's cache)."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Something below a child that is gone, short, wrong, or could not be seen."""

    digest: Digest
    kind: str
    """`manifest`, `config`, `layer` or `blob`."""
    size: int | None
    """Bytes, as the descriptor states them."""
    state: State
    detail: str
    corrupt: bool = False
    """Was every byte read, and hashes to another digest?"""
    misfit: bool = False
    """Is it all there, and not what the image's configuration says?"""

    @property
    def is_loss(self) -> bool:
        """Would the bytes that its digest names heal it, and are they gone or short?"""
        return self.state in GONE and not (self.corrupt or self.misfit)


@dataclass(frozen=True, slots=True)
class Child:
    """The verdict on one manifest that a tag leads to."""

    digest: Digest | None
    """None only where a tag does not exist and nothing tells to what it should lead."""
    platform: Platform | None
    kind: ChildKind
    state: State
    required_by: ReferenceClass | None
    """The highest class of those on whose platforms it would be pulled; None where nothing is."""
    expected: bool
    """Should this registry hold it at all? Not where a cache or a sparse mirror has holes."""
    proof: Proof
    """The weakest proof among its manifest and blobs: what "present" rests on."""
    reason: Reason | None
    """Why the state is unknown."""
    lacks: tuple[Lack, ...] = ()
    protected_by: tuple[Tag, ...] | None = None
    """Tags that point straight at it; None where none is known to, and not all tags are known."""

    @property
    def required(self) -> bool:
        """Would a platform that must run the tag pull this child?"""
        return self.required_by is not None

    @property
    def lost(self) -> bool:
        """Is it proven that what should be here is not?"""
        return self.state in GONE and self.expected


@dataclass(frozen=True, slots=True)
class Lacking:
    """A platform that must run a tag, and for which the tag offers nothing."""

    platform: Platform
    required_by: ReferenceClass
    """The highest class of those that must run it there."""


@dataclass(frozen=True, slots=True)
class TagVerdict:
    """The verdict on one tag or pinned digest."""

    root: Root
    state: State
    """Of what the tag's own class requires. `missing`: its own manifest is gone. `broken`: a
    required child or platform is missing or broken. `unknown`: neither could be established.
    `present`: every required child is proven."""
    children: tuple[Child, ...]
    indexes: tuple[Digest, ...] = ()
    """Nested indexes between the tag and its children that were read."""
    lacking: tuple[Lacking, ...] = ()
    """Platforms that must run it and for which it offers nothing, and for whom."""
    not_offered: tuple[Platform, ...] = ()
    """Platforms on which it may be started as well, and for which it offers nothing: no loss."""
    uses: tuple[Use, ...] = ()
    """Who names this tag, or pins this digest."""
    admissions: tuple[Admission, ...] = ()
    """How the credentials of these fared at the repository, where they may be tried."""
    drifted: tuple[Digest, ...] = ()
    """What of it is live and runs, and is nothing to which the tag leads now."""
    unprotected: tuple[Digest, ...] | None = None
    """What of it is live and no tag leads to; None where that is not known, or nothing is live."""

    @property
    def overall(self) -> State:
        """The state of what anybody requires, of whichever class."""
        if self.state in GONE:
            return self.state
        if self.failing:
            return State.BROKEN
        needed = {child.state for child in self.children if child.expected and child.required}
        return State.UNKNOWN if State.UNKNOWN in {self.state, *needed} else State.PRESENT

    @property
    def failing(self) -> tuple[ReferenceClass, ...]:
        """The classes for which it is proven that a pull fails, the highest first."""
        found = {child.required_by for child in self.children if child.lost}
        found |= {each.required_by for each in self.lacking}
        found |= {self.root.reference_class} if self.state in GONE else set()
        if not found:
            return ()  # of nearly every tag, and asked often
        return tuple(sorted(filter(None, found), key=lambda each: each.rank))

    @property
    def lacking_platforms(self) -> tuple[Platform, ...]:
        """Platforms that must run it and for which it offers nothing, for whomever."""
        return tuple(each.platform for each in self.lacking)

    @property
    def left_out(self) -> tuple[Platform, ...]:
        """Those of the lacking platforms that a sparse mirror leaves out on purpose.

        The tag has them, only not here: that is told, and never pages.
        """
        return tuple(each for each in self.lacking_platforms if each in self.elsewhere)

    @property
    def elsewhere(self) -> frozenset[Platform]:
        """Platforms that it offers, and of which nothing is promised here."""
        unpromised = (child.platform for child in self.children if not child.expected)
        return frozenset(platform for platform in unpromised if platform)


@dataclass(frozen=True, slots=True)
class Report:
    """What one audit of one registry means. The same snapshot and history give the same report."""

    snapshot: Snapshot
    verdicts: tuple[TagVerdict, ...]
    """Live first, then by repository and tag."""
    findings: tuple[Finding, ...]
    since: Mapping[str, float] = field(default_factory=dict)
    """When each finding was first seen: by its key, seconds since the epoch. Those of before that
    could not be looked for now are there too."""
    stock: Stock | None = None
    """What its storage means, where one was given and could be read whole."""
