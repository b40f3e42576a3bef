"""Which repositories and tags are there to look at, and what may the lists have left out?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.gap import Gap, Scope
from exporter.resolve.method import abreast
from exporter.sources import Absent, Listing, Unseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.facts.use import Use
    from exporter.oci.reference import Repository, Tag
    from exporter.resolve.target import Target

Listings = dict["Repository", Listing["Tag"]]


async def repositories(target: Target, uses: Iterable[Use]) -> Listing[Repository]:
    """Return every repository in scope: configured, named by a use, or in the catalogue."""
    named = (*target.scope.listed, *(use.reference.repository for use in uses))
    if not target.scope.catalogue:
        return Listing(tuple(dict.fromkeys(named)))
    try:
        catalogue = await target.registry.repositories()
    except Unseen as unseen:
        gap = Gap(Scope.REGISTRY, "_catalog", unseen.reason, unseen.detail)
        return Listing(tuple(dict.fromkeys(named)), (gap,))
    admitted = filter(target.scope.admits, catalogue.entries)
    return Listing(tuple(dict.fromkeys((*named, *admitted))), catalogue.gaps)


async def listings(target: Target, of: Iterable[Repository]) -> Listings:
    """Return the tags of each repository; one that cannot be listed has none, and a gap."""

    async def tags(repository: Repository) -> Listing[Tag]:
        try:
            listing = await target.registry.tags(repository)
        except Unseen as unseen:
            gap = Gap(Scope.REPOSITORY, repository, unseen.reason, unseen.detail)
            return Listing((), (gap,))
        return Listing(()) if isinstance(listing, Absent) else listing

    return dict(await abreast(target.method.width, tags, of))


def entries(listings: Mapping[Repository, Listing[Tag]]) -> dict[Repository, tuple[Tag, ...]]:
    """Return the tags alone."""
    return {repository: listing.entries for repository, listing in listings.items()}


def gaps(listings: Mapping[Repository, Listing[Tag]]) -> tuple[Gap, ...]:
    """Return what the lists could not show."""
    return tuple(gap for listing in listings.values() for gap in listing.gaps)
