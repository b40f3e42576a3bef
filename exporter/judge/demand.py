"""By whom is each leaf of a tag required, and for whom does the tag offer nothing?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.facts.snapshot import Root
from exporter.facts.use import Nodes, ReferenceClass, Use
from exporter.judge.choice import Choice, is_attached, needed
from exporter.judge.leaves import Leaf
from exporter.judge.report import LackingPlatform
from exporter.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Demand:
    """What all who want a tag need of it, each thing under the highest class that does."""

    required: Mapping[int, ReferenceClass]
    """Which leaves must be there, by position, and for whom."""
    lacking: tuple[LackingPlatform, ...] = ()
    not_offered: tuple[Platform, ...] = ()
    """Platforms on which the tag's own class may start it as well, and that find nothing here."""


def demand(root: Root, uses: Iterable[Use], leaves: tuple[Leaf, ...], here: set[int]) -> Demand:
    """Return what is needed of a tag's leaves; `here` are those that are promised.

    The tag's own class needs what all its reasons together say. Every use that says where it runs
    needs that as well, whatever its class: one that says nothing adds nothing to what others say.
    What is attached to an image no node pulls, unless somebody names it.
    """
    own = root.reference_class
    told = tuple(uses)
    attached = is_attached(root) and not told
    together = Choice() if attached else needed(root.nodes, root, leaves, here)
    required = dict.fromkeys(together.pulled, own)
    lacking = dict.fromkeys(together.lacking, own)
    for reference_class, nodes in sorted(said(told), key=lambda each: each[0].rank):
        alone = needed(nodes, root, leaves, here)
        for position in alone.pulled:
            required.setdefault(position, reference_class)
        for platform in alone.lacking:
            lacking.setdefault(platform, reference_class)
    return Demand(
        required,
        tuple(LackingPlatform(each, lacking[each]) for each in sorted(lacking, key=str)),
        tuple(each for each in together.not_offered if each not in lacking),
    )


def said(uses: Iterable[Use]) -> frozenset[tuple[ReferenceClass, Nodes]]:
    """Return where uses say that they run, each answer once with its class."""
    told = ((use.reference_class, use.nodes) for use in uses)
    return frozenset((reference_class, nodes) for reference_class, nodes in told if nodes.known)
