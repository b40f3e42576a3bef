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
    """In its source or its documentation."""
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
    """When a manifest is removed that no tag references, directly or through an index."""

    AT_ONCE = "with its last tag"
    COLLECTION = "by garbage collection"
    RULE = "by a configured rule"
    NEVER = "never"
    UNKNOWN = "unknown"


class Visibility(StrEnum):
    """Which repositories `/v2/_catalog` lists, and to whom."""

    ALL = "all, to every account that may list"
    ADMINISTRATORS = "all, to accounts with a right of their own; refused to others"
    READABLE = "those that the account may read, without a sign that others exist"
    NONE = "no catalogue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact(Generic[Value]):
    """One fact and where it is from."""

    value: Value
    source: str = ""
    """Version and file, or the page of a documentation."""
    verified: Verified = Verified.NOT


def run(value: Value, source: str) -> Fact[Value]:
    """Return a fact that was seen on the real software, of this version."""
    return Fact(value, source, Verified.RUN)


def read(value: Value, source: str) -> Fact[Value]:
    """Return a fact from a source or a documentation."""
    return Fact(value, source, Verified.READ)


_HARMLESS: Final = frozenset({ReadEffect.RATE_LIMIT})
"""Whoever exceeds a limit reads nothing more for a while, and nothing is deleted."""
_UNKNOWN_COLLECTOR: Final = Fact(Collector.UNKNOWN)
_NO_REMOVALS: Final[Fact[frozenset[ChildRemoval]]] = Fact(frozenset())
_UNKNOWN_EFFECTS: Final[Fact[frozenset[ReadEffect] | None]] = Fact(None)
_NOT: Final = Fact(value=False)
_UNKNOWN_RANGES: Final[Fact[bool | None]] = Fact(None)
_AS_CONFIGURED: Final[Fact[int | None]] = Fact(None)
_UNKNOWN_SERVED: Final[Fact[bool | None]] = Fact(None)


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Everything that is known of one kind of registry. The defaults are the careful ones."""

    name: str
    """Value of labels, and the name of its page in docs/registries."""
    title: str
    recognise: Callable[[Signs], str | None] = field(repr=False)
    """Returns the version that the signs tell, which may be empty; None for another kind."""
    variant: str = ""
    """What sets it apart from others of the same name: `2`, `database`."""
    collector: Fact[Collector] = _UNKNOWN_COLLECTOR
    """How its own cleanup treats the untagged children of a tagged index."""
    removals: Fact[frozenset[ChildRemoval]] = _NO_REMOVALS
    """How else it removes what a tagged index references."""
    untagged: Fact[Sweep] = Fact(Sweep.UNKNOWN)
    head: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """What HEAD of a manifest changes; None is not known."""
    manifest: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """What GET of a manifest changes."""
    blob: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """What GET of a blob changes."""
    decides: Fact[frozenset[ReadEffect] | None] = _UNKNOWN_EFFECTS
    """By which of these records a cleanup of it, or a limit, decides."""
    caches: Fact[bool] = _NOT
    """May it have proxy caches beside owned repositories, where reads move what is evicted?"""
    silent: Fact[bool] = _NOT
    """Can the body of a manifest be read among the blobs, which changes none of these records?"""
    ranges: Fact[bool | None] = _UNKNOWN_RANGES
    """Does it answer a Range request for a blob with that part?"""
    unanswered: Fact[bool] = _NOT
    """Does GET of a blob whose file is lost get no answer, while HEAD states its size?"""
    at_once: Fact[int | None] = _AS_CONFIGURED
    """How many requests at once leave it time for others; None: as many as are configured."""
    referrers: Fact[bool | None] = _UNKNOWN_SERVED
    """Does it have the referrers API?"""
    catalogue: Fact[Visibility] = Fact(Visibility.UNKNOWN)
    lister: str = ""
    """The value of `repositories.from` that lists its repositories beside the catalogue."""
    denial: Fact[str] = Fact("")
    """How it says that something is missing, where that is not the specification's way."""

    def effects(self, method: str, endpoint: str) -> frozenset[ReadEffect]:
        """Return what a request for a `manifest` or `blob` is known to change.

        A silent kind serves the manifests that it has among the blobs: GET is for denials there.
        """
        manifest = self.head if method == "HEAD" or self.silent.value else self.manifest
        fact = {"manifest": manifest, "blob": self.blob}.get(endpoint)
        return (fact.value if fact else None) or frozenset()

    def decisive(self, method: str, endpoint: str) -> frozenset[ReadEffect]:
        """Return what of this changes what a cleanup of the registry removes."""
        return self.effects(method, endpoint) & (self.decides.value or frozenset()) - _HARMLESS

    def kind(self, version: str = "") -> RegistryKind:
        """Return what a snapshot records of it."""
        told = version or self.variant
        return RegistryKind(self.name, told, self.collector.value, self.removals.value)


UNKNOWN_FACTS: Final = KindFacts("unknown", "Unknown", lambda _: None)
"""The careful default."""
