"""Repositories with a complete list of tags, so that "no tag references this" may be claimed."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

from exporter.facts.proof import State
from exporter.facts.registry_kind import UNKNOWN_KIND
from exporter.facts.snapshot import Root, Sealed
from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository, Tag
from exporter.ports import Unseen
from exporter.resolve.listing import Listings, shown
from exporter.resolve.tags import Answer, TagName, resolve
from exporter.resolve.target import Target

_TWO: Final = 2
"""Tags: one of them may be moved."""


async def seals(
    target: Target,
    listings: Listings,
    answers: dict[TagName, Answer],
    children: Iterable[Place],
    roots: Iterable[Root],
) -> dict[Repository, Sealed]:
    """Return a seal for each repository with a child that may have no tag of its own.

    Where tags that are in scope anyway name every child, nothing more is asked, and there is a
    seal only if every tag is in scope. Elsewhere the remaining tags are resolved too, one HEAD
    each, since any of them may name it. Where a manifest goes with its last tag, one tag is not
    enough.
    """
    if not target.limits.seals:
        return {}
    kind = UNKNOWN_KIND
    with suppress(Unseen):
        kind = await target.registry.kind(None)
    enough = _TWO if kind.belongs_to_tag else 1
    open_to = await asyncio.to_thread(_open_to, listings, answers, children, roots, enough)
    tags = ((repository, tag) for repository, listed in open_to.items() for tag in listed)
    rest = [each for each in tags if each not in answers]
    answers |= await resolve(target.registry, rest, target.limits, target.progress)

    def sealed() -> dict[Repository, Sealed]:
        found = {at: seal(at, listed, answers) for at, listed in open_to.items()}
        return {at: each for at, each in found.items() if each is not None}

    return await asyncio.to_thread(sealed)


def _open_to(
    listings: Listings,
    answers: dict[TagName, Answer],
    children: Iterable[Place],
    roots: Iterable[Root],
    enough: int,
) -> dict[Repository, tuple[Tag, ...]]:
    """Return the repositories that can be sealed, with their tags."""
    doubtful = _doubtful(answers, children, roots, enough)
    hiding = _hiding(answers, listings)
    return {
        repository: listing.entries
        for repository, listing in listings.items()
        if listing.complete
        and repository not in hiding
        and (repository in doubtful or all((repository, tag) in answers for tag in listing.entries))
    }


def seal(
    repository: Repository, tags: Sequence[Tag], answers: Mapping[TagName, Answer]
) -> Sealed | None:
    """Return the seal of a repository, or None if one of its tags could not be resolved."""
    pointing: dict[Digest, list[Tag]] = {}
    for tag in tags:
        digest, sighting = answers.get((repository, tag), (None, None))
        if sighting is None or sighting.state is State.UNKNOWN:
            return None
        if digest is not None:
            pointing.setdefault(digest, []).append(tag)
    return Sealed({digest: tuple(tags) for digest, tags in pointing.items()})


def _hiding(answers: Mapping[TagName, Answer], listings: Listings) -> set[Repository]:
    """Return the repositories with a tag that their list does not show: it is incomplete.

    distribution 3.1 on S3 hides tags that begin with another tag's name (distribution#4891).
    """
    listed = shown(listings)
    named = (at for at, (digest, _) in answers.items() if digest)
    return {repository for repository, tag in named if tag not in listed.get(repository, ())}


def _doubtful(
    answers: dict[TagName, Answer], children: Iterable[Place], roots: Iterable[Root], enough: int
) -> set[Repository]:
    """Return the repositories with a child or pinned digest that few tags in scope name."""
    pointed = Counter((repository, digest) for (repository, _), (digest, _) in answers.items())
    pinned = ((root.repository, root.digest) for root in roots if root.tag is None and root.digest)
    return {place[0] for place in chain(children, pinned) if pointed[place] < enough}
