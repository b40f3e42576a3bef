"""The difference between two audits of a registry: what was removed, and what broke."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from exporter.facts.gap import Scope
from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Root, Snapshot
from exporter.facts.use import Nodes, ReferenceClass
from exporter.judge.choice import said
from exporter.judge.keep_tags import ReferencedManifest, referenced_manifests
from exporter.judge.report import Report
from exporter.judge.tag_verdict import Child, TagVerdict
from exporter.oci.reference import Repository, Tag


class ChangeKind(StrEnum):
    """The change of a tag or a pinned digest; one may have several."""

    BROKEN = "broken"
    """Something that it references was lost, or it is live and gone itself: collateral damage."""
    FOUND_BROKEN = "found-broken"
    """It is broken now, and it is not known how it was before."""
    NOT_SEEN = "not-seen"
    """Unknown: neither proven to be removed nor read."""
    GONE = "gone"
    """The tag is proven to be gone, and its removal was not named as intended."""
    REMOVED = "removed"
    """The tag is proven to be gone, and its removal was named as intended."""
    HEALED = "healed"
    MOVED = "moved"
    ADDED = "added"
    """A tag that is proven to be new."""
    FIRST_SEEN = "first-seen"
    """A tag that was not audited before."""


class DiffOutcome(IntEnum):
    """The exit code of `diff`; a proof of damage comes before doubt."""

    NOTHING_BROKE = 0
    COLLATERAL = 1
    UNTOLD = 3


@dataclass(frozen=True, slots=True)
class TagChange:
    """One thing that happened to one tag or pinned digest."""

    kind: ChangeKind
    before: TagVerdict | None
    after: TagVerdict | None
    children: tuple[Child, ...] = ()
    """The children concerned: lost, unknown, repaired."""

    @property
    def verdict(self) -> TagVerdict:
        """How it is now, or was last."""
        found = self.after or self.before
        if found is None:
            raise AssertionError("a shift is of something")
        return found


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes between two audits of one registry."""

    old: Report
    new: Report
    shifts: tuple[TagChange, ...]
    """By kind, the worst first; then live ones first, by repository and tag."""
    exposed: tuple[ReferencedManifest, ...]
    """Present manifests that lost the last tag that named them directly."""
    protected: tuple[ReferencedManifest, ...]
    """Manifests that got a tag of their own."""

    def of(self, kind: ChangeKind) -> tuple[TagChange, ...]:
        """Return the changes of one kind."""
        return tuple(each for each in self.shifts if each.kind is kind)

    @property
    def outcome(self) -> DiffOutcome:
        """Did anything break, or is that unknown?"""
        kinds = {each.kind for each in self.shifts}
        if ChangeKind.BROKEN in kinds:
            return DiffOutcome.COLLATERAL
        unknown = self.new.snapshot.hiding or kinds & {ChangeKind.NOT_SEEN, ChangeKind.FOUND_BROKEN}
        return DiffOutcome.UNTOLD if unknown else DiffOutcome.NOTHING_BROKE


def compare(
    old: Report, new: Report, is_intended: Callable[[Root], bool] = lambda _: False
) -> Diff:
    """Return the changes between two reports on the same registry.

    A tag counts as gone only where the new look knows every tag of its repository, and as removed
    only where its removal is intended. What was lost counts as broken by the change where it was
    there before, or where its tag is new.
    """
    before, after = _by_key(old), _by_key(new)
    shifts: list[TagChange] = []
    for key, was in before.items():
        now = after.get(key)
        shifts += _since(was, now) if now else _vanished(was, new.snapshot, is_intended)
    shifts += [shift for key, now in after.items() if key not in before for shift in _new(now, old)]
    order = tuple(ChangeKind)
    shifts.sort(key=lambda shift: (order.index(shift.kind), *_place(shift.verdict)))
    return Diff(old, new, tuple(shifts), *_protection(old, new))


def _by_key(report: Report) -> dict[tuple[str, str], TagVerdict]:
    return {_place(verdict)[1:]: verdict for verdict in report.verdicts}


def _place(verdict: TagVerdict) -> tuple[int, str, str]:
    root = verdict.root
    return root.reference_class.rank, root.repository, root.tag or f"@{root.digest}"


def _since(was: TagVerdict, now: TagVerdict) -> Iterator[TagChange]:
    """Yield the changes of a tag that both audits read."""
    if _moved(was, now):
        yield TagChange(ChangeKind.MOVED, was, now)
    yield from _health(was, now)


def _vanished(
    was: TagVerdict, new: Snapshot, is_intended: Callable[[Root], bool]
) -> Iterator[TagChange]:
    """Yield the changes of a tag that only the older audit read."""
    nowhere = was.root.digest is None and was.root.sighting.state in GONE
    if was.root.tag is None or nowhere:
        return  # a digest that nobody pins any more, a tag that was not there: nothing was taken
    if not _lacks(new, was.root.repository, was.root.tag):
        kind = ChangeKind.NOT_SEEN
    elif _is_live(was, new) and not was.cannot_be_pulled:
        kind = ChangeKind.BROKEN
    else:
        kind = ChangeKind.REMOVED if is_intended(was.root) else ChangeKind.GONE
    yield TagChange(kind, was, None)


def _is_live(was: TagVerdict, new: Snapshot) -> bool:
    """Did something live use it when uses were last read?

    Images of the new uses were audited again.
    """
    unread = not new.uses or any(gap.scope is Scope.REFERENCES for gap in new.gaps)
    return unread and was.root.reference_class is ReferenceClass.LIVE


def _new(now: TagVerdict, old: Report) -> Iterator[TagChange]:
    """Yield the changes of a tag that only the newer audit read."""
    root = now.root
    fresh = root.tag is not None and _lacks(old.snapshot, root.repository, root.tag)
    lost = tuple(child for child in now.children if child.lost)
    if lost or now.cannot_be_pulled:
        yield TagChange(ChangeKind.BROKEN if fresh else ChangeKind.FOUND_BROKEN, None, now, lost)
    elif any(child.expected and child.state is State.UNKNOWN for child in now.children):
        yield TagChange(ChangeKind.NOT_SEEN, None, now)
    elif root.tag is not None:
        yield TagChange(ChangeKind.ADDED if fresh else ChangeKind.FIRST_SEEN, None, now)


def _moved(was: TagVerdict, now: TagVerdict) -> bool:
    ends = was.root.digest, now.root.digest
    return None not in ends and ends[0] != ends[1]


def _health(was: TagVerdict, now: TagVerdict) -> Iterator[TagChange]:
    """Yield how its children changed: broken, found broken, unknown, or repaired."""
    found: dict[ChangeKind, list[Child]] = {}
    for child in now.children:
        kind = _kind(_before(was, now, child), child.state) if child.expected else None
        if kind is not None:
            found.setdefault(kind, []).append(child)
    if set(now.lacking_platforms) - set(was.lacking_platforms):
        same = was.overall is State.PRESENT and _wanted(now) <= _wanted(was)
        found.setdefault(ChangeKind.BROKEN if same else ChangeKind.FOUND_BROKEN, [])
    if was.cannot_be_pulled and now.overall is State.PRESENT:
        found.setdefault(ChangeKind.HEALED, [])
    for kind, children in found.items():
        yield TagChange(kind, was, now, tuple(children))


def _wanted(verdict: TagVerdict) -> frozenset[Nodes]:
    """Return the platforms of all uses of a tag."""
    return frozenset(nodes for _, nodes in said(verdict.uses)) | {verdict.root.nodes}


def _kind(before: State, now: State) -> ChangeKind | None:
    """Return the change of one manifest."""
    if now in GONE and before not in GONE:
        return ChangeKind.BROKEN if before is State.PRESENT else ChangeKind.FOUND_BROKEN
    if now is State.UNKNOWN and before not in GONE:
        return ChangeKind.NOT_SEEN
    return ChangeKind.HEALED if now is State.PRESENT and before in GONE else None


def _before(was: TagVerdict, now: TagVerdict, child: Child) -> State:
    """Return the former state of a manifest, as far as the same tag shows it.

    Of what a tag has moved to, everything was there when it moved: registries check that.
    """
    known = next((each.state for each in was.children if each.digest == child.digest), None)
    if known is not None and child.digest is not None:
        return known
    if child.digest in (None, was.root.digest):
        return was.root.sighting.state if was.root.digest else was.state
    if _moved(was, now) or child.digest in was.indexes:
        return State.PRESENT
    return State.UNKNOWN


def _lacks(seen: Snapshot, repository: Repository, tag: Tag) -> bool:
    """Is it proven that a repository has no such tag?

    A tag that points nowhere stands in no seal, but it is listed: then the two counts differ.
    """
    sealed = seen.sealed.get(repository)
    if sealed is None:
        return False
    known = [each for tags in sealed.tags.values() for each in tags]
    return tag not in known and len(known) >= seen.listed.get(repository, 0)


def _protection(
    old: Report, new: Report
) -> tuple[tuple[ReferencedManifest, ...], tuple[ReferencedManifest, ...]]:
    """Return the manifests that lost their last tag, and those that got one."""
    every = ReferenceClass.SELECTED
    before = {
        (each.repository, each.digest): each.tags for each in referenced_manifests(old, every)
    }
    after = [
        (each, had)
        for each in referenced_manifests(new, every)
        if (had := before.get((each.repository, each.digest))) is not None
        and not (each.digest is None or each.tags is None or each.state in GONE)
    ]
    exposed = tuple(each for each, had in after if had and not each.tags)
    return exposed, tuple(each for each, had in after if each.tags and not had)
