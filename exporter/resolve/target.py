"""The target of an audit: which registry, what of it, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.facts.holdings import Grace
from exporter.facts.proof import Proof
from exporter.facts.registry_kind import Collector
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.snapshot import RegistryPart, Role, Snapshot, part_of
from exporter.facts.use import ReferenceClass, Use
from exporter.memory import Memory, Proofs
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.ports import Bytes, CredentialCheck, Registry, Storage
from exporter.resolve.scope import AuditScope
from exporter.resolve.unpacking import Unpacker
from exporter.tally import AuditProgress, ScrubTally

DAY: Final = 86_400.0
_RESERVE: Final = 1.25
"""Without a budget, so much more than the period needs: for pauses, and for what is pushed."""


@dataclass(frozen=True, slots=True)
class AuditLimits:
    """Limits and pauses of one audit."""

    width: int = 16
    """Looks under way at once."""
    confirm_after: float = 5.0
    """Seconds before an apparent loss is requested again."""
    depth: int = 8
    """Indexes within indexes that are followed."""
    deadline: float = 7_200.0
    """Seconds that an audit may take; what was not answered by then is a gap."""
    entries_each: int = 5_000
    """Maximum entries of one manifest: a longer one is unknown as a whole."""
    entries: int = 500_000
    """Entries of all manifests that are held of one registry: a quarter of a kilobyte each."""
    tags: int = 50_000
    """Maximum tags of one registry."""
    proof: Proof = Proof.LAST_BYTE
    """How far up the ladder blobs are proven: `LAST_BYTE`, or `HEAD` where that is asked for."""
    seals: bool = True
    """Resolve every tag of a repository where that may tell what protects a child?"""


@dataclass(frozen=True, slots=True)
class Terms:
    """How often, and how hard."""

    period: float = 30 * DAY
    """Seconds within which everything is to be read."""
    bytes_per_day: int | None = None
    """The budget; None is as much as the period needs."""
    bytes_per_second: int | None = None
    """Maximum bytes per second; None for no limit."""

    def budget(self, needed: int) -> float:
        """Bytes a day, where so many are needed in all."""
        if self.bytes_per_day is not None:
            return float(self.bytes_per_day)
        return _RESERVE * needed * DAY / self.period

    def paid(self, debt: float, now: float, size: int, needed: int) -> float:
        """When will bytes that are read now be paid for, with what is owed already?

        The day's budget is earned evenly over the day, so no rest of it is ever spent at once.
        """
        return max(debt, now) + size * DAY / max(self.budget(needed), 1.0)

    def owed(self, debt: float, now: float, largest: int, needed: int) -> float:
        """Return what is owed: no more than the largest thing costs, as nothing is read on credit.

        More than that is from a clock that was ahead, and would rest for as long as it was.
        """
        return min(debt, self.paid(now, now, largest, needed))


@dataclass(frozen=True, slots=True)
class Scrub:
    """How a registry's content is verified in full, over time."""

    source: Bytes
    proofs: Proofs
    terms: Terms
    tally: ScrubTally
    unpacker: Unpacker | None = None
    """Unpacks layers; None if only their bytes are hashed."""


@dataclass(frozen=True, slots=True)
class FullReads:
    """The memory of full reads, and how much an audit may read of a registry in full.

    Audits read in full where the registry ignores ranges.
    """

    proofs: Proofs
    period: float = DAY
    """Seconds within which nothing is read in full again."""
    bytes_per_audit: int = 10 * 2**30
    shared: bool = False
    """Was the same content read for every repository?"""

    def history(self, registry: str) -> Scrubbed:
        """Return what is known of a registry's bytes from full reads."""
        return replace(self.proofs.scrubbed(registry), shared=self.shared)


@dataclass(frozen=True, slots=True)
class AttachmentScope:
    """The images whose attachments are read: signatures, attestations, bills of materials."""

    classes: frozenset[ReferenceClass] = frozenset({ReferenceClass.LIVE, ReferenceClass.LATEST})
    require: tuple[str, ...] = ()
    """Artifact types that each of these images must have, as shell patterns."""


@dataclass(frozen=True, slots=True)
class Target:
    """A registry, what of it is audited, and how."""

    registry: Registry
    memory: Memory
    hosts: frozenset[str]
    """Every `host[:port]` under which references may name it."""
    address: str = ""
    """Where it is asked: `https://registry.example:5000`."""
    scope: AuditScope = field(default_factory=AuditScope)
    limits: AuditLimits = field(default_factory=AuditLimits)
    role: Role = Role.OWNED
    platforms: frozenset[Platform] = frozenset()
    """The platforms that a sparse mirror holds."""
    parts: tuple[RegistryPart, ...] = ()
    """Repositories with a role of their own; the first part that matches one decides."""
    periods: Mapping[ReferenceClass, float] = field(default_factory=dict)
    """Seconds within which the content of a tag is asked for once, by class; of a class without
    a period, at each audit."""
    collector: Collector = Collector.UNKNOWN
    """As declared; where it is not, a harmless difference in answers may tell."""
    storage: Storage | None = None
    """The registry's own storage, where that may be read as well."""
    asked_within: float = DAY
    """Seconds within which the registry is asked about all that its storage proves."""
    grace: Grace = field(default_factory=Grace)
    scrub: Scrub | None = None
    """None if its content is not verified in full."""
    full_reads: FullReads | None = None
    """None where nothing is remembered: what can only be read in full is so at every audit."""
    credential_check: CredentialCheck | None = None
    """Tries the pull secrets of workloads, if these may be read."""
    attachments: AttachmentScope | None = None
    """None if attachments are not audited."""
    progress: AuditProgress = field(default_factory=AuditProgress)

    def part(self, repository: Repository) -> RegistryPart:
        """Return the part that a repository is in; the whole registry where no part names it."""
        return part_of(repository, self.parts, self.role, self.platforms)

    def asks(self, repository: Repository) -> bool:
        """May the registry be asked for a repository? A pull-through cache would fetch it."""
        return self.part(repository).role is not Role.PROXY

    def names(self, use: Use) -> bool:
        """Is it an image of this registry that a use wants?"""
        return use.reference.registry in self.hosts

    def concerns(self, use: Use) -> bool:
        """And one of the audited part of it?"""
        return self.names(use) and self.scope.shard.holds(use.reference.repository)

    def took(self, snapshot: Snapshot) -> bool:
        """Was a snapshot taken of the same registry, and of a part of it for the same purpose?"""
        known = (snapshot.address, snapshot.role, snapshot.platforms, snapshot.parts)
        same = known == (self.address, self.role, self.platforms, self.parts)
        return same and self.collector in (Collector.UNKNOWN, snapshot.collector)
