"""The verdict on one tag: its state, and that of all that a pull of it would need."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from exporter.facts.attached import Attachments
from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Proof, State
from exporter.facts.snapshot import Admission, Root
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.protection import Risk
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Tag


class ChildKind(StrEnum):
    """The purpose of a child; only images are needed to run."""

    IMAGE = "image"
    INDEX = "index"
    """An index that is itself missing or unreadable, so that nothing below it is known."""
    ATTESTATION = "attestation"
    ARTIFACT = "artifact"
    CACHE = "cache"
    """A blob that an index lists (BuildKit's cache)."""


Content: TypeAlias = Digest | tuple[Digest, str]
"""What one cause is about."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A manifest or blob of a child that is missing, short, wrong or unknown."""

    digest: Digest
    kind: str
    """`manifest`, `config`, `layer` or `blob`."""
    size: int | None
    """Bytes, as the descriptor states them."""
    state: State
    detail: str
    corrupt: bool = False
    """Was every byte read, and hashes to another digest?"""
    wrong_diff_id: bool = False
    """Is it complete, but different from what the image's configuration states?"""

    @property
    def content(self) -> Content:
        """The digest; and how it is wrong, as one layer may be for two images in two ways."""
        return (self.digest, self.detail) if self.wrong_diff_id else self.digest

    @property
    def lost(self) -> bool:
        """Is it proven to be missing or broken?"""
        return self.state in GONE

    @property
    def is_loss(self) -> bool:
        """Is it missing or short, so that the bytes of its digest would repair it?"""
        return self.lost and not (self.corrupt or self.wrong_diff_id)


@dataclass(frozen=True, slots=True)
class Child:
    """The verdict on one manifest that a tag references."""

    digest: Digest | None
    """None only if a tag does not exist and its former digest is unknown."""
    platform: Platform | None
    kind: ChildKind
    state: State
    required_by: ReferenceClass | None
    """The highest class that would pull it on some platform; None if none would."""
    expected: bool
    """Should this registry have it at all? A cache or a sparse mirror need not."""
    proof: Proof
    """The weakest proof among its manifest and blobs: the proof of "present"."""
    reason: Reason | None
    """Why the state is unknown."""
    detail: str = ""
    """What was observed where the state is unknown, or where its tag does not exist."""
    lacks: tuple[Lack, ...] = ()
    possible: bool = False
    """Do live uses pull it only on platforms that may start them, but need not?"""
    protected_by: tuple[Tag, ...] | None = None
    """Tags that name it directly; None if none is known, and not all tags are."""
    risk: Risk = Risk.UNKNOWN
    """How it may be removed while its tag stays; of the tag's own manifest, `KEPT`."""

    @property
    def required(self) -> bool:
        """Would a platform that must run the tag pull this child?"""
        return self.required_by is not None

    @property
    def need(self) -> str:
        """`required`, `possible` (pulled only on platforms that may start it) or `optional`."""
        if self.required_by is None:
            return "optional"
        return "possible" if self.possible else "required"

    @property
    def gone(self) -> bool:
        """Is it proven to be missing or broken, expected or not?"""
        return self.state in GONE

    @property
    def lost(self) -> bool:
        """Is it proven that expected content is lost?"""
        return self.gone and self.expected

    @property
    def stands(self) -> bool:
        """Is it a present manifest? The blobs of a build cache belong to their index."""
        return (
            self.expected and self.state is not State.MISSING and self.kind is not ChildKind.CACHE
        )


@dataclass(frozen=True, slots=True)
class LackingPlatform:
    """A platform that must run a tag, without an image for it."""

    platform: Platform
    required_by: ReferenceClass
    """The highest class that must run it there."""


@dataclass(frozen=True, slots=True)
class TagVerdict:
    """The verdict on one tag or pinned digest."""

    root: Root
    state: State
    """Of what the tag's own class requires. `missing`: its own manifest is. `broken`: a
    required child or platform is missing or broken. `unknown`: neither could be established.
    `present`: every required child is proven."""
    children: tuple[Child, ...]
    indexes: tuple[Digest, ...] = ()
    """Nested indexes between the tag and its children that were read."""
    lacking: tuple[LackingPlatform, ...] = ()
    """Platforms that must run it without an image for them, and the class that needs each."""
    not_offered: tuple[Platform, ...] = ()
    """Further platforms that may start it, without an image for them: no loss."""
    uses: tuple[Use, ...] = ()
    """Who names this tag, or pins this digest."""
    admissions: tuple[Admission, ...] = ()
    """The results of trying the credentials of its uses, if they may be tried."""
    drifted: tuple[Digest, ...] = ()
    """Live images that run and that the tag does not reference any more."""
    unprotected: tuple[Digest, ...] | None = None
    """Live images that no tag references; None if unknown, or if nothing is live."""
    endangered: tuple[tuple[Digest, Risk], ...] = ()
    """Nested indexes, and a pinned one itself, that may be removed, and how."""
    attached: tuple[tuple[Digest, Attachments], ...] = ()
    """Attachments of its own manifest, and of required children."""

    @property
    def name(self) -> str:
        """`repository:tag`, or `repository@digest`, as it is typed."""
        root = self.root
        return f"{root.repository}:{root.tag}" if root.tag else f"{root.repository}@{root.digest}"

    @property
    def manifests(self) -> tuple[Digest, ...]:
        """The manifests at and below it, nested indexes too; each once."""
        children = (each.digest for each in self.children if each.kind is not ChildKind.CACHE)
        return tuple(filter(None, dict.fromkeys((self.root.digest, *self.indexes, *children))))

    @property
    def cannot_be_pulled(self) -> bool:
        """Is it proven that a pull fails, for its own class or a lower one?"""
        return self.overall in GONE

    @property
    def broken_for_own_class(self) -> bool:
        """Is it proven that a pull fails for the tag's own class?"""
        return self.state in GONE

    @property
    def by_design(self) -> bool:
        """Is nothing below it promised here, as in a pull-through cache?"""
        return bool(self.children) and not any(child.expected for child in self.children)

    @property
    def stake(self) -> int:
        """The rank of the highest class that cannot pull it; else, of the tag's own class."""
        return next(iter(self.failing), self.root.reference_class).rank

    @property
    def overall(self) -> State:
        """The state for all classes that need it."""
        if self.state in GONE:
            return self.state
        if self.failing:
            return State.BROKEN
        needed = {child.state for child in self.children if child.expected and child.required}
        return State.UNKNOWN if State.UNKNOWN in {self.state, *needed} else State.PRESENT

    @property
    def failing(self) -> tuple[ReferenceClass, ...]:
        """The classes that provably cannot pull it, the highest first."""
        found = {child.required_by for child in self.children if child.lost}
        found |= {each.required_by for each in self.lacking}
        found |= {self.root.reference_class} if self.state in GONE else set()
        if not found:
            return ()  # of nearly every tag, and asked often
        return tuple(sorted(filter(None, found), key=lambda each: each.rank))

    @property
    def stops_live(self) -> bool:
        """Would a live use fail wherever it starts, or where it must run?"""
        lost = [each for each in self.children if each.lost and self._live(each.required_by)]
        lacks = any(self._live(each.required_by) for each in self.lacking)
        sure = not lost or lacks or not all(each.possible for each in lost)
        return ReferenceClass.LIVE in self.failing and sure

    @staticmethod
    def _live(required_by: ReferenceClass | None) -> bool:
        return required_by is ReferenceClass.LIVE

    @property
    def lacking_platforms(self) -> tuple[Platform, ...]:
        """Platforms that must run it without an image for them, for any class."""
        return tuple(each.platform for each in self.lacking)

    @property
    def elsewhere(self) -> frozenset[Platform]:
        """Platforms that it offers, but that a sparse mirror leaves out on purpose: no loss."""
        unpromised = {child.platform for child in self.children if not child.expected}
        return frozenset(filter(None, unpromised))
