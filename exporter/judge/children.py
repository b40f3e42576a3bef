"""The verdict on one child: present, missing, broken or unknown, and what it lacks."""

from collections.abc import Iterable, Iterator

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Proof, State
from exporter.facts.use import ReferenceClass
from exporter.judge.leaves import CONTENT, LADDER, Leaf, View
from exporter.judge.protection import Risk
from exporter.judge.tag_verdict import Child, ChildKind, Lack
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Tag


def assess(  # noqa: PLR0913 - what the view does not tell
    view: View,
    leaf: Leaf,
    *,
    required_by: ReferenceClass | None,
    expected: bool,
    protected_by: tuple[Tag, ...] | None,
    risk: Risk,
) -> Child:
    """Return the verdict on one child, by the sightings of it and of its blobs."""
    lacks = (*_lacks(view, leaf), *_misfits(view, leaf)) if expected else ()
    state = _state(view, leaf, lacks) if expected else State.UNKNOWN
    reason = _reason(view, lacks) if expected else Reason.BY_DESIGN
    return Child(
        digest=leaf.digest,
        platform=leaf.platform,
        kind=leaf.kind,
        state=state,
        required_by=required_by,
        expected=expected,
        proof=proof_of(view, leaf.digest, state),
        reason=reason if state is State.UNKNOWN else None,
        detail=lacks[0].detail if lacks and state is State.UNKNOWN else "",
        lacks=lacks,
        protected_by=protected_by,
        risk=risk,
    )


def _lacks(view: View, leaf: Leaf) -> Iterator[Lack]:
    """Yield the content that is not proven; below an unreadable manifest, only losses."""
    own = view.seen(leaf.digest)
    if own.state is not State.PRESENT:
        kind = "blob" if leaf.kind is ChildKind.CACHE else "manifest"
        yield Lack(leaf.digest, kind, None, own.state, own.detail, own.corrupt)
    elif leaf.misstated:
        yield Lack(leaf.digest, "manifest", None, State.UNKNOWN, leaf.misstated)
    manifest = view.known(leaf.digest)
    if manifest is None or view.content_proof(manifest):
        return
    for link in manifest.links:
        target = link.target
        seen = view.seen(target.digest)
        if seen.state is State.PRESENT or link.kind not in CONTENT or _exempt(target):
            continue
        if seen.state in GONE or own.state is State.PRESENT:
            yield Lack(
                target.digest, link.kind.value, target.size, seen.state, seen.detail, seen.corrupt
            )


def _misfits(view: View, leaf: Leaf) -> Iterator[Lack]:
    """Yield the content of an image that a node would refuse although its bytes are right.

    It is no less wrong where it cannot be read now; what is lost is reported as lost.
    """
    found = view.diff_id_mismatches(leaf.digest) if leaf.kind is ChildKind.IMAGE else ()
    manifest = view.known(leaf.digest) if found else None
    links = {link.target.digest: link for link in manifest.links} if manifest else {}
    for mismatch in found:
        link = links.get(mismatch.digest)
        if link is not None and view.seen(mismatch.digest).state not in GONE:
            kind, size = link.kind.value, link.target.size
            yield Lack(
                mismatch.digest, kind, size, State.BROKEN, mismatch.detail, wrong_diff_id=True
            )


def _exempt(target: Descriptor) -> Proof | None:
    """Return the proof of content that this manifest does not expect its registry to hold.

    Another manifest of the repository may expect it, and then it was looked at for that one.
    """
    if not target.distributable:
        return Proof.EXTERNAL
    return Proof.INLINE if target.inline else None


def _state(view: View, leaf: Leaf, lacks: Iterable[Lack]) -> State:
    """Return `missing` for a lost manifest, `broken` for lost content; `unknown` comes last."""
    own = view.seen(leaf.digest).state
    if own in GONE:
        return own
    states = {lack.state for lack in lacks}
    if states & GONE:
        return State.BROKEN
    return State.UNKNOWN if states else State.PRESENT


def _reason(view: View, lacks: Iterable[Lack]) -> Reason | None:
    """Return the reason of an unknown child: that of its first unknown content.

    What is there, and is a doubt all the same, is misstated by what points to it.
    """
    reasons = (view.seen(lack.digest).reason or Reason.MALFORMED for lack in lacks)
    return next(reasons, None)


def proof_of(view: View, digest: Digest, state: State) -> Proof:
    """Return the proof of a child's state; of "present" that of the blobs, as caches fake those."""
    if state is not State.PRESENT:
        return Proof.CONFIRMED if state in GONE else Proof.NOTHING
    manifest = view.known(digest)
    if manifest and (weakest := view.content_proof(manifest)):
        return weakest
    blobs = manifest.content if manifest else ()
    proofs = {_exempt(blob) or view.seen(blob.digest).proof for blob in blobs}
    return min(proofs, key=LADDER.index, default=view.seen(digest).proof)
