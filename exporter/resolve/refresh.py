"""A refresh: an audit of some repositories, between those of the whole registry."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from exporter.facts.focus import Focus
from exporter.facts.gap import Scope
from exporter.facts.proof import State
from exporter.facts.snapshot import Root, Snapshot, part, with_part
from exporter.facts.use import Use
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing
from exporter.resolve.observe import observe
from exporter.resolve.scope import select, settled
from exporter.resolve.tags import TagName
from exporter.resolve.target import Target

Uses = Mapping[Repository, frozenset[Use]]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The new knowledge of some repositories."""

    snapshot: Snapshot
    repositories: frozenset[Repository]
    asked: frozenset[Repository]
    """Those that were requested; of the others only the uses changed."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """An audit of the focus, and of images that uses did not need before."""

    target: Target
    uses: Listing[Use]
    before: Snapshot
    lost: tuple[TagName, ...]
    """The tags that were reported as lost: they are requested with their repository."""
    now: float
    """Seconds since the epoch."""

    async def of(self, focus: Focus) -> Refreshed | None:
        """Return the new knowledge; None if the registry does not answer.

        If uses changed and name only what is known, nothing is requested.
        """
        target, before = self.target, self.before
        ours = (use for use in self.uses.entries if target.concerns(use))
        wanted = tuple(settled(target.scope, use) for use in ours)
        change = _Change(target, before, _by_repository(before.uses), _by_repository(wanted))
        focus |= change.suspected
        changed = change.repositories - focus.touched
        known = {at: roots for at in changed if (roots := change.roots(at)) is not None}
        asked = frozenset(filter(change.in_scope, focus.touched | (changed - known.keys())))
        fresh = replace(
            part(before, known.keys()),
            taken_at=self.now,
            roots=tuple(root for roots in known.values() for root in roots),
            uses=tuple(use for use in wanted if use.reference.repository in known),
        )
        others = (gap for gap in fresh.gaps if gap.scope is not Scope.REFERENCES)
        fresh = replace(fresh, gaps=(*self.uses.gaps, *others))
        if asked:
            named = tuple(use for use in wanted if use.reference.repository in asked)
            seen = await self._observed(focus, asked, Listing(named))
            if seen.gone or (seen.blind and seen.blind.scope is Scope.REGISTRY):
                return None
            fresh = replace(with_part(fresh, seen, asked), refreshed_at=None)
        return Refreshed(fresh, asked | known.keys(), asked)

    async def _observed(
        self, focus: Focus, asked: frozenset[Repository], uses: Listing[Use]
    ) -> Snapshot:
        narrow, before = _narrowed(self.target, asked), part(self.before, asked)
        focus |= Focus(tags=frozenset(at for at in self.lost if at[0] in asked))
        seen = await observe(narrow, uses, before, self.now, focus)
        return replace(seen, disagreements=before.disagreements)


def _narrowed(target: Target, asked: frozenset[Repository]) -> Target:
    """Return a target of some repositories alone, all in scope."""
    scope = target.scope
    listed = {at for at in asked if at in scope.listed or (scope.catalogue and scope.admits(at))}
    return replace(target, scope=replace(scope, catalogue=False, listed=tuple(sorted(listed))))


@dataclass(frozen=True, slots=True)
class _Change:
    """The difference between the uses of now and those of the audit before."""

    target: Target
    before: Snapshot
    old: Uses
    new: Uses

    @property
    def repositories(self) -> frozenset[Repository]:
        """Those whose uses changed."""
        every = self.old.keys() | self.new.keys()
        return frozenset(at for at in every if self.old.get(at) != self.new.get(at))

    @property
    def suspected(self) -> Focus:
        """The tags that pods fail to pull now, and did not before."""
        old, new = _failing(self.old), _failing(self.new)
        return Focus(tags=new - old)

    def roots(self, at: Repository) -> tuple[Root, ...] | None:
        """Return a repository's roots for the uses of now; None if its registry must be asked.

        It must where they name what is not known or what mattered less, with credentials that
        were not tried, or where the end of a use may leave nothing that names a lost tag.
        """
        old, new = self.old.get(at, frozenset()), self.new.get(at, frozenset())
        roots = [root for root in self.before.roots if root.repository == at]
        logins = {use.login for use in new} <= {use.login for use in old}
        if not logins or any(root.sighting.state is not State.PRESENT for root in roots):
            return None
        known = {root.tag or root.digest: root for root in roots}
        tags = {at: [root.tag for root in roots if root.tag]}
        found: list[Root] = []
        for each in select(self.target.scope, tags, new):
            last = known.get(each.name)
            if last is None or each.reference_class.rank < last.reference_class.rank:
                return None
            found.append(each.root(last.tag, last.digest, last.sighting))
        return tuple(found)

    def in_scope(self, at: Repository) -> bool:
        """Would an audit of the whole registry cover a repository?"""
        return at in self.new or at in self.old or self.target.scope.covers(at)


def _failing(uses: Uses) -> frozenset[tuple[Repository, Tag]]:
    references = (use.reference for named in uses.values() for use in named if use.failing_pulls)
    return frozenset((each.repository, each.tag) for each in references if each.tag)


def _by_repository(uses: Iterable[Use]) -> Uses:
    found: defaultdict[Repository, set[Use]] = defaultdict(set)
    for use in uses:
        found[use.reference.repository].add(use)
    return {at: frozenset(named) for at, named in found.items()}
