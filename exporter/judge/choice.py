"""The leaves of a tag that nodes would pull, and those that this registry should have at all."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.snapshot import Role, Root, Snapshot
from exporter.facts.use import Nodes, ReferenceClass, Use
from exporter.judge.impact import Failure
from exporter.judge.leaves import Leaf
from exporter.judge.tag_verdict import ChildKind, LackingPlatform
from exporter.oci.platform import Platform, eligible, mirrored

_SIGNATURE_TAG: Final = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
"""Tags with which cosign and the referrers fallback attach content to an image."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The leaves that nodes would pull, and the platforms that would find none."""

    pulled: frozenset[int] = frozenset()
    """The leaves that must be present, by position."""
    certain: frozenset[int] = frozenset()
    """Those of them that some node pulls wherever it is started."""
    lacking: tuple[Platform, ...] = ()
    """Platforms that must run the tag and find nothing here."""
    not_offered: tuple[Platform, ...] = ()
    """Platforms on which it may be started as well, and that find nothing here."""


def needed(nodes: Nodes, root: Root, leaves: tuple[Leaf, ...], here: set[int]) -> Choice:
    """Return the leaves that nodes of these platforms would pull; `here` are the expected ones.

    A platform that must run the tag lacks what is not there. One on which it merely may be
    started does not, as long as there is another on which it can be.
    """
    offered, hidden = _entries(leaves)
    if leaves and not offered and _no_image(leaves):
        whole = frozenset({0} if leaves[0].digest == root.digest else ())
        return Choice(whole, whole)
    if not nodes.known:
        possible = (each for each in offered if not nodes.excludes(leaves[each].platform))
        every = frozenset({*possible, *hidden})
        return Choice(every, every)
    chosen = _chosen(nodes, leaves, offered)
    pulled = frozenset[int]().union(*chosen.values())
    if hidden and not all(chosen.values()):
        # Nobody knows what a lost index offered: it is needed, and no platform is said to lack.
        pulled |= hidden
        chosen = {node: entries or hidden for node, entries in chosen.items()}
    return Choice(pulled, _certain(nodes, chosen), *_holes(nodes, leaves, chosen, here))


def _entries(leaves: tuple[Leaf, ...]) -> tuple[list[int], set[int]]:
    """Return the leaves that a node may choose, and the indexes that cannot be read."""
    offered = [position for position, leaf in enumerate(leaves) if leaf.may_be_chosen]
    hidden = {position for position, leaf in enumerate(leaves) if leaf.kind is ChildKind.INDEX}
    return offered, hidden - {*offered}


def _chosen(nodes: Nodes, leaves: tuple[Leaf, ...], offered: list[int]) -> dict[Platform, set[int]]:
    """Return the leaves that a node of each platform may pull."""
    stated = [leaves[position].platform for position in offered]
    return {node: {offered[entry] for entry in eligible(node, stated)} for node in nodes.every}


def _certain(nodes: Nodes, chosen: Mapping[Platform, set[int]]) -> frozenset[int]:
    """Return the leaves that a pod needs on every platform that may start it."""
    if nodes.platforms:
        return frozenset[int]().union(*(chosen[node] for node in nodes.platforms))
    found = [frozenset(entries) for entries in chosen.values() if entries]
    return frozenset.intersection(*found) if found else frozenset()


def failure(
    nodes: Nodes, root: Root, leaves: tuple[Leaf, ...], here: set[int], lost: set[int]
) -> Failure | None:
    """Return where a pull for nodes of these platforms fails; None if it does not.

    What may be started on several platforms, and on none of them any more, fails for certain.
    """
    if not nodes.known:
        found = needed(nodes, root, leaves, here).pulled & lost
        where = (leaves[position].platform for position in found)
        return Failure(frozenset(filter(None, where))) if found else None
    alone = {each: needed(Nodes(frozenset({each})), root, leaves, here) for each in nodes.every}
    runs_into = {each for each, choice in alone.items() if choice.pulled & lost}
    finds_none = {each for each, choice in alone.items() if choice.lacking}
    must = nodes.platforms & (runs_into | finds_none)
    if not nodes.platforms and len(runs_into | finds_none) == len(alone):
        must = frozenset(runs_into or finds_none)
    may = runs_into - must - nodes.platforms
    return Failure(must, frozenset(may), certain=bool(must)) if must or may else None


def _holes(
    nodes: Nodes, leaves: tuple[Leaf, ...], chosen: Mapping[Platform, set[int]], here: set[int]
) -> tuple[tuple[Platform, ...], tuple[Platform, ...]]:
    """Return the platforms without an image: of those that must run it, and of the others.

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
    """Return the leaves that the registry should have at all, by position.

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
    """Is the tag an attachment of an image, which no node ever pulls?"""
    return _SIGNATURE_TAG.fullmatch(root.tag or "") is not None


def _no_image(leaves: Iterable[Leaf]) -> bool:
    """Is this a chart, a set of artifacts, a cache: nothing that a platform could lack?"""
    return all(leaf.kind in (ChildKind.ARTIFACT, ChildKind.CACHE) for leaf in leaves)


@dataclass(frozen=True, slots=True)
class Demand:
    """The needs of all users of a tag, each under the highest class that has it."""

    required: Mapping[int, ReferenceClass]
    """Which leaves must be present, by position, and the class that needs each."""
    possible: frozenset[int] = frozenset()
    """Leaves that live uses pull only on platforms that may start them, but need not."""
    lacking: tuple[LackingPlatform, ...] = ()
    not_offered: tuple[Platform, ...] = ()
    """Platforms on which the tag's own class may start it as well, and that find nothing here."""


def demand(root: Root, uses: Iterable[Use], leaves: tuple[Leaf, ...], here: set[int]) -> Demand:
    """Return the leaves of a tag that are needed; `here` are the expected ones.

    The tag's own class needs what all its reasons together say. Every use that says where it runs
    needs that as well, whatever its class. One that says nothing needs all that the tag offers, but
    not what it is never started on; of a lower class than the tag's own, it adds nothing.
    What is attached to an image no node pulls, unless somebody names it.
    """
    own = root.reference_class
    told = tuple(uses)
    attached = is_attached(root) and not told
    together = Choice() if attached else needed(_reasons(root, told), root, leaves, here)
    required = dict.fromkeys(together.pulled, own)
    lacking = dict.fromkeys(together.lacking, own)
    certain = set(together.certain) if own is ReferenceClass.LIVE else set()
    for reference_class, nodes in sorted(_said(root, told), key=lambda each: each[0].rank):
        alone = needed(nodes, root, leaves, here)
        certain |= alone.certain if reference_class is ReferenceClass.LIVE else set()
        for position in alone.pulled:
            required.setdefault(position, reference_class)
        for platform in alone.lacking:
            lacking.setdefault(platform, reference_class)
    live = {position for position, of in required.items() if of is ReferenceClass.LIVE}
    return Demand(
        required,
        frozenset(live - certain),
        tuple(LackingPlatform(each, lacking[each]) for each in sorted(lacking, key=str)),
        tuple(each for each in together.not_offered if each not in lacking),
    )


def stranded(
    root: Root, uses: Iterable[Use], leaves: tuple[Leaf, ...], here: set[int], lost: set[int]
) -> frozenset[int]:
    """Return the lost leaves without which a live use cannot start anywhere."""
    told = tuple(uses)
    wanted = {nodes for kind, nodes in _said(root, told) if kind is ReferenceClass.LIVE}
    if not told and root.reference_class is ReferenceClass.LIVE:
        wanted.add(root.nodes)
    found = set[int]()
    for nodes in wanted:
        fails = failure(nodes, root, leaves, here, lost)
        if fails and fails.certain:
            of = Nodes(fails.platforms) if nodes.known else nodes
            found |= needed(of, root, leaves, here).pulled & lost
    return frozenset(found)


def _reasons(root: Root, uses: tuple[Use, ...]) -> Nodes:
    """Return where a tag must run by all reasons together, without uses of unknown platforms."""
    nodes = root.nodes
    own = [use.nodes for use in uses if use.reference_class is root.reference_class]
    if nodes.known or not own or any(each.known for each in own):
        return nodes
    return Nodes(barred=frozenset.intersection(*(each.barred for each in own)))


def _said(root: Root, uses: Iterable[Use]) -> frozenset[tuple[ReferenceClass, Nodes]]:
    """Return where uses run or may start, each answer once with its class."""
    own = root.reference_class
    told = ((use.reference_class, use.nodes) for use in uses)
    return frozenset((kind, nodes) for kind, nodes in told if nodes.known or kind is own)


def said(uses: Iterable[Use]) -> frozenset[tuple[ReferenceClass, Nodes]]:
    """Return where uses run, each answer once with its class."""
    told = ((use.reference_class, use.nodes) for use in uses)
    return frozenset((reference_class, nodes) for reference_class, nodes in told if nodes.known)
