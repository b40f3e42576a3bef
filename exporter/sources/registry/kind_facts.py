"""Facts about one kind of registry: read-only, each with its source."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, TypeVar

from exporter.facts.registry_kind import ChildRemoval, Collector, RegistryKind
from exporter.sources.registry.signs import Signs

Value = TypeVar("Value")


class Verified(StrEnum):
    """How a fact was established."""

    RUN = "run"
    """Seen on the real software."""
    READ = "read"
    """Stated in its source or its documentation."""
    NOT = "not verified"


class ReadEffect(StrEnum):
    """A record that a request changes in the registry."""

    PULL_TIME = "pull time"
    PULL_COUNT = "pull count"
    PULL_LOG = "pull log"
    RATE_LIMIT = "rate limit"
    RELINK = "relinking"
    """It restores a lost blob from another repository, or removes an empty one."""


class Sweep(StrEnum):
    """When the cleanup removes a manifest that no tag references, directly or through an index."""

    AT_ONCE = "with its last tag"
    COLLECTION = "by garbage collection"
    RULE = "by a configured rule"
    NEVER = "never"
    UNKNOWN = "unknown"


class Visibility(StrEnum):
    """Scope of `/v2/_catalog`: the repositories that it lists, by account."""

    ALL = "all, to every account that may list"
    ADMINISTRATORS = "all, to accounts with a right of their own; refused to others"
    READABLE = "those that the account may read, without a sign that others exist"
    NONE = "no catalogue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact(Generic[Value]):
    """One fact and its source."""

    value: Value
    source: str = ""
    """Version and file, or page of the documentation."""
    verified: Verified = Verified.NOT


def run(value: Value, source: str) -> Fact[Value]:
    """Return a fact that was seen on this version of the real software."""
    return Fact(value, source, Verified.RUN)


def read(value: Value, source: str) -> Fact[Value]:
    """Return a fact from source code or documentation."""
    return Fact(value, source, Verified.READ)


_HARMLESS: Final = frozenset({ReadEffect.RATE_LIMIT})
"""A client beyond a limit cannot read for a while; nothing is deleted."""
_UNKNOWN_COLLECTOR: Final = Fact(Collector.UNKNOWN)
_NO_REMOVALS: Final[Fact[frozenset[ChildRemoval]]] = Fact(frozenset())
_UNKNOWN_EFFECTS: Final[Fact[frozenset[ReadEffect] | None]] = Fact(None)
_NOT: Final = Fact(value=False)
_UNKNOWN_RANGES: Final[Fact[bool | None]] = Fact(None)
_AS_CONFIGURED: Final[Fact[int | None]] = Fact(None)
_UNKNOWN_SERVED: Final[Fact[bool | None]] = Fact(None)


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Facts about one kind of registry. The defaults are the careful ones."""

    name: str
    """Value of labels, and the name of its page in docs/registries."""
    title: str
    recognise: Callable[[Signs], str | None] = field(repr=False)
    """Returns the version by the signs, maybe empty; None for another kind."""
    variant: str = ""
    """Variant of a kind: `2`, `database`."""
    collector: Fact[Collector] = _UNKNOWN_COLLECTOR
    """Treatment of the untagged children of a tagged index by its cleanup."""
    removals: Fact[frozenset[ChildRemoval]] = _NO_REMOVALS
    """Further ways to remove content that a tagged index references."""
    untagged: Fact[Sweep] = Fact(Sweep.UNKNOWN)
    head: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """Records that HEAD of a manifest changes; None is unknown."""
    manifest: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """Records that GET of a manifest changes."""
    blob: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """Records that GET of a blob changes."""
    decides: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """Those of these records that a cleanup, or a limit, decides by."""
    caches: Fact[bool] = _NOT
    """Can it have proxy caches beside owned repositories, where reads extend an expiry?"""
    silent: Fact[bool] = _NOT
    """Does it serve manifests among the blobs, without a change of these records?"""
    ranges: Fact[bool | None] = _UNKNOWN_RANGES
    """Does it serve ranges of blobs?"""
    unanswered: Fact[bool] = _NOT
    """Does GET of a blob whose file is lost get no answer, while HEAD states its size?"""
    at_once: Fact[int | None] = _AS_CONFIGURED
    """Maximum concurrent requests that leave it time for others; None: as configured."""
    referrers: Fact[bool | None] = _UNKNOWN_SERVED
    """Has it the referrers API?"""
    catalogue: Fact[Visibility] = Fact(Visibility.UNKNOWN)
    lister: str = ""
    """Value of `repositories.from` that lists its repositories beside the catalogue."""
    denial: Fact[str] = Fact("")
    """Its answers to requests for missing content, if not by the specification."""

    def effects(self, method: str, endpoint: str) -> frozenset[ReadEffect]:
        """Return the records that a request for a `manifest` or `blob` changes.

        A silent kind serves its manifests among the blobs: there GET is for denials only.
        """
        manifest = self.head if method == "HEAD" or self.silent.value else self.manifest
        fact = {"manifest": manifest, "blob": self.blob}.get(endpoint)
        return (fact.value if fact else None) or frozenset()

    def decisive(self, method: str, endpoint: str) -> frozenset[ReadEffect]:
        """Return those of these records that a cleanup of the registry decides by."""
        return self.effects(method, endpoint) & (self.decides.value or frozenset()) - _HARMLESS

    def kind(self, version: str = "") -> RegistryKind:
        """Return the facts that a snapshot records."""
        told = version or self.variant
        return RegistryKind(self.name, told, self.collector.value, self.removals.value)


UNKNOWN_FACTS: Final = KindFacts("unknown", "Unknown", lambda _: None)
"""The careful default."""
