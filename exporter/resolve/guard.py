"""Adapters behind a guard: an unexpected exception costs one answer, never the audit or repair."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import UNKNOWN_KIND
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.snapshot import Admission
from exporter.memory import Memory, Proofs
from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository
from exporter.ports import CredentialCheck, Full, Registry, Storage, Unseen

if TYPE_CHECKING:
    from exporter.resolve.target import FullReads, Target

_log: Final = logging.getLogger("pullproof.audit")
_FRAMES: Final = 8
"""Innermost frames of a fault with credentials that are logged."""

_OF_MANY: Final = frozenset({"head", "manifest", "referrers", "stands", "stat", "read"})
"""Methods about one object of many, which has no gap of its own."""
_OPTIONAL: Final[Mapping[str, object]] = {"ping": None, "kind": UNKNOWN_KIND}
"""Methods that an audit can do without, with what it goes on with after a fault."""

_HISTORY: Final = "scrub history"

Answer = TypeVar("Answer")
Adapter = TypeVar("Adapter")


@dataclass(slots=True)
class Faults:
    """The unexpected exceptions of one audit. Cancellation is none, and passes through."""

    registry: str
    until: float = math.inf
    """The audit's deadline, on the loop's clock: past it nothing is asked any more."""
    gaps: dict[str, Gap] = field(default_factory=dict)
    """By call: an audit that saw nothing for such faults is no truth about its registry."""
    _logged: set[str] = field(default_factory=set)

    def unseen(self, subject: str, call: object, error: Exception) -> Unseen:
        """Return what an adapter should have raised; log the traceback once for each call."""
        if isinstance(error, Unseen):
            return error
        if (name := _name(call)) not in self._logged:
            self._logged.add(name)
            told = {"registry": self.registry, "call": name, "subject": subject}
            _log.error("unexpected exception", exc_info=error, extra=told)
        return Unseen.unexpected(subject, error)

    def _record(self, subject: str, call: object, unseen: Unseen) -> None:
        """Add a gap for a fault, once for each call."""
        gap = Gap(Scope.REGISTRY, subject, unseen.reason, f"{_name(call)}: {unseen.detail}")
        self.gaps.setdefault(_name(call), gap)

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

    async def ask(
        self, subject: str, call: Callable[..., Awaitable[Answer]], *about: object, **how: object
    ) -> Answer:
        """Return an adapter's answer; raise `Unseen` for whatever else it raises, or too late."""
        try:
            return await self.in_time(subject, lambda: call(*about, **how))
        except Unseen:
            raise
        except Exception as error:
            raise self.unseen(subject, call, error) from error

    async def ask_of_many(
        self, subject: str, call: Callable[..., Awaitable[Answer]], *about: object, **how: object
    ) -> Answer:
        """Ask about one object of many, which has no gap of its own: the fault has one."""
        try:
            return await self.ask(subject, call, *about, **how)
        except Unseen as unseen:
            if unseen.reason is Reason.INTERNAL:
                self._record(self.registry, call, unseen)
            raise

    async def ask_optional(
        self, subject: str, call: Callable[..., Awaitable[Answer]], *about: object, default: Answer
    ) -> Answer:
        """Return an answer that the audit can do without; a fault gives the default and a gap."""
        try:
            return await self.in_time(subject, lambda: call(*about))
        except Unseen:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything
            self._record(subject, call, self.unseen(subject, call, error))
            return default

    def attempt(
        self, subject: str, call: Callable[..., Answer], *about: object, default: Answer
    ) -> Answer:
        """Return what a call returns; whatever it raises gives the default and a gap."""
        try:
            return call(*about)
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything
            self._record(subject, call, self.unseen(subject, call, error))
            return default


def _name(call: object) -> str:
    """`Distribution.head`: distinguishes the registry's manifest from the ledger's."""
    return getattr(call, "__qualname__", type(call).__qualname__)


def guarded(target: "Target", faults: Faults) -> "Target":
    """Return a target whose adapters raise nothing but `Unseen`."""
    check, storage = target.credential_check, target.storage
    return replace(
        target,
        registry=cast("Registry", _GuardedRegistry(target.registry, faults)),
        memory=_GuardedMemory(target.memory, faults),
        storage=cast("Storage", _GuardedStorage(storage, faults)) if storage else None,
        full_reads=_guarded_reads(target, faults),
        credential_check=_GuardedCredentialCheck(check, faults) if check else None,
    )


def guarded_alone(adapter: Adapter, faults: Faults) -> Adapter:
    """Return an adapter of a repair: its methods raise nothing but `Unseen` and `Full`."""
    return cast("Adapter", _GuardedAdapter(adapter, faults))


@dataclass(frozen=True, slots=True)
class _GuardedAdapter:
    adapter: object
    faults: Faults

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.adapter, name)
        return self._asking(call) if callable(call) else call

    def _asking(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def ask(*about: Any, **how: Any) -> Any:
            try:
                return await call(*about, **how)
            except (Unseen, Full):
                raise
            except Exception as error:
                raise self.faults.unseen(str(about[0]), call, error) from error

        return ask


@dataclass(frozen=True, slots=True)
class _GuardedRegistry:
    """A registry with every method behind the guard."""

    registry: Registry
    faults: Faults

    @property
    def name(self) -> str:
        return self.registry.name

    @property
    def ranges(self) -> bool | None:
        return self.faults.attempt(self.name, self._ranges, default=None)

    def _ranges(self) -> bool | None:
        return self.registry.ranges

    @property
    def leaves_trace(self) -> bool | None:
        return self.faults.attempt(self.name, self._leaves_trace, default=None)

    def _leaves_trace(self) -> bool | None:
        return self.registry.leaves_trace

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        call, faults = getattr(self.registry, method), self.faults

        def asked(*about: Any, **how: Any) -> Awaitable[Any]:
            subject = (about[0] if about else None) or self.name
            if method in _OPTIONAL:
                return faults.ask_optional(subject, call, *about, default=_OPTIONAL[method])
            ask = faults.ask_of_many if method in _OF_MANY else faults.ask
            return ask(subject, call, *about, **how)

        return asked


@dataclass(frozen=True, slots=True)
class _GuardedMemory:
    """What the ledger cannot return is read from the registry again."""

    memory: Memory
    faults: Faults

    def manifest(self, digest: Digest) -> bytes | None:
        return self.faults.attempt("ledger", self.memory.manifest, digest, default=None)

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        self.faults.attempt("ledger", self.memory.keep_manifests, bodies, default=None)


@dataclass(frozen=True, slots=True)
class _GuardedProofs:
    """Full reads that the ledger forgets are made again."""

    proofs: Proofs
    faults: Faults

    def scrubbed(self, registry: str) -> Scrubbed:
        nothing = Scrubbed()
        return self.faults.attempt(_HISTORY, self.proofs.scrubbed, registry, default=nothing)

    def __getattr__(self, method: str) -> Callable[..., None]:
        call = getattr(self.proofs, method)
        return lambda *about: self.faults.attempt(_HISTORY, call, *about, default=None)


def _guarded_reads(target: "Target", faults: Faults) -> "FullReads | None":
    reads = target.full_reads
    return (
        replace(reads, proofs=cast("Proofs", _GuardedProofs(reads.proofs, faults)))
        if reads
        else None
    )


@dataclass(frozen=True, slots=True)
class _GuardedStorage:
    storage: Storage
    faults: Faults

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self.storage, method, None)

        def looked(*about: object, **how: object) -> Any:
            try:
                return getattr(self.storage, method)(*about, **how)
            except Unseen:
                raise
            except Exception as error:
                raise self.faults.unseen("storage", call, error) from error

        return looked


@dataclass(frozen=True, slots=True)
class _GuardedCredentialCheck:
    check: CredentialCheck
    faults: Faults

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        try:
            return await self.faults.in_time(login, lambda: self.check.admits(login, host, place))
        except Unseen as unseen:
            return Admission(login, place[0], None, unseen.reason, unseen.detail)
        except Exception as fault:  # noqa: BLE001 - a Secret must cost no more than itself
            _log_place(fault, login, place[0])
            return Admission(login, place[0], None, Reason.INTERNAL, "see the log")


def _log_place(fault: Exception, login: str, repository: Repository) -> None:
    """Log where a fault was raised, but not its message, which may repeat a credential."""
    frames = extract_tb(fault.__traceback__)[-_FRAMES:]
    fields = {
        "login": login,
        "repository": repository,
        "cause": type(fault).__name__,
        "trace": [f"{each.filename}:{each.lineno} {each.name}" for each in frames],
    }
    _log.error("credentials not tried", extra=fields)
