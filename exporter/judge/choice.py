"""Which of a tag's leaves would nodes pull, and which should this registry hold at all?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exporter.facts.snapshot import Role
from exporter.judge.report import ChildKind
from exporter.oci.platform import eligible, mirrored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.facts.snapshot import Root, Snapshot
    from exporter.judge.leaves import Leaf
    from exporter.oci.platform import Platform

_SIGNATURE_TAG: Final = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
"""Tags by which cosign and the referrers fallback attach content to an image."""


def needed(root: Root, leaves: tuple[Leaf, ...]) -> tuple[set[int], tuple[Platform, ...]]:
    """Which leaves must be there, by position, and for which platforms there is none."""
    if is_attached(root):
        return set(), ()
    offered = [position for position, leaf in enumerate(leaves) if leaf.may_be_chosen]
    hidden = {position for position, leaf in enumerate(leaves) if leaf.kind is ChildKind.INDEX}
    hidden -= {*offered}
    if leaves and not offered and _no_image(leaves):
        return ({0} if leaves[0].digest == root.digest else set()), ()
    if not root.platforms:
        return {*offered, *hidden}, ()
    platforms = [leaves[position].platform for position in offered]
    chosen = {node: eligible(node, platforms) for node in root.platforms}
    pulled = {offered[entry] for entries in chosen.values() for entry in entries}
    lacking = sorted((node for node, entries in chosen.items() if not entries), key=str)
    # What a gone index may have offered nobody knows: it is needed, and nothing is said to lack.
    return (pulled | hidden, ()) if lacking and hidden else (pulled, tuple(lacking))


def held(snapshot: Snapshot, root: Root, leaves: tuple[Leaf, ...]) -> set[int]:
    """Which leaves should be there at all, by position.

    A pull-through cache promises nothing; a sparse mirror what its own platforms would choose of
    an index, and what it has a tag for.
    """
    if snapshot.role is Role.PROXY:
        return set()
    if snapshot.role is Role.OWNED:
        return set(range(len(leaves)))
    stated = (
        leaf.platform if leaf.may_be_chosen and leaf.digest != root.digest else None
        for leaf in leaves
    )
    return mirrored(snapshot.platforms, stated)


def is_attached(root: Root) -> bool:
    """Does the tag hold what belongs to an image, and what no node ever pulls?"""
    return _SIGNATURE_TAG.fullmatch(root.tag or "") is not None


def _no_image(leaves: Iterable[Leaf]) -> bool:
    """Is this a chart, a set of artifacts, a cache: nothing that a platform could lack?"""
    return all(leaf.kind in (ChildKind.ARTIFACT, ChildKind.CACHE) for leaf in leaves)
