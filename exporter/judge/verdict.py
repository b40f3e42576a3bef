"""Verdicts: whether a pull of each tag would succeed, on every platform that must run it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial

from exporter.facts.attached import Attachments
from exporter.facts.proof import GONE, State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Root, Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.children import assess
from exporter.judge.choice import Demand, demand, held, is_attached, stranded
from exporter.judge.leaves import NOT_LOOKED_AT, Leaf, View, as_run, grow
from exporter.judge.protection import Protection, Risk
from exporter.judge.reachability import resolved_tags
from exporter.judge.tag_verdict import Child, ChildKind, Lack, TagVerdict
from exporter.judge.unchanged import Unchanged
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, natural


def verdicts(snapshot: Snapshot, unchanged: Unchanged | None = None) -> Iterator[TagVerdict]:
    """Yield a verdict for every root, live first, then by repository and tag.

    Where one of before holds again, that.
    """
    ordered = sorted(snapshot.roots, key=order)
    known = resolved_tags(ordered)
    users = _users(snapshot)
    admissions = {(each.login, each.repository): each for each in snapshot.admissions}
    protections: dict[Repository, Protection] = {}
    view = lru_cache(1)(partial(View.of, snapshot))  # of one repository: that takes memory
    for root in ordered:
        at = root.repository
        if at not in protections:
            protections[at] = Protection.of(snapshot, at, known.get(at, {}))
        if unchanged and (last := unchanged.verdict(root, protections[at], view)):
            yield last
            continue
        uses = users.get((root.repository, root.tag or root.digest or ""), ())
        logins = sorted({use.login for use in uses if use.login})
        tried = (admissions.get((login, root.repository)) for login in logins)
        verdict = _verdict(view(at), root, protections[at], uses)
        attached = _attached(snapshot, verdict) if snapshot.attached else ()
        logins_tried = tuple(filter(None, tried))
        yield replace(verdict, uses=uses, admissions=logins_tried, attached=attached)


def _attached(snapshot: Snapshot, verdict: TagVerdict) -> tuple[tuple[Digest, Attachments], ...]:
    """Return the attachments of the tag's own manifest, and of its required children."""
    root = verdict.root
    required = (child.digest for child in verdict.children if child.required)
    digests = dict.fromkeys(filter(None, (root.digest, *required)))
    found = ((each, snapshot.attached.get((root.repository, each))) for each in digests)
    return tuple((digest, each) for digest, each in found if each is not None)


def order(root: Root) -> tuple[int, Repository, tuple[str | int, ...]]:
    """Sort key: live first, then by repository and tag."""
    return root.reference_class.rank, root.repository, natural(root.name)


def _verdict(view: View, root: Root, protection: Protection, uses: tuple[Use, ...]) -> TagVerdict:
    snapshot = view.snapshot
    if root.digest is None or root.sighting.state in GONE:
        return _unresolved(snapshot, root, uses)
    tree = grow(view, root.digest)
    leaves = as_run(view, root.digest, tree.leaves, uses)
    expected = held(snapshot, root, leaves)
    wanted = demand(root, uses, leaves, expected)
    if snapshot.is_proxied(root.repository):
        wanted = Demand(wanted.required, wanted.possible)
    children = tuple(
        assess(
            view,
            leaf,
            # An index that cannot be seen now may be the one through which a node goes.
            required_by=root.reference_class
            if _hides(view, leaf)
            else wanted.required.get(position),
            expected=position in expected,
            protected_by=protection.tags(leaf.digest),
            risk=_risk(root, protection, leaf.digest),
        )
        for position, leaf in enumerate(leaves)
    )
    children = _settled(root, uses, leaves, expected, _possible(children, wanted))
    lost = any(child.lost and (child.required or _is_top(root, child)) for child in children)
    if root.sighting.state is State.UNKNOWN and not (lost or wanted.lacking):
        return _unresolved(snapshot, root, uses)
    state = _roll_up(root, children, wanted)
    return TagVerdict(
        root,
        state,
        children,
        tree.nested,
        wanted.lacking,
        wanted.not_offered,
        endangered=_endangered(snapshot, root, protection, tree.nested),
    )


def _risk(root: Root, protection: Protection, digest: Digest) -> Risk:
    """Return how a child may be removed; a tag's own manifest goes with the tag only."""
    if digest != root.digest:
        return protection.risk(digest)
    tags = protection.tags(digest)
    if root.tag or tags:
        return Risk.KEPT
    found = protection.untagged(digest)
    kept = root.reference_class is ReferenceClass.LIVE or protection.collector is Collector.NONE
    if found is Risk.KEPT and not kept:
        found = Risk.UNCLEAR  # an index may keep it, or none: of what is live, reachability tells
    return Risk.UNKNOWN if tags is None and found.endangers else found


def _endangered(
    snapshot: Snapshot, root: Root, protection: Protection, nested: tuple[Digest, ...]
) -> tuple[tuple[Digest, Risk], ...]:
    """Return the nested and pinned indexes that may be removed."""
    read = snapshot.manifests.get(root.digest) if root.digest and not root.tag else None
    stands = root.sighting.state is not State.MISSING
    pinned = (read.digest,) if read and read.is_index and stands else ()
    risks = ((each, _risk(root, protection, each)) for each in (*nested, *pinned))
    return tuple((each, risk) for each, risk in risks if risk.endangers)


def _possible(children: tuple[Child, ...], wanted: Demand) -> tuple[Child, ...]:
    if not wanted.possible:
        return children
    return tuple(
        replace(child, possible=True) if position in wanted.possible else child
        for position, child in enumerate(children)
    )


def _settled(
    root: Root,
    uses: tuple[Use, ...],
    leaves: tuple[Leaf, ...],
    here: set[int],
    children: tuple[Child, ...],
) -> tuple[Child, ...]:
    """Return the children, with those as certain without which nothing can start."""
    lost = {position for position, child in enumerate(children) if child.lost}
    if not any(children[position].possible for position in lost):
        return children
    certain = stranded(root, uses, leaves, here, lost)
    return tuple(
        replace(child, possible=False) if position in certain else child
        for position, child in enumerate(children)
    )


def _unresolved(snapshot: Snapshot, root: Root, uses: tuple[Use, ...]) -> TagVerdict:
    """Return a tag that does not exist, or could not be resolved, as its own one child.

    A pull-through cache denies what it could not fetch just now: there that is no absence.
    """
    promised = not snapshot.is_proxied(root.repository)
    seen = root.sighting if promised or root.sighting.state not in GONE else NOT_LOOKED_AT
    lacks = (Lack(root.digest, "manifest", None, seen.state, seen.detail),) if root.digest else ()
    child = Child(
        digest=root.digest,
        platform=None,
        kind=ChildKind.IMAGE,
        state=seen.state,
        required_by=root.reference_class if uses or not is_attached(root) else None,
        expected=promised,
        proof=seen.proof,
        reason=seen.reason,
        detail=seen.detail,
        lacks=lacks,
    )
    return TagVerdict(root, seen.state, (child,))


def _hides(view: View, leaf: Leaf) -> bool:
    doubtful = view.seen(leaf.digest).state is State.UNKNOWN or bool(leaf.misstated)
    return leaf.kind is ChildKind.INDEX and doubtful


def _roll_up(root: Root, children: tuple[Child, ...], wanted: Demand) -> State:
    """Return the state for the tag's own class; an unresolved tag is never healthy."""
    own = root.reference_class
    states = {
        child.state
        for child in children
        if child.expected and (child.required_by is own or _is_top(root, child))
    }
    if states == {State.MISSING} and children[0].digest == root.digest:
        return State.MISSING
    if states & GONE or any(each.required_by is own for each in wanted.lacking):
        return State.BROKEN
    unproven = children and not any(child.expected for child in children)
    unasked = root.sighting.state is State.UNKNOWN
    return State.UNKNOWN if unproven or unasked or State.UNKNOWN in states else State.PRESENT


def _is_top(root: Root, child: Child) -> bool:
    """Is it the tag's own manifest, which every pull needs?"""
    return child.digest == root.digest


def _users(snapshot: Snapshot) -> Mapping[tuple[Repository, str], tuple[Use, ...]]:
    """Who names each tag or digest? Beside a digest, a tag does not count."""
    found: defaultdict[tuple[Repository, str], list[Use]] = defaultdict(list)
    for use in snapshot.uses:
        name = use.reference.digest or use.reference.tag or ""
        found[use.reference.repository, name].append(use)
    return {named: tuple(uses) for named, uses in found.items()}
