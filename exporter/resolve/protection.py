"""Which repositories can be sealed, so that "no tag points here" may be said of them?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from exporter.facts.snapshot import Root, Sealed
from exporter.oci.reference import Place, Repository, Tag
from exporter.resolve.listing import Listings, shown
from exporter.resolve.tags import Address, Answer, resolve, seal

if TYPE_CHECKING:
    from exporter.resolve.target import Target


async def seals(
    target: Target,
    listings: Listings,
    answers: dict[Address, Answer],
    children: Iterable[Place],
    roots: Iterable[Root],
) -> dict[Repository, Sealed]:
    """Return a seal for each repository in which some child might be unprotected.

    Where tags that are in scope anyway protect every child, nothing more is asked, and there is a
    seal only if every tag is in scope. Elsewhere the remaining tags are resolved too, one HEAD
    each, since any of them may be the protector.
    """
    if not target.method.seals:
        return {}
    open_to = await asyncio.to_thread(_open_to, listings, answers, children, roots)
    rest = [(repository, tag) for repository, tags in open_to.items() for tag in tags]
    answers |= await resolve(
        target.registry, [each for each in rest if each not in answers], target.method
    )
    return await asyncio.to_thread(_sealed, open_to, answers)


def _open_to(
    listings: Listings,
    answers: dict[Address, Answer],
    children: Iterable[Place],
    roots: Iterable[Root],
) -> dict[Repository, tuple[Tag, ...]]:
    """Return the repositories that can be sealed, with their tags."""
    doubtful = _doubtful(answers, children, roots)
    hiding = _hiding(answers, listings)
    return {
        repository: listing.entries
        for repository, listing in listings.items()
        if listing.complete
        and repository not in hiding
        and (repository in doubtful or all((repository, tag) in answers for tag in listing.entries))
    }


def _sealed(
    open_to: Mapping[Repository, tuple[Tag, ...]], answers: Mapping[Address, Answer]
) -> dict[Repository, Sealed]:
    sealed = {repository: seal(repository, tags, answers) for repository, tags in open_to.items()}
    return {repository: each for repository, each in sealed.items() if each is not None}


def _hiding(answers: Mapping[Address, Answer], listings: Listings) -> set[Repository]:
    """Repositories with a tag that resolves and that their list does not show: it is not whole.

    distribution 3.1 on S3 hides tags of which another is a prefix (distribution#4891).
    """
    listed = shown(listings)
    return {at[0] for at, (digest, _) in answers.items() if digest and at not in listed}


def _doubtful(
    answers: dict[Address, Answer], children: Iterable[Place], roots: Iterable[Root]
) -> set[Repository]:
    """Repositories with a child, or a pinned digest, at which no tag in scope points."""
    pointed = {(repository, digest) for (repository, _), (digest, _) in answers.items()}
    pinned = ((root.repository, root.digest) for root in roots if root.tag is None and root.digest)
    return {place[0] for place in (*children, *pinned) if place not in pointed}
