"""The workloads and references that use an image, and those that a loss affects."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Final

from exporter.facts.use import Nodes, ReferenceClass, Use, Workload, highest
from exporter.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Failure:
    """The platforms where the nodes of a use would fail to pull."""

    platforms: frozenset[Platform] = frozenset()
    """Nodes that must run it, as far as their platforms are known."""
    admitted: frozenset[Platform] = frozenset()
    """Of platforms that may start it, but need not."""
    certain: bool = True
    """False if it can still start elsewhere, and need not run there."""

    def __or__(self, other: "Failure") -> "Failure":
        """Return both."""
        platforms = self.platforms | other.platforms
        admitted = (self.admitted | other.admitted) - platforms
        return Failure(platforms, admitted, certain=self.certain or other.certain)


@dataclass(frozen=True, slots=True)
class User:
    """One workload, or one reference of a file, and how it uses the image."""

    name: str
    """For a person: `Deployment shop/web (prod)`, or the owner of a mere reference."""
    workload: Workload | None = None
    reference_class: ReferenceClass = ReferenceClass.LIVE
    nodes: Nodes = Nodes()  # noqa: RUF009 - a frozen value
    """Where it runs or may start; of all its containers together."""
    running: int = 0
    """Containers that run now, on layers cached on their nodes."""
    next_run: float | None = None
    """When a schedule starts it next, in seconds since the epoch."""
    failure: Failure | None = field(default=None, compare=False)
    """Where it could not start again; None if it could, or if that is not of interest."""

    @property
    def stops(self) -> bool:
        """Could it not start again? False if it is live and may start there, but need not."""
        failure = self.failure
        merely = self.reference_class is ReferenceClass.LIVE and not (failure and failure.certain)
        return failure is not None and not merely

    @property
    def fails_on(self) -> tuple[Platform, ...]:
        """Where it could not start: where it must, or else where it may; empty if unknown."""
        found = self.failure and (self.failure.platforms or self.failure.admitted)
        return tuple(sorted(found or (), key=str))

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Where it runs; before it runs anywhere, where it may start."""
        return tuple(sorted(self.nodes.platforms or self.nodes.admitted, key=str))


@dataclass(frozen=True, slots=True)
class Impact:
    """All users that a loss affects: those that could not start again."""

    users: tuple[User, ...] = ()
    """The most important first: by class, then those that a schedule starts soonest."""

    def of(self, reference_class: ReferenceClass) -> "Impact":
        """Return the impact on the users of one class alone."""
        return Impact(tuple(user for user in self.users if user.reference_class is reference_class))

    def affects(self, users: Iterable[User]) -> Iterator[tuple[User, bool]]:
        """Yield each of the tag's users, and whether it is affected; those with their failure."""
        known = {(user.name, user.reference_class): user for user in self.users}
        for user in users:
            hit = known.get((user.name, user.reference_class))
            yield (replace(user, failure=hit.failure) if hit else user), hit is not None

    @property
    def certain(self) -> "Impact":
        """The users that could not start again, wherever they are started."""
        return Impact(tuple(user for user in self.users if user.stops))

    @property
    def possible(self) -> "Impact":
        """The users that may start where they cannot, and could start elsewhere."""
        return Impact(tuple(user for user in self.users if not user.stops))

    @property
    def workloads(self) -> tuple[User, ...]:
        """The affected users that a cluster knows as workloads."""
        return tuple(user for user in self.users if user.workload)

    @property
    def running(self) -> int:
        """Containers that run now, and that a restart elsewhere would stop."""
        return sum(user.running for user in self.users)

    @property
    def next_run(self) -> float | None:
        """When a schedule next runs into it, in seconds since the epoch."""
        return min(
            (user.next_run for user in self.users if user.next_run is not None), default=None
        )

    @property
    def soonest(self) -> float:
        """The same as a sort key: infinite without a schedule."""
        return float("inf") if self.next_run is None else self.next_run


NO_IMPACT: Final = Impact()
"""The impact of a tag that can be pulled: nearly every one."""


_NOWHERE: Final[Mapping[Nodes, Failure | None]] = {}


def users_of(
    uses: Iterable[Use], fails: Mapping[Nodes, Failure | None] = _NOWHERE
) -> tuple[User, ...]:
    """Return the users behind uses: the containers of a workload are one.

    `fails` says where those nodes fail that some of them want.

    What a workload wants in a lower class counts by itself where it wants it elsewhere, as a way
    back to other nodes does.
    """
    grouped: defaultdict[str, list[Use]] = defaultdict(list)
    for use in uses:
        grouped[str(use.workload or use.owner)].append(use)
    found = (_user(name, part, fails) for name, each in grouped.items() for part in _apart(each))
    return tuple(sorted(found, key=_order))


def _apart(uses: list[Use]) -> list[list[Use]]:
    """Separate the uses in a lower class on other nodes than those of the highest."""
    classes = {use.reference_class for use in uses}
    if len(classes) == 1:
        return [uses]
    top = min(classes, key=lambda each: each.rank)
    there = frozenset[Platform]().union(
        *(use.nodes.every for use in uses if use.reference_class is top)
    )
    parts: dict[ReferenceClass, list[Use]] = {top: []}
    for use in uses:
        of = top if use.nodes.every <= there else use.reference_class
        parts.setdefault(of, []).append(use)
    return list(parts.values())


def _user(name: str, uses: list[Use], fails: Mapping[Nodes, Failure | None]) -> User:
    first = uses[0]
    reference_class, nodes = first.reference_class, first.nodes
    for use in uses[1:]:
        reference_class = highest(reference_class, use.reference_class)
        nodes = nodes.also(use.nodes)
    runs = (use.next_run for use in uses if use.next_run is not None)
    running = sum(use.alive for use in uses)
    next_run = min(runs, default=None)
    found = [each for use in uses if (each := fails.get(use.nodes))]
    failure = reduce(or_, found) if found else None
    return User(name, first.workload, reference_class, nodes, running, next_run, failure)


def _order(user: User) -> tuple[int, float, str]:
    soonest = float("inf") if user.next_run is None else user.next_run
    return user.reference_class.rank, soonest, user.name
