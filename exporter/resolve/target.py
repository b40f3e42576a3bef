"""Which registry, what of it, and how: everything that one audit is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.facts.holdings import Grace
from exporter.facts.snapshot import Collector, Role
from exporter.facts.use import Use
from exporter.oci.platform import Platform
from exporter.ports import Bytes, CredentialCheck, Memory, Proofs, Registry, Storage
from exporter.resolve.method import Method
from exporter.resolve.scope import Scope
from exporter.resolve.scrub.plan import Terms
from exporter.resolve.scrub.unpacking import Unpacker
from exporter.tally import ScrubTally


@dataclass(frozen=True, slots=True)
class Scrub:
    """How a registry's bytes are read whole, over time."""

    source: Bytes
    proofs: Proofs
    terms: Terms
    tally: ScrubTally
    unpacker: Unpacker | None = None
    """What unpacks layers; None where only their bytes are hashed."""


@dataclass(frozen=True, slots=True)
class Target:
    """A registry, what of it is looked at, and how."""

    registry: Registry
    memory: Memory
    hosts: frozenset[str]
    """Every `host[:port]` by which references may name it."""
    scope: Scope = field(default_factory=Scope)
    method: Method = field(default_factory=Method)
    role: Role = Role.OWNED
    platforms: frozenset[Platform] = frozenset()
    """Of a sparse mirror: the platforms that it holds."""
    collector: Collector = Collector.UNKNOWN
    """As declared; where it is not, a harmless difference in answers may tell."""
    storage: Storage | None = None
    """The registry's own storage, where that may be read as well."""
    grace: Grace = field(default_factory=Grace)
    scrub: Scrub | None = None
    """None where its bytes are not read whole."""
    credential_check: CredentialCheck | None = None
    """What may be tried with the pull secrets of workloads, where these may be read."""

    def names(self, use: Use) -> bool:
        """Is it an image of this registry that a use wants?"""
        return use.reference.registry in self.hosts

    def concerns(self, use: Use) -> bool:
        """And one of the part of it that is looked at?"""
        return self.names(use) and self.scope.shard.holds(use.reference.repository)
