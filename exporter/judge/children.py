"""Is this child proven, gone, hollow, or could it not be established?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Proof, State
from exporter.facts.snapshot import Role
from exporter.judge.report import Child, ChildKind, Lack
from exporter.oci.manifest import Kind
from exporter.oci.platform import choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.judge.leaves import Leaf, View
    from exporter.oci.reference import Tag

_CONTENT: Final = frozenset({Kind.CONFIG, Kind.LAYER, Kind.BLOB})
_LADDER: Final = tuple(Proof)


def assess(
    view: View, leaf: Leaf, *, required: bool, protected_by: tuple[Tag, ...] | None
) -> Child:
    """Return the verdict on one child, from what was seen of it and of its blobs."""
    expected = _expected(view, leaf)
    lacks = tuple(_lacks(view, leaf)) if expected else ()
    state = _state(view, leaf, lacks) if expected else State.UNKNOWN
    reason = _reason(view, leaf, lacks) if expected else Reason.BY_DESIGN
    return Child(
        digest=leaf.digest,
        platform=leaf.platform,
        kind=leaf.kind,
        state=state,
        required=required,
        expected=expected,
        proof=_proof(view, leaf, state),
        reason=reason if state is State.UNKNOWN else None,
        lacks=lacks,
        protected_by=protected_by,
    )


def _expected(view: View, leaf: Leaf) -> bool:
    """A pull-through cache promises nothing, a sparse mirror only its own platforms."""
    if view.snapshot.role is Role.PROXY:
        return False
    if view.snapshot.role is Role.SPARSE and leaf.platform and not leaf.platform.unknown:
        return any(choose(node, [leaf.platform]) is not None for node in view.snapshot.platforms)
    return True


def _lacks(view: View, leaf: Leaf) -> Iterator[Lack]:
    sighting = view.seen(leaf.digest)
    if sighting.state is not State.PRESENT:
        kind = "blob" if leaf.kind is ChildKind.CACHE else "manifest"
        yield Lack(leaf.digest, kind, None, sighting.state, sighting.detail)
        return
    manifest = view.standing(leaf.digest)
    for link in manifest.links if manifest else ():
        seen = view.seen(link.target.digest) if link.kind in _CONTENT else sighting
        if seen.state is not State.PRESENT:
            size = link.target.size
            yield Lack(link.target.digest, link.kind.value, size, seen.state, seen.detail)


def _state(view: View, leaf: Leaf, lacks: Iterable[Lack]) -> State:
    """Gone itself is missing; standing over content that is gone is broken; doubt comes last."""
    own = view.seen(leaf.digest).state
    if own is not State.PRESENT:
        return own
    states = {lack.state for lack in lacks}
    if states & GONE:
        return State.BROKEN
    return State.UNKNOWN if states else State.PRESENT


def _reason(view: View, leaf: Leaf, lacks: Iterable[Lack]) -> Reason | None:
    doubts = (view.seen(lack.digest).reason for lack in lacks if lack.state is State.UNKNOWN)
    return next(doubts, view.seen(leaf.digest).reason)


def _proof(view: View, leaf: Leaf, state: State) -> Proof:
    """What "present" rests on: the blobs where there are some, for those are what caches fake."""
    if state in GONE:
        return Proof.CONFIRMED
    manifest = view.standing(leaf.digest)
    blobs = manifest.content if manifest else ()
    proofs = (view.seen(blob.digest).proof for blob in blobs)
    return min(proofs, key=_LADDER.index, default=view.seen(leaf.digest).proof)
