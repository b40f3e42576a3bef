"""Everything that one audit of one registry saw."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import chain

from exporter.facts.attached import Attachments
from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Gap, Reason, Scope, bounded
from exporter.facts.proof import Sighting, State
from exporter.facts.registry_kind import UNKNOWN_KIND, Collector, RegistryKind
from exporter.facts.sightings import Sightings
from exporter.facts.use import Nodes, ReferenceClass, Use
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.platform import Platform
from exporter.oci.reference import Place, Repository, Tag


class Role(StrEnum):
    """The content that a registry is expected to have."""

    OWNED = "owned"
    PROXY = "proxy"
    """A pull-through cache: partial by design, healed by asking; never alerted."""
    SPARSE = "sparse"
    """A mirror that has some platforms only, on purpose."""


@dataclass(frozen=True, slots=True)
class RegistryPart:
    """Repositories of a registry, and the content that they are expected to have."""

    repositories: tuple[str, ...]
    """Shell patterns; `*` also matches slashes."""
    role: Role
    platforms: frozenset[Platform] = frozenset()
    """The platforms that a sparse mirror holds."""

    def holds(self, repository: str) -> bool:
        """Does a pattern match a repository's name?"""
        return any(fnmatchcase(repository, pattern) for pattern in self.repositories)


@dataclass(frozen=True, slots=True)
class Root:
    """A start of an audit: a tag, or a pinned digest."""

    repository: Repository
    tag: Tag | None
    """None if the image is pinned by digest."""
    digest: Digest | None
    """The digest that the tag resolved to; None if it could not be resolved."""
    sighting: Sighting
    """The sighting of the tag itself: if `unknown`, nothing below it could be read."""
    reference_class: ReferenceClass
    platforms: frozenset[Platform] = frozenset()
    """Platforms that must run it; empty means every platform that it offers."""
    admitted: frozenset[Platform] = frozenset()
    """Further platforms on which it may be started: it need not offer them."""

    @property
    def name(self) -> str:
        """The tag, or `@` and a shortened digest: names the root within its repository."""
        return self.tag or f"@{self.digest.short if self.digest else ''}"

    @property
    def nodes(self) -> Nodes:
        """The nodes of all its uses."""
        return Nodes(self.platforms, self.admitted)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A repository with every tag listed and resolved: the proof of "no tag references this".

    Build it where the list was complete and each tag answered; nothing else may.
    """

    tags: Mapping[Digest, tuple[Tag, ...]]
    """By manifest: the tags that name it."""

    def pointing_at(self, digest: Digest) -> tuple[Tag, ...]:
        """Return the tags that name it; empty is a proven "none"."""
        return self.tags.get(digest, ())


@dataclass(frozen=True, slots=True)
class Admission:
    """The result of trying one set of credentials at one repository, on present content."""

    login: str
    """The set's name, as uses give it (`Use.login`)."""
    repository: Repository
    admitted: bool | None
    """None if it could not be established."""
    reason: Reason | None = None
    """Why it was refused, or why that is not known."""
    detail: str = ""
    """One sentence for a person; never credentials."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A difference between a registry and its storage, after each was read twice."""

    repository: Repository
    tag: Tag | None
    """None if it is about content."""
    digest: Digest
    """The manifest or blob; for a tag, one of its two digests."""
    registry: str
    """The registry's answer, for a person."""
    storage: str
    """The storage's answer, for a person."""
    stored: bool = False
    """Does the storage have what the registry denies? Else it lacks it, or names another digest."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The observations of one audit of one registry. Plain facts: nothing here is a judgement."""

    registry: str
    taken_at: float
    """Start of the audit, in seconds since the epoch."""
    role: Role = Role.OWNED
    platforms: frozenset[Platform] = frozenset()
    """The platforms that a sparse mirror holds."""
    collector: Collector = Collector.UNKNOWN
    """As configured, or its kind's."""
    roots: tuple[Root, ...] = ()
    manifests: Mapping[Digest, Manifest] = field(default_factory=dict)
    """Every manifest that was read, by its proven digest."""
    sightings: Sightings = field(default_factory=Sightings)
    """Every audited manifest and blob, per repository; any mapping of them is packed."""
    config_platforms: Mapping[Digest, Platform] = field(default_factory=dict)
    """The platform in an image's configuration, if that was read."""
    listed: Mapping[Repository, int] = field(default_factory=dict)
    """How many tags each repository lists, in scope or not."""
    sealed: Mapping[Repository, Sealed] = field(default_factory=dict)
    """The repositories whose tags are all known, so that absence may be claimed."""
    uses: tuple[Use, ...] = ()
    admissions: tuple[Admission, ...] = ()
    """The results of trying the credentials of workloads, if they may be tried."""
    gone: bool = False
    """Did the registry stop answering before the audit's end?"""
    gaps: tuple[Gap, ...] = ()
    recovered: Mapping[Place, str] = field(default_factory=dict)
    """Content that the first request denied, with its answer, and the second one found."""
    read_in_full: int | None = None
    """Bytes of blobs that were read in full, as the registry ignores ranges; None where it sends
    the part that is asked for."""
    diff_id_mismatches: Mapping[Digest, tuple[DiffIdMismatch, ...]] = field(default_factory=dict)
    """By manifest: differences between an image and its configuration, if that was read."""
    kind: RegistryKind = UNKNOWN_KIND
    parts: tuple[RegistryPart, ...] = ()
    """Repositories with a role of their own; the first part that matches one decides."""
    unasked: tuple[Repository, ...] = ()
    """Repositories in scope that are in a pull-through cache: the registry is not asked for them,
    since it would fetch from upstream."""
    delisted: tuple[tuple[Repository, Tag], ...] = ()
    """Tags of the audit before that the registry's complete lists show no more."""
    attached: Mapping[Place, Attachments] = field(default_factory=dict)
    """Attachments, by manifest; only of manifests whose attachments were audited."""
    require_attached: tuple[str, ...] = ()
    """Artifact types that must be attached to live and latest images, as shell patterns."""
    refreshed_at: float | None = None
    """When a part of it was audited again since: seconds since the epoch."""
    proven_at: Mapping[Place, float] = field(default_factory=dict)
    """When what tags name was last asked for with all below it, where that was before the audit:
    seconds since the epoch."""
    address: str = ""
    """Its address: `https://registry.example:5000`. Empty in a snapshot of an older release."""
    disagreements: tuple[Disagreement, ...] = ()
    """Differences between the registry and its storage, if the storage was read."""
    sampled_at: float | None = None
    """Until when the registry was asked about all that had its turn, beside what its storage
    proves: seconds since the epoch. None where the storage was never read."""

    def __post_init__(self) -> None:
        """Pack the sightings."""
        seen: Mapping[Place, Sighting] = self.sightings
        if not isinstance(seen, Sightings):
            object.__setattr__(self, "sightings", Sightings(seen))
        self.sightings.settle()

    @property
    def as_of(self) -> float:
        """Until when it knows anything: seconds since the epoch."""
        return self.taken_at if self.refreshed_at is None else self.refreshed_at

    def part(self, repository: Repository) -> RegistryPart:
        """Return the part that a repository is in; the whole registry where no part names it."""
        return part_of(repository, self.parts, self.role, self.platforms)

    def is_proxied(self, repository: Repository) -> bool:
        """Is a repository in a pull-through cache, with nothing requested and nothing expected?"""
        return self.part(repository).role is Role.PROXY

    @property
    def hiding(self) -> tuple[Gap, ...]:
        """The gaps that may hide a loss: not those about unpacked layers."""
        return tuple(gap for gap in self.gaps if gap.scope is not Scope.CONTENT)

    @property
    def blind(self) -> Gap | None:
        """The gap that makes the audit incomplete as a whole, or None.

        Where anything was seen, gaps in repositories or objects do not count, nor does one in the
        catalogue; a registry that went away does. What is carried from before was not seen.
        """
        looks = chain((root.sighting for root in self.roots if root.tag), self.sightings.kinds)
        seen = any(look.state is not State.UNKNOWN and look.seen_at is None for look in looks)
        if seen and not self.gone:
            return None
        scopes = (Scope.REGISTRY, Scope.REPOSITORY)
        return next((gap for scope in scopes for gap in self.gaps if gap.scope is scope), None)


def part_of(
    repository: str, parts: tuple[RegistryPart, ...], role: Role, platforms: frozenset[Platform]
) -> RegistryPart:
    """Return the first part that a repository is in, or the rest of its registry."""
    found = (each for each in parts if each.holds(repository))
    return next(found, None) or RegistryPart(("*",), role, platforms)


def proven_at(snapshot: Snapshot, root: Root) -> float:
    """Return when a root's content was last requested: seconds since the epoch."""
    place = (root.repository, root.digest) if root.digest else None
    return snapshot.proven_at.get(place, snapshot.taken_at) if place else snapshot.taken_at


def unread_manifests(snapshot: Snapshot) -> set[Digest]:
    """Return manifests that were not read and are known by name: in an index, or of a tag."""
    read = snapshot.manifests
    listed = {
        child.digest
        for each in read.values()
        for child in each.children
        if child.digest not in read
    }
    return listed | {root.digest for root in snapshot.roots if root.digest} - read.keys()


def stated_sizes(snapshot: Snapshot) -> dict[Digest, int]:
    """Return the bytes of each manifest that was read, and of all that one of them points to."""
    sizes = {digest: each.size for digest, each in snapshot.manifests.items()}
    for manifest in snapshot.manifests.values():
        for link in manifest.links:
            sizes.setdefault(link.target.digest, link.target.size or 0)
    return sizes


def part(whole: Snapshot, of: Container[Repository]) -> Snapshot:
    """Return what a snapshot says of some repositories; all that was read stays known."""
    return _restricted(whole, lambda at: at in of)


def with_part(whole: Snapshot, new: Snapshot, of: Container[Repository]) -> Snapshot:
    """Return a snapshot with the word of a newer one on some repositories; its time stays."""
    rest = _restricted(whole, lambda at: at not in of)
    hidden = (gap for gap in rest.gaps if gap.scope is not Scope.REFERENCES)
    return replace(
        rest,
        refreshed_at=new.taken_at,
        roots=(*rest.roots, *new.roots),
        manifests={**rest.manifests, **new.manifests},
        sightings=rest.sightings.amended(new.sightings),
        config_platforms={**rest.config_platforms, **new.config_platforms},
        listed={**rest.listed, **new.listed},
        sealed={**rest.sealed, **new.sealed},
        uses=(*rest.uses, *new.uses),
        admissions=(*rest.admissions, *new.admissions),
        recovered={**rest.recovered, **new.recovered},
        unasked=(*rest.unasked, *new.unasked),
        delisted=(*rest.delisted, *new.delisted),
        disagreements=(*rest.disagreements, *new.disagreements),
        attached={**rest.attached, **new.attached},
        proven_at={**rest.proven_at, **new.proven_at},
        diff_id_mismatches={**rest.diff_id_mismatches, **new.diff_id_mismatches},
        gaps=bounded(dict.fromkeys((*hidden, *new.gaps))),
    )


def _restricted(whole: Snapshot, holds: Callable[[Repository], bool]) -> Snapshot:
    return replace(
        whole,
        roots=tuple(root for root in whole.roots if holds(root.repository)),
        sightings=whole.sightings.within(holds),
        listed={at: count for at, count in whole.listed.items() if holds(at)},
        sealed={at: each for at, each in whole.sealed.items() if holds(at)},
        uses=tuple(use for use in whole.uses if holds(use.reference.repository)),
        admissions=tuple(each for each in whole.admissions if holds(each.repository)),
        recovered={at: words for at, words in whole.recovered.items() if holds(at[0])},
        unasked=tuple(each for each in whole.unasked if holds(each)),
        delisted=tuple(at for at in whole.delisted if holds(at[0])),
        disagreements=tuple(each for each in whole.disagreements if holds(each.repository)),
        attached={at: each for at, each in whole.attached.items() if holds(at[0])},
        proven_at={at: each for at, each in whole.proven_at.items() if holds(at[0])},
        gaps=tuple(gap for gap in whole.gaps if (at := _repository(gap)) is None or holds(at)),
    )


def _repository(gap: Gap) -> Repository | None:
    """Return the repository that a gap is in: its subject may name a tag or digest there."""
    if gap.scope in (Scope.REGISTRY, Scope.REFERENCES):
        return None
    return Repository(gap.subject.partition("@")[0].partition(":")[0])
