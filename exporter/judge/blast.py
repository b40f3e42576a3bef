"""Who is hit where a tag cannot be pulled: what, where, how much of it alive, and when next?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from exporter.facts.proof import GONE
from exporter.facts.use import Nodes, ReferenceClass, Use, Workload, highest
from exporter.judge.choice import needed
from exporter.judge.leaves import Leaf
from exporter.judge.report import TagVerdict
from exporter.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Hit:
    """One workload, or one reference of which no more is known, and how it uses the image."""

    name: str
    """For a person: `Deployment shop/web (prod)`, or the owner of a mere reference."""
    workload: Workload | None = None
    reference_class: ReferenceClass = ReferenceClass.LIVE
    nodes: Nodes = Nodes()  # noqa: RUF009 - a frozen value
    """Where it runs or may be started; of all its containers together."""
    alive: int = 0
    """Containers that run now, on layers that their nodes hold."""
    next_run: float | None = None
    """When a schedule starts it next, in seconds since the epoch."""

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Where it runs; where it runs nowhere yet, where it may be started."""
        return tuple(sorted(self.nodes.platforms or self.nodes.admitted, key=str))


@dataclass(frozen=True, slots=True)
class Blast:
    """Everybody whom a loss hits."""

    hits: tuple[Hit, ...]
    """The most important first: by class, then those that a schedule starts soonest."""

    def of(self, reference_class: ReferenceClass) -> Blast:
        """Those of one class alone."""
        return Blast(tuple(hit for hit in self.hits if hit.reference_class is reference_class))

    def struck(self, users: Iterable[Hit]) -> Iterator[tuple[Hit, bool]]:
        """Yield each of those who want the tag: is it among them?"""
        known = {(hit.name, hit.reference_class) for hit in self.hits}
        yield from ((user, (user.name, user.reference_class) in known) for user in users)

    @property
    def workloads(self) -> tuple[Hit, ...]:
        """Those of which a cluster knows what would stop."""
        return tuple(hit for hit in self.hits if hit.workload)

    @property
    def alive(self) -> int:
        """Containers that run now, and that a restart elsewhere would stop."""
        return sum(hit.alive for hit in self.hits)

    @property
    def next_run(self) -> float | None:
        """When a schedule next runs into it, in seconds since the epoch."""
        return min((hit.next_run for hit in self.hits if hit.next_run is not None), default=None)

    @property
    def soonest(self) -> float:
        """The same to sort by: infinite where no schedule does."""
        return float("inf") if self.next_run is None else self.next_run

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms of the nodes of all of them."""
        return tuple(sorted({each for hit in self.hits for each in hit.platforms}, key=str))


NOBODY: Final = Blast(())
"""Whom a tag hits that can be pulled: nearly every one."""


def blast(verdict: TagVerdict) -> Blast:
    """Return who could not start again; nobody where a tag is not known to fail anybody."""
    if not verdict.failing:
        return NOBODY
    # Hundreds of uses may say the same: whether a pull fails is found out once for each answer.
    said = [(use, use.nodes) for use in verdict.uses]
    fails = {nodes: _fails(verdict, nodes) for nodes in {nodes for _, nodes in said}}
    return Blast(hits(use for use, nodes in said if fails[nodes]))


def hits(uses: Iterable[Use]) -> tuple[Hit, ...]:
    """Return uses by who stands behind them: the containers of a workload are one.

    What a workload wants in a lower class counts by itself where it wants it elsewhere, as a way
    back to other nodes does.
    """
    grouped: defaultdict[str, list[Use]] = defaultdict(list)
    for use in uses:
        grouped[str(use.workload or use.owner)].append(use)
    found = (_hit(name, part) for name, each in grouped.items() for part in _apart(each))
    return tuple(sorted(found, key=_order))


def _apart(uses: list[Use]) -> list[list[Use]]:
    """Part what one wants in a lower class, and on other nodes than in its highest."""
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


def _hit(name: str, uses: list[Use]) -> Hit:
    first = uses[0]
    reference_class, nodes = first.reference_class, first.nodes
    for use in uses[1:]:
        reference_class = highest(reference_class, use.reference_class)
        nodes |= use.nodes
    runs = (use.next_run for use in uses if use.next_run is not None)
    alive = sum(use.alive for use in uses)
    return Hit(name, first.workload, reference_class, nodes, alive, min(runs, default=None))


def _order(hit: Hit) -> tuple[int, float, str]:
    soonest = float("inf") if hit.next_run is None else hit.next_run
    return hit.reference_class.rank, soonest, hit.name


def _fails(verdict: TagVerdict, nodes: Nodes) -> bool:
    """Would a pull for these nodes alone run into what is gone?

    Where nobody says where it runs, whatever breaks the tag for its own class counts; and a tag
    that leads nowhere fails all.
    """
    leaves = [
        Leaf(each.digest, each.platform, each.kind) for each in verdict.children if each.digest
    ]
    if not nodes.known or len(leaves) < len(verdict.children):
        return verdict.state in GONE
    here = {n for n, child in enumerate(verdict.children) if child.expected}
    lost = {n for n in here if verdict.children[n].state in GONE}
    choice = needed(nodes, verdict.root, tuple(leaves), here)
    return bool(choice.lacking or choice.pulled & lost)
