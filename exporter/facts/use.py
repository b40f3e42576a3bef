"""Uses of an image: the place, the reference that it gives, and the platforms that must run it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference


class ReferenceClass(StrEnum):
    """How much an image matters; exclusive, the highest wins, listed from the highest."""

    LIVE = "live"
    """Runs now, or would run now."""
    IDLE = "idle"
    """Scaled to zero or suspended."""
    ROLLBACK = "rollback"
    """A rollback within the configured depth would start it."""
    LATEST = "latest"
    """The tag named latest, or configured as such."""
    SELECTED = "selected"
    """Any other tag in scope."""

    @property
    def rank(self) -> int:
        """Position from the most important, zero."""
        return _RANKS[self]


_RANKS: Final = {each: position for position, each in enumerate(ReferenceClass)}


def highest(first: ReferenceClass, second: ReferenceClass) -> ReferenceClass:
    """Return the higher of two classes."""
    return min(first, second, key=lambda each: each.rank)


@dataclass(frozen=True, slots=True)
class Workload:
    """A unit that a cluster restarts as a whole, named as people type it."""

    cluster: str
    """The source of references that knows it."""
    namespace: str
    kind: str
    """`Deployment`, `CronJob`, or a custom resource's."""
    name: str

    def __str__(self) -> str:
        """Return `kind namespace/name`, with the cluster behind it if it has a name."""
        where = f" ({self.cluster})" if self.cluster else ""
        return f"{self.kind} {self.namespace}/{self.name}{where}"


@dataclass(frozen=True, slots=True)
class Holder:
    """A node that reports an image as cached: the first place to repair from."""

    node: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class Nodes:
    """The platforms of the nodes that use an image; none at all means unknown."""

    platforms: frozenset[Platform] = frozenset()
    """Those that must run it."""
    admitted: frozenset[Platform] = frozenset()
    """Further ones on which it may be started: each needs what the image offers for it."""
    barred: frozenset[Platform] = frozenset()
    """If those two are unknown: platforms that never start it, in any variant."""

    def __or__(self, other: "Nodes") -> "Nodes":
        """Return the platforms of both; if one of them is unknown, the result is."""
        if not (self.known and other.known):
            return Nodes()
        return self.also(other)

    def also(self, other: "Nodes") -> "Nodes":
        """Return the platforms of both, as far as they are known."""
        known = Nodes(self.platforms | other.platforms, self.admitted | other.admitted)
        return known if known.known else Nodes(barred=self.barred & other.barred)

    @property
    def every(self) -> frozenset[Platform]:
        """All of them: of each, what the image offers is needed."""
        return self.platforms | self.admitted

    @property
    def known(self) -> bool:
        """Does it name any platform?"""
        return bool(self.every)

    @property
    def settled(self) -> "Nodes":
        """The same; an image that may start on one platform alone must run there."""
        return self if self.platforms or len(self.admitted) != 1 else Nodes(self.admitted)

    def excludes(self, platform: Platform | None) -> bool:
        """Is it sure that the image is not started on a platform?"""
        return platform is not None and any(
            (each.os, each.architecture) == (platform.os, platform.architecture)
            for each in self.barred
        )


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an image."""

    owner: str
    """Who, for a person: a file's line, a workload."""
    reference: Reference
    reference_class: ReferenceClass
    platforms: frozenset[Platform] = frozenset()
    """Platforms that must run it; empty if unknown."""
    admitted: frozenset[Platform] = frozenset()
    """Further platforms on which it may be started: each needs what the image offers for it."""
    barred: frozenset[Platform] = frozenset()
    """If those two are unknown: platforms that never start it."""
    workload: Workload | None = None
    """The workload that would stop; None if the source knows references only."""
    running: frozenset[Digest] = frozenset()
    """The digests that its containers report to run: of indexes, images or configurations."""
    alive: int = 0
    """Containers that run now, on layers cached on their nodes."""
    failing_pulls: int = 0
    """Pods whose nodes failed to pull it and will try again."""
    pull_error: str = ""
    """The message of one of these nodes, with the registry's words; empty if there is none."""
    next_run: float | None = None
    """When a schedule starts it next, in seconds since the epoch."""
    login: str = ""
    """The credentials that a node would pull it with; empty if they are not checked."""
    holders: tuple[Holder, ...] = ()
    """Nodes that report it as cached; the first few."""

    @property
    def demand(self) -> tuple[object, ...]:
        """The part of it that verdicts rest on: not how many containers run, nor where."""
        what = (self.owner, self.reference, self.reference_class, self.login)
        where = (self.platforms, self.admitted, self.barred, self.running)
        return (*what, *where, self.failing_pulls > 0)

    @property
    def nodes(self) -> Nodes:
        """The nodes that use it; an image that may start on one platform alone must run there."""
        return Nodes(self.platforms, self.admitted, self.barred).settled
