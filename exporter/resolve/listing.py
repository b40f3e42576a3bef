"""Lists of repositories and tags, and what they may have left out."""

from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role, Snapshot
from exporter.facts.use import Use
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Listing, Unseen
from exporter.resolve.concurrency import abreast, pause
from exporter.resolve.target import Target

Listings = dict[Repository, Listing[Tag]]
_DISTRIBUTION: Final = frozenset({Collector.DISTRIBUTION_2, Collector.DISTRIBUTION_3})
"""These list a repository without tags in the catalogue, and deny its tag list."""


def repositories(
    target: Target, uses: Iterable[Use], before: Snapshot | None, listed: Listing[Repository]
) -> Listing[Repository]:
    """Return every repository in scope: configured, named by a use, or in the catalogue.

    `listed` is what the catalogue lists. Where it may have left some out, also those that were
    looked at before. Of all of these only the ones of this shard.
    """
    scope = target.scope
    known = () if listed.complete or before is None else before.roots
    found = [*scope.listed, *(use.reference.repository for use in uses)]
    found += filter(scope.admits, (*listed.entries, *(root.repository for root in known)))
    return Listing(tuple(filter(scope.shard.holds, dict.fromkeys(found))), listed.gaps)


async def catalogue(target: Target) -> Listing[Repository]:
    """Return the registry's catalogue, if it is in scope."""
    if not target.scope.catalogue or target.role is Role.PROXY:
        return Listing(())
    try:
        return await target.registry.repositories()
    except Unseen as unseen:
        return Listing((), (unseen.gap(Scope.REGISTRY, "_catalog"),))


async def listings(
    target: Target, of: Iterable[Repository], catalogued: Container[Repository] = ()
) -> Listings:
    """Return the tags of each repository; one that cannot be listed has none, and a gap.

    One that the registry denies is asked for again after a pause, before it counts as empty; one
    of those that its catalogue lists is no empty one, unless distribution says so. Once
    as many tags were listed as may be looked at, the other repositories have a gap each.
    """
    room = _Room(target.limits.tags)

    async def tags(repository: Repository) -> Listing[Tag] | Absent:
        try:
            return await room.fill(repository, target.registry.tags)
        except Unseen as unseen:
            return Listing((), (unseen.gap(Scope.REPOSITORY, repository),))

    found = dict(await abreast(target.limits.width, tags, of))
    denied = [repository for repository, each in found.items() if isinstance(each, Absent)]
    await pause(target.limits.confirm_after, denied)
    found |= await abreast(target.limits.width, tags, denied)

    async def empty(repository: Repository) -> Listing[Tag]:
        contradicted = repository in catalogued and await _contradicts(target, repository)
        return Listing((), _contradiction(repository) if contradicted else (), denied=True)

    lists = {at: each for at, each in found.items() if not isinstance(each, Absent)}
    unlisted = dict(await abreast(target.limits.width, empty, found.keys() - lists.keys()))
    return {repository: lists.get(repository) or unlisted[repository] for repository in found}


async def _contradicts(target: Target, repository: Repository) -> bool:
    """Is a repository that the catalogue lists, and whose tag list is denied, more than empty?

    zot denies so what it cannot read; distribution, the tags of a repository that has none.
    """
    if target.collector in _DISTRIBUTION:
        return False
    try:
        return (await target.registry.kind(repository)).collector not in _DISTRIBUTION
    except Unseen:
        return True


def _contradiction(repository: Repository) -> tuple[Gap, ...]:
    words = "the catalogue lists it, but its tag list is denied"
    return (Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, words),)


@dataclass(slots=True)
class _Room:
    """The number of tags that may still be read."""

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
    """Return the tags alone; of a list with gaps also the tags that were audited before."""
    found = {repository: dict.fromkeys(each.entries) for repository, each in listings.items()}
    for root in before.roots if before else ():
        if root.tag and root.repository in listings and not listings[root.repository].complete:
            found[root.repository].setdefault(root.tag)
    return {repository: tuple(tags) for repository, tags in found.items()}


def shown(listings: Listings) -> dict[Repository, frozenset[Tag]]:
    """Return the tags of each list."""
    return {repository: frozenset(each.entries) for repository, each in listings.items()}


def gaps(listings: Listings) -> tuple[Gap, ...]:
    """Return the gaps of the lists."""
    return tuple(gap for listing in listings.values() for gap in listing.gaps)


def counts(listings: Listings) -> dict[Repository, int]:
    """Return the number of tags of each repository with a complete list."""
    return {repository: len(each.entries) for repository, each in listings.items() if each.complete}


def delisted(
    target: Target, catalogue: Listing[Repository], listings: Listings, before: Snapshot | None
) -> tuple[tuple[Repository, Tag], ...]:
    """Return the tags that were audited before and that complete lists do not show any more."""
    known = ((root.repository, root.tag) for root in (before.roots if before else ()))
    tags = ((repository, tag) for repository, tag in known if tag is not None)
    listed = shown(listings)
    catalogued = target.scope.catalogue and catalogue.complete
    scope = target.scope

    def complete(repository: Repository) -> bool:
        if (found := listings.get(repository)) is not None:
            return found.complete
        in_scope = scope.admits(repository) and scope.shard.holds(repository)
        return catalogued and in_scope and target.asks(repository)

    return tuple(at for at in tags if at[1] not in listed.get(at[0], ()) and complete(at[0]))
