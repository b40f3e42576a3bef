"""The report of an audit: a verdict for every tag and child, and all that follows of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Role, Root, Snapshot, proven_at
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule
from exporter.judge.impact import Impact, User, users_of
from exporter.judge.protection import Risk
from exporter.judge.storage_use import StorageUse
from exporter.judge.tag_verdict import Lack, TagVerdict
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag


class Urgency(IntEnum):
    """How much a tag needs a person; the lowest first."""

    CANNOT_BE_PULLED = 0
    UNKNOWN = 1
    NONE = 2


class Condition(StrEnum):
    """A condition that tags are counted and searched by."""

    CANNOT_BE_PULLED = "gone"
    """It is missing or broken, or is so for uses of a lower class."""
    MISSING = "missing"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    PRESENT = "present"
    BY_DESIGN = "by-design"
    """Nothing below it is promised here."""
    AT_RISK = "unprotected"
    """A cleanup would take what is live: a child by the registry's own collector, or an image
    that no tag references."""


class Requirement(StrEnum):
    """Whether a platform that must run the tag pulls a child."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """The children of one tag that are equally needed, counted."""

    missing: int
    broken: int
    unknown: int
    unprotected: int | None
    """None if the repository's tags are not all known."""


@dataclass(frozen=True, slots=True)
class TagReport:
    """The report of one tag or pinned digest."""

    verdict: TagVerdict
    findings: tuple[Finding, ...]
    """Its findings."""
    impact: Impact
    """The users that its loss affects; none if it can be pulled."""
    lost_since: Mapping[ReferenceClass | None, float]
    """When the loss was first seen, by the class that it affects: seconds since the epoch."""
    urgency: Urgency
    conditions: frozenset[Condition]
    incomplete: frozenset[Requirement]
    """The needs with an expected child that is not proven to be present."""
    failing_pulls: int = 0
    """Pods whose nodes fail to pull it, whatever the cause: it is no verdict."""
    pull_error: str = ""
    """The message of one of these nodes; empty if there is none."""

    @property
    def name(self) -> str:
        """`repository:tag`, or `repository@digest`."""
        return self.verdict.name

    @property
    def since(self) -> float | None:
        """When the tag was first found to be impossible to pull: seconds since the epoch."""
        return min(self.lost_since.values(), default=None)

    @property
    def users(self) -> tuple[User, ...]:
        """The workloads and references that name it; the containers of one workload are one."""
        return users_of(self.verdict.uses)

    @property
    def order(self) -> tuple[int, int, int, float]:
        """Sort key: the most important, the worst, and the soonest scheduled first."""
        own = self.verdict.root.reference_class.rank
        return own, self.urgency, self.verdict.stake, self.impact.soonest

    def impact_on(self, failing: ReferenceClass) -> Impact:
        """Return the impact of the losses for a class: on all users for the tag's own class."""
        own = failing is self.verdict.root.reference_class
        return self.impact if own else self.impact.of(failing)

    def child_counts(
        self, by: ReferenceClass | None, *, possible: bool = False
    ) -> ChildCounts | None:
        """Count the children that a class requires; None counts optional ones.

        `possible` asks for those that it pulls only where it merely may be started.

        None where the registry promises nothing below it, or there is nothing of that kind.
        """
        verdict = self.verdict
        expected = [each for each in verdict.children if each.expected]
        children = [
            each for each in expected if each.required_by is by and each.possible is possible
        ]
        if possible and not children:
            return None
        own = by is verdict.root.reference_class
        lacking = any(each.required_by is by for each in verdict.lacking)
        promised = own and len(expected) == len(verdict.children)
        if not (children or lacking or promised):
            return None
        states = [child.state for child in children]
        known = all(child.risk is not Risk.UNKNOWN for child in children)
        bare = sum(child.risk.endangers and child.stands for child in children)
        indexes = len(verdict.endangered) * (own and not possible)
        return ChildCounts(
            states.count(State.MISSING),
            states.count(State.BROKEN),
            states.count(State.UNKNOWN),
            bare + indexes if known else None,
        )


@dataclass(frozen=True, slots=True)
class BrokenTag:
    """A tag that a cause breaks."""

    verdict: TagVerdict
    platforms: tuple[Platform, ...]
    """The affected platforms; empty if none is known."""
    required: bool
    """Must one of them run it?"""


@dataclass(frozen=True, slots=True)
class Cause:
    """One manifest or blob that is missing, short, corrupt, or does not fit its image."""

    lack: Lack
    affects: tuple[BrokenTag, ...]
    """The tags that lack it, live first, including those that lack it only in an optional child."""
    since: float | None = None
    """When the first of them was found to be broken: seconds since the epoch."""

    @property
    def breaks(self) -> tuple[BrokenTag, ...]:
        """The tags that cannot be pulled without it on a platform that must run them."""
        return tuple(each for each in self.affects if each.required)

    @property
    def classes(self) -> Mapping[ReferenceClass, int]:
        """How many tags of each class it breaks, the highest first."""
        return Counter(each.verdict.root.reference_class for each in self.breaks)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """The repositories of these tags."""
        return tuple(sorted({each.verdict.root.repository for each in self.breaks}))


@dataclass(frozen=True, slots=True)
class VanishedTag:
    """A tag that could not be pulled when last audited, and is not listed any more."""

    repository: Repository
    tag: Tag
    reference_class: ReferenceClass
    since: float
    """When the list first lacked it: seconds since the epoch."""

    @property
    def name(self) -> str:
        """`repository:tag`."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class RepositoryCounts:
    """One repository, counted: every manifest once, under the highest class that needs it."""

    tags: int
    children: Mapping[tuple[ReferenceClass, State], int]
    unprotected: Mapping[ReferenceClass, int] | None
    """None if the repository's tags are not all known."""
    logical_bytes: int
    """Bytes of present content, shared content included."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One registry, counted."""

    tags: Mapping[tuple[ReferenceClass, State], int]
    children: Mapping[tuple[ReferenceClass, State], int]
    """Each once per repository, under the highest class that needs it."""
    unprotected: Mapping[ReferenceClass, int] | None
    """Counted in repositories with a complete list of tags; None if there are none."""
    repositories: Mapping[Repository, RepositoryCounts]
    blobs: Mapping[State, int]
    """Without content that other registries have by design."""
    proofs: Mapping[Proof, int]
    """How the blobs that are present were proven."""
    referenced_bytes: int
    """Bytes of present content, each digest once."""
    oldest_proof: Mapping[ReferenceClass, float] = field(default_factory=dict)
    """When the content of a class's tags was last asked for, of the tag where that is longest ago:
    seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts on one audit: the same snapshot and history give the same report."""

    snapshot: Snapshot
    tags: tuple[TagReport, ...]
    """Live first, then by repository and tag."""
    causes: tuple[Cause, ...]
    """The highest class that they break first, then the most tags."""
    counts: Counts
    checked: tuple[Rule, ...]
    """The checks that could run."""
    since: Mapping[str, float] = field(default_factory=dict)
    """When each finding was first seen: by its key, seconds since the epoch. Those of before that
    could not be looked for now are there too."""
    storage: StorageUse | None = None
    """The storage use, if a storage was given and could be read completely."""
    vanished: tuple[VanishedTag, ...] = ()
    """Broken tags that are not listed any more: nothing repaired them."""
    refreshed: frozenset[Repository] = frozenset()
    """The repositories that were judged since, each by what an audit of a part knew."""
    learned: frozenset[bytes] = frozenset()
    """Content that such an audit learned more about, packed: other repositories do not know it."""

    @property
    def empty(self) -> bool:
        """Is a registry empty in scope that should have something?

        One that hides what a login may not list looks the same as one that has nothing.
        """
        return not self.tags and self.snapshot.role is not Role.PROXY

    def proven_at(self, root: Root) -> float:
        """Return when a tag's content was last requested: seconds since the epoch."""
        return proven_at(self.snapshot, root)

    @property
    def verdicts(self) -> tuple[TagVerdict, ...]:
        """The verdict on each tag, in their order."""
        return tuple(tag.verdict for tag in self.tags)

    @property
    def cannot_be_pulled(self) -> int:
        """How many tags and pinned digests are proven not to be pullable?"""
        return sum(verdict.cannot_be_pulled for verdict in self.verdicts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong, in the order of the tags."""
        return tuple(finding for tag in self.tags for finding in tag.findings)
