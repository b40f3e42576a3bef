"""The leaves of a tag that nodes would pull, and those that this registry should hold at all."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.snapshot import Role, Root, Snapshot
from exporter.facts.use import Nodes, ReferenceClass, Use
from exporter.judge.leaves import Leaf
from exporter.judge.report import ChildKind, LackingPlatform
from exporter.oci.platform import Platform, eligible, mirrored

_SIGNATURE_TAG: Final = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
"""Tags by which cosign and the referrers fallback attach content to an image."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The leaves that nodes would pull, and the platforms that would find none."""

    pulled: frozenset[int] = frozenset()
    """Which leaves must be there, by position."""
    lacking: tuple[Platform, ...] = ()
    """Platforms that must run the tag and find nothing here."""
    not_offered: tuple[Platform, ...] = ()
    """Platforms on which it may be started as well, and that find nothing here."""


def needed(nodes: Nodes, root: Root, leaves: tuple[Leaf, ...], here: set[int]) -> Choice:
    """Return what nodes of these platforms would pull; `here` are the leaves that are promised.

    A platform that must run the tag lacks what is not there. One on which it merely may be
    started does not, as long as there is another on which it can be.
    """
    offered = [position for position, leaf in enumerate(leaves) if leaf.may_be_chosen]
    hidden = {position for position, leaf in enumerate(leaves) if leaf.kind is ChildKind.INDEX}
    hidden -= {*offered}
    if leaves and not offered and _no_image(leaves):
        return Choice(frozenset({0} if leaves[0].digest == root.digest else ()))
    if not nodes.known:
        return Choice(frozenset({*offered, *hidden}))
    stated = [leaves[position].platform for position in offered]
    chosen = {node: {offered[entry] for entry in eligible(node, stated)} for node in nodes.every}
    pulled = frozenset[int]().union(*chosen.values())
    if hidden and not all(chosen.values()):
        # Nobody knows what a lost index offered: it is needed, and no platform is said to lack.
        pulled |= hidden
        chosen = {node: entries or hidden for node, entries in chosen.items()}
    return Choice(pulled, *_holes(nodes, leaves, chosen, here))


def _holes(
    nodes: Nodes, leaves: tuple[Leaf, ...], chosen: Mapping[Platform, set[int]], here: set[int]
) -> tuple[tuple[Platform, ...], tuple[Platform, ...]]:
    """For which platforms is nothing here: of those that must run it, and of the others?

    What a mirror leaves out is named as the index names it.
    """
    holes = {
        node: leaves[min(entries - here)].platform or node if entries else node
        for node, entries in chosen.items()
        if not entries or entries - here
    }
    nowhere = not nodes.platforms and len(holes) == len(chosen)
    must = nodes.admitted if nowhere else nodes.platforms
    lacking = {hole for node, hole in holes.items() if node in must}
    others = {hole for node, hole in holes.items() if node not in must} - lacking
    return tuple(sorted(lacking, key=str)), tuple(sorted(others, key=str))


def held(snapshot: Snapshot, root: Root, leaves: tuple[Leaf, ...]) -> set[int]:
    """Return the leaves that should be there at all, by position.

    A pull-through cache promises nothing; a sparse mirror what its own platforms would choose of
    an index, and what it has a tag for.
    """
    part = snapshot.part(root.repository)
    if part.role is Role.PROXY:
        return set()
    if part.role is Role.OWNED:
        return set(range(len(leaves)))
    stated = (
        leaf.platform if leaf.may_be_chosen and leaf.digest != root.digest else None
        for leaf in leaves
    )
    return mirrored(part.platforms, stated)


def is_attached(root: Root) -> bool:
    """Does the tag hold what belongs to an image, and what no node ever pulls?"""
    return _SIGNATURE_TAG.fullmatch(root.tag or "") is not None


def _no_image(leaves: Iterable[Leaf]) -> bool:
    """Is this a chart, a set of artifacts, a cache: nothing that a platform could lack?"""
    return all(leaf.kind in (ChildKind.ARTIFACT, ChildKind.CACHE) for leaf in leaves)


@dataclass(frozen=True, slots=True)
class Demand:
    """The needs of all users of a tag, each under the highest class that has it."""

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
