"""Adapters behind a guard: an exception that nobody foresaw costs one answer, never the audit."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.snapshot import Admission, Collector
from exporter.oci.digest import Digest
from exporter.oci.manifest import Descriptor
from exporter.oci.reference import Place, Repository, Tag
from exporter.ports import (
    Absent,
    CredentialCheck,
    Listing,
    ManifestBody,
    Memory,
    Registry,
    Storage,
    Unseen,
    Wrong,
)

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory
    from exporter.resolve.target import Target

_log: Final = logging.getLogger("pullproof.audit")

_LEDGER: Final = "ledger"

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Faults:
    """The unexpected exceptions of one audit. Cancellation is none, and passes through."""

    registry: str
    until: float = math.inf
    """The audit's deadline, on the loop's clock: past it nothing is asked any more."""
    gaps: dict[str, Gap] = field(default_factory=dict)
    """By call: an audit that saw nothing for such faults is no truth about its registry."""
    _logged: set[str] = field(default_factory=set)

    def unseen(self, subject: str, call: str, error: Exception) -> Unseen:
        """Return what an adapter should have raised; log the traceback once for each call."""
        if isinstance(error, Unseen):
            return error
        if call not in self._logged:
            self._logged.add(call)
            told = {"registry": self.registry, "call": call, "subject": subject}
            _log.error("unexpected exception", exc_info=error, extra=told)
        return Unseen.unexpected(subject, error)

    def note(self, subject: str, call: str, error: Exception) -> None:
        """Record a fault as a gap of its own, once for each call."""
        self._record(subject, call, self.unseen(subject, call, error))

    def _record(self, subject: str, call: str, unseen: Unseen) -> None:
        gap = Gap(Scope.REGISTRY, subject, unseen.reason, f"{call}: {unseen.detail}")
        self.gaps.setdefault(call, gap)

    async def ask(
        self, subject: str, call: Callable[..., Awaitable[Answer]], *about: object, **how: object
    ) -> Answer:
        """Return an adapter's answer; raise `Unseen` for whatever else it raises, or too late."""
        try:
            return await self.in_time(subject, lambda: call(*about, **how))
        except Unseen:
            raise
        except Exception as error:
            raise self.unseen(subject, _name(call), error) from error

    async def in_time(self, subject: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return an answer that comes before the audit's deadline; raise `Unseen` past it."""
        late = Unseen(subject, Reason.TIMEOUT, "the audit reached its deadline")
        if asyncio.get_running_loop().time() >= self.until:
            raise late
        deadline = asyncio.timeout_at(self.until)
        try:
            async with deadline:
                return await act()
        except TimeoutError as error:
            if deadline.expired():
                raise late from error
            raise

    async def look(
        self, subject: str, call: Callable[..., Awaitable[Answer]], *about: object, **how: object
    ) -> Answer:
        """Do the same for one object of many, which has no gap of its own: the fault has one."""
        try:
            return await self.ask(subject, call, *about, **how)
        except Unseen as unseen:
            if unseen.reason is Reason.INTERNAL:
                self._record(self.registry, _name(call), unseen)
            raise

    def attempt(
        self, subject: str, call: Callable[..., Answer], *about: object, otherwise: Answer
    ) -> Answer:
        """Return what a call returns, or `otherwise` and a gap where it fails."""
        try:
            return call(*about)
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything
            self.note(subject, _name(call), error)
            return otherwise


def _name(call: object) -> str:
    """`Distribution.head`: tells the registry's manifest from the ledger's."""
    return getattr(call, "__qualname__", type(call).__qualname__)


def guarded(target: Target, faults: Faults) -> Target:
    """Return a target whose adapters raise nothing but `Unseen`."""
    return replace(
        target,
        registry=GuardedRegistry(target.registry, faults),
        memory=GuardedMemory(target.memory, faults),
        storage=GuardedStorage(target.storage, faults) if target.storage else None,
        credential_check=GuardedCredentialCheck(target.credential_check, faults)
        if target.credential_check
        else None,
    )


@dataclass(frozen=True, slots=True)
class GuardedRegistry:
    """Implements `exporter.ports.Registry`."""

    registry: Registry
    faults: Faults

    @property
    def name(self) -> str:
        """The label by which it is known."""
        return self.registry.name

    async def ping(self) -> None:
        """Raise `Unseen` where the registry does not answer: a fault of ours does not say so."""
        await self._optional(self.name, self.registry.ping, otherwise=None)

    async def repositories(self) -> Listing[Repository]:
        """List its repositories."""
        return await self.faults.ask("_catalog", self.registry.repositories)

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        """List a repository's tags."""
        return await self.faults.ask(repository, self.registry.tags, repository)

    async def collector(self, repository: Repository) -> Collector:
        """Return whose garbage collector it has; not knowing that hides no object."""
        call = self.registry.collector
        return await self._optional(repository, call, repository, otherwise=Collector.UNKNOWN)

    async def head(self, repository: Repository, reference: Tag | Digest) -> Digest | Absent:
        """Resolve a tag, or ask whether a manifest is there."""
        return await self.faults.look(repository, self.registry.head, repository, reference)

    async def verify_tag(
        self, repository: Repository, tag: Tag, claimed: Digest
    ) -> Digest | Absent | Wrong:
        """Resolve a tag by its bytes."""
        return await self.faults.ask(repository, self.registry.verify_tag, repository, tag, claimed)

    async def manifest(
        self, repository: Repository, digest: Digest
    ) -> ManifestBody | Absent | Wrong:
        """Read a manifest whole."""
        return await self.faults.look(repository, self.registry.manifest, repository, digest)

    async def stat(self, repository: Repository, blob: Descriptor) -> int | Absent | None:
        """Return the size that a blob is claimed to have."""
        return await self.faults.look(repository, self.registry.stat, repository, blob)

    async def read(
        self, repository: Repository, blob: Descriptor, *, whole: bool = False
    ) -> bytes | Absent | Wrong:
        """Read a blob's last byte, or all of it."""
        read = self.registry.read
        return await self.faults.look(repository, read, repository, blob, whole=whole)

    async def _optional(
        self,
        subject: str,
        call: Callable[..., Awaitable[Answer]],
        *about: object,
        otherwise: Answer,
    ) -> Answer:
        """Return an answer without which all else can be looked at."""
        try:
            return await self.faults.in_time(subject, lambda: call(*about))
        except Unseen:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything
            self.faults.note(subject, _name(call), error)
            return otherwise


@dataclass(frozen=True, slots=True)
class GuardedMemory:
    """Implements `exporter.ports.Memory`: what fails is read from the registry again."""

    memory: Memory
    faults: Faults

    def manifest(self, digest: Digest) -> bytes | None:
        """Return the body kept for a digest."""
        return self.faults.attempt(_LEDGER, self.memory.manifest, digest, otherwise=None)

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        """Keep bodies that were hashed."""
        self.faults.attempt(_LEDGER, self.memory.keep_manifests, bodies, otherwise=None)


@dataclass(frozen=True, slots=True)
class GuardedStorage:
    """Implements `exporter.ports.Storage`."""

    storage: Storage
    faults: Faults

    def read(self) -> Inventory:
        """List all that it holds."""
        try:
            return self.storage.read()
        except Unseen:
            raise
        except Exception as error:
            raise self.faults.unseen("storage", _name(self.storage.read), error) from error


@dataclass(frozen=True, slots=True)
class GuardedCredentialCheck:
    """Implements `exporter.ports.CredentialCheck`."""

    credential_check: CredentialCheck
    faults: Faults

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        """Try a set of credentials; a fault leaves open whether they are let in."""
        try:
            return await self.faults.ask(login, self.credential_check.admits, login, host, place)
        except Unseen as unseen:
            return Admission(login, place[0], None, unseen.reason, unseen.detail)
