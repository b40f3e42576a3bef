"""Would a pull of this tag succeed, on every platform that must run it?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Role
from exporter.judge.children import assess
from exporter.judge.leaves import Leaf, View, grow
from exporter.judge.report import Child, ChildKind, Lack, TagVerdict
from exporter.oci.platform import choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.facts.snapshot import Root, Snapshot
    from exporter.oci.digest import Digest
    from exporter.oci.platform import Platform
    from exporter.oci.reference import Place, Repository, Tag

_SIGNATURE_TAG: Final = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
"""Tags by which cosign and the referrers fallback attach content to an image."""


def verdicts(snapshot: Snapshot) -> tuple[TagVerdict, ...]:
    """Return a verdict for every root, live first, then by repository and tag."""
    order = sorted(
        snapshot.roots, key=lambda root: (root.reference_class.rank, root.repository, root.name)
    )
    known = _pointers(snapshot.roots)
    return tuple(_verdict(snapshot, root, known) for root in order)


def _verdict(snapshot: Snapshot, root: Root, known: Mapping[Place, tuple[Tag, ...]]) -> TagVerdict:
    if root.digest is None or root.sighting.state in GONE:
        return _unresolved(root)
    view = View(snapshot, root.repository)
    tree = grow(view, root.digest)
    needed, lacking = _needed(root, tree.leaves)
    children = tuple(
        assess(
            view,
            leaf,
            required=position in needed,
            protected_by=_protectors(snapshot, root.repository, leaf.digest, known),
        )
        for position, leaf in enumerate(tree.leaves)
    )
    if root.sighting.state is State.UNKNOWN and not _required(children) & GONE:
        return _unresolved(root)
    holes = () if snapshot.role is Role.PROXY else (*lacking, *_unmirrored(children))
    return TagVerdict(root, _roll_up(root, children, holes), children, tree.indexes[1:], holes)


def _unresolved(root: Root) -> TagVerdict:
    """A tag that leads nowhere, or that could not be asked, stands for its one child."""
    seen = root.sighting
    lacks = (Lack(root.digest, "manifest", None, seen.state, seen.detail),) if root.digest else ()
    child = Child(
        digest=root.digest,
        platform=None,
        kind=ChildKind.IMAGE,
        state=seen.state,
        required=True,
        expected=True,
        proof=seen.proof,
        reason=seen.reason,
        lacks=lacks,
    )
    return TagVerdict(root, seen.state, (child,))


def _needed(root: Root, leaves: tuple[Leaf, ...]) -> tuple[set[int], tuple[Platform, ...]]:
    """Which leaves must be there, by position, and for which platforms there is none."""
    if [(leaf.digest, leaf.kind) for leaf in leaves] == [(root.digest, ChildKind.ARTIFACT)]:
        return (set() if _SIGNATURE_TAG.fullmatch(root.tag or "") else {0}), ()
    hidden = {position for position, leaf in enumerate(leaves) if leaf.kind is ChildKind.INDEX}
    images = [position for position, leaf in enumerate(leaves) if leaf.kind is ChildKind.IMAGE]
    if not root.platforms:
        return {*images, *hidden}, ()
    offered = [leaves[position].platform for position in images]
    chosen = {node: choose(node, offered) for node in root.platforms}
    needed = {images[position] for position in chosen.values() if position is not None}
    lacking = sorted((node for node, position in chosen.items() if position is None), key=str)
    # What a gone index may have offered nobody knows: it is needed, and nothing is said to lack.
    return (needed | hidden, ()) if lacking and hidden else (needed, tuple(lacking))


def _unmirrored(children: Iterable[Child]) -> tuple[Platform, ...]:
    """Platforms that must run the tag, but that a sparse mirror leaves out."""
    holes = (child.platform for child in children if child.required and not child.expected)
    return tuple(platform for platform in holes if platform)


def _roll_up(root: Root, children: tuple[Child, ...], lacking: tuple[Platform, ...]) -> State:
    states = _required(children)
    if states == {State.MISSING} and children[0].digest == root.digest:
        return State.MISSING
    if lacking or states & GONE:
        return State.BROKEN
    unproven = children and not any(child.expected for child in children)
    return State.UNKNOWN if unproven or State.UNKNOWN in states else State.PRESENT


def _required(children: Iterable[Child]) -> set[State]:
    return {child.state for child in children if child.required and child.expected}


def _pointers(roots: Iterable[Root]) -> Mapping[Place, tuple[Tag, ...]]:
    """Which of the tags that were resolved point straight at a manifest."""
    found: dict[Place, tuple[Tag, ...]] = {}
    for root in roots:
        if root.tag and root.digest:
            place = (root.repository, root.digest)
            found[place] = (*found.get(place, ()), root.tag)
    return found


def _protectors(
    snapshot: Snapshot,
    repository: Repository,
    digest: Digest,
    known: Mapping[Place, tuple[Tag, ...]],
) -> tuple[Tag, ...] | None:
    """Tags that point straight at a child: any known one proves "some", only a seal "none"."""
    sealed = snapshot.sealed.get(repository)
    return sealed.pointing_at(digest) if sealed else known.get((repository, digest))
