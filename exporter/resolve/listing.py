"""Lists of repositories and tags, and what they may have left out."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import Use
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Listing, Unseen
from exporter.resolve.concurrency import abreast, pause
from exporter.resolve.target import Target

Listings = dict[Repository, Listing[Tag]]


async def repositories(
    target: Target, uses: Iterable[Use], before: Snapshot | None
) -> Listing[Repository]:
    """Return every repository in scope: configured, named by a use, or in the catalogue.

    Where the catalogue may have left some out, also those that were looked at before. Of all of
    these only the ones of this shard.
    """
    scope = target.scope
    found = [*scope.listed, *(use.reference.repository for use in uses)]
    gaps: tuple[Gap, ...] = ()
    if scope.catalogue:
        catalogue = await _catalogue(target)
        known = () if catalogue.complete or before is None else before.roots
        listed = (*catalogue.entries, *(root.repository for root in known))
        found += filter(scope.admits, listed)
        gaps = catalogue.gaps
    return Listing(tuple(filter(scope.shard.holds, dict.fromkeys(found))), gaps)


async def _catalogue(target: Target) -> Listing[Repository]:
    try:
        return await target.registry.repositories()
    except Unseen as unseen:
        return Listing((), (Gap(Scope.REGISTRY, "_catalog", unseen.reason, unseen.detail),))


async def listings(target: Target, of: Iterable[Repository]) -> Listings:
    """Return the tags of each repository; one that cannot be listed has none, and a gap.

    One that the registry denies is asked for again after a pause, before it counts as empty. Once
    as many tags were listed as may be looked at, the other repositories have a gap each.
    """
    room = _Room(target.limits.tags)

    async def tags(repository: Repository) -> Listing[Tag] | Absent:
        try:
            return await room.fill(repository, target.registry.tags)
        except Unseen as unseen:
            return Listing((), (Gap(Scope.REPOSITORY, repository, unseen.reason, unseen.detail),))

    found = dict(await abreast(target.limits.width, tags, of))
    denied = [repository for repository, each in found.items() if isinstance(each, Absent)]
    await pause(target.limits.confirm_after, denied)
    found |= await abreast(target.limits.width, tags, denied)
    return {
        repository: Listing((), denied=True) if isinstance(each, Absent) else each
        for repository, each in found.items()
    }


@dataclass(slots=True)
class _Room:
    """What is left of the tags that may be looked at."""

    most: int
    listed: int = 0

    async def fill(
        self,
        repository: Repository,
        ask: Callable[[Repository], Awaitable[Listing[Tag] | Absent]],
    ) -> Listing[Tag] | Absent:
        """Return a repository's tags, as many as there is room for. Raises `Unseen`."""
        words = f"the registry has more than {self.most:,} tags: raise tags.total, or use shards"
        if self.listed >= self.most:
            raise Unseen(repository, Reason.TOO_LARGE, words)
        found = await ask(repository)
        if isinstance(found, Absent):
            return found
        taken = found.entries[: self.most - self.listed]
        self.listed += len(taken)
        if len(taken) == len(found.entries):
            return found
        gap = Gap(Scope.REPOSITORY, repository, Reason.TOO_LARGE, words)
        return Listing(taken, (*found.gaps, gap))


def entries(listings: Listings, before: Snapshot | None) -> dict[Repository, tuple[Tag, ...]]:
    """Return the tags alone; of a list with gaps also the tags that were looked at before."""
    found = {repository: dict.fromkeys(each.entries) for repository, each in listings.items()}
    for root in before.roots if before else ():
        if root.tag and root.repository in listings and not listings[root.repository].complete:
            found[root.repository].setdefault(root.tag)
    return {repository: tuple(tags) for repository, tags in found.items()}


def shown(listings: Listings) -> set[tuple[Repository, Tag]]:
    """Return every tag that some list shows."""
    return {(repository, tag) for repository, each in listings.items() for tag in each.entries}


def gaps(listings: Listings) -> tuple[Gap, ...]:
    """Return what the lists could not show."""
    return tuple(gap for listing in listings.values() for gap in listing.gaps)


def counts(listings: Listings) -> dict[Repository, int]:
    """Return how many tags each repository has, where its list is whole."""
    return {repository: len(each.entries) for repository, each in listings.items() if each.complete}
