"""To which digests do tags resolve, and which tags point where?"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HEADER, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag
from exporter.ports import Content, Unseen
from exporter.resolve.carry import older
from exporter.resolve.confirm import Suspect, suspicion
from exporter.resolve.listing import Listings, shown
from exporter.resolve.method import Method, abreast, pause
from exporter.resolve.scope import Wanted

Address = tuple[Repository, Tag]
Answer = tuple[Digest | None, Sighting]


async def resolve(
    content: Content, tags: Iterable[Address], method: Method
) -> dict[Address, Answer]:
    """Ask once to what each tag resolves, and once more, after a pause, where it seems gone."""

    async def look(address: Address) -> Digest | Suspect | Sighting:
        try:
            answer = await content.head(*address)
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        return answer if isinstance(answer, Digest) else suspicion(answer)

    first = dict(await abreast(method.width, look, tags))
    suspects = [address for address, seen in first.items() if isinstance(seen, Suspect)]
    await pause(method, suspects)
    second = dict(await abreast(method.width, look, suspects))
    return await asyncio.to_thread(_answers, {**first, **second})


async def verify(
    content: Content, claims: Mapping[Address, Digest], method: Method
) -> dict[Address, Digest | Sighting | None]:
    """Return what tags resolve to by their bytes, where a header alone claims a digest.

    None where the registry denies the tag, or stores other bytes than that digest names.
    """

    async def look(address: Address) -> Digest | Sighting | None:
        try:
            found = await content.verify_tag(*address, claims[address])
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        return found if isinstance(found, Digest) else None

    return dict(await abreast(method.width, look, claims))


def _answers(seen: Mapping[Address, Digest | Suspect | Sighting]) -> dict[Address, Answer]:
    return {address: _answer(each) for address, each in seen.items()}


def _answer(seen: Digest | Suspect | Sighting) -> Answer:
    if isinstance(seen, Digest):
        return seen, HEADER
    if isinstance(seen, Sighting):
        return None, seen
    return seen.digest, gone(seen.state, seen.detail)


def addresses(wanted: Iterable[Wanted]) -> list[Address]:
    """Return the tags among the images that are wanted; a pinned digest needs no resolving."""
    return [(each.repository, each.name) for each in wanted if not isinstance(each.name, Digest)]


def roots(
    wanted: Iterable[Wanted],
    answers: Mapping[Address, Answer],
    listings: Listings,
    before: Snapshot | None,
) -> tuple[Root, ...]:
    """Return where the walk starts.

    A tag that cannot be resolved now starts where it led last time: what is lost there stays lost,
    and nothing there can make the tag count as healthy. A tag that nobody names, that no list
    shows and that is not there was deleted: it is none.
    """
    known = {(root.repository, root.tag): root for root in (before.roots if before else ())}
    listed = shown(listings)
    made = (
        _pinned(each, each.name)
        if isinstance(each.name, Digest)
        else _tagged(each, _answered(each, answers, listed), before, known)
        for each in wanted
    )
    return tuple(root for root in made if root is not None)


def _answered(
    wanted: Wanted, answers: Mapping[Address, Answer], listed: Container[Address]
) -> Answer | None:
    """To what a tag resolved; None where nothing shows that there is such a tag."""
    address = (wanted.repository, Tag(wanted.name))
    digest, sighting = answers[address]
    known = wanted.used or digest or address in listed
    return (digest, sighting) if known or sighting.state is State.UNKNOWN else None


def _pinned(wanted: Wanted, digest: Digest) -> Root:
    place = (wanted.repository, None, digest)
    return Root(*place, HEADER, wanted.reference_class, *_nodes(wanted))


def _tagged(
    wanted: Wanted,
    answer: Answer | None,
    before: Snapshot | None,
    known: Mapping[tuple[Repository, Tag | None], Root],
) -> Root | None:
    tag = Tag(wanted.name)
    last = known.get((wanted.repository, tag))
    if answer is None and (last is None or last.sighting.state not in GONE):
        return None
    digest, sighting = answer or (None, unknown(Reason.UNCONFIRMED, "neither listed nor found"))
    if before and last and sighting.state is State.UNKNOWN:
        digest = last.digest
        sighting = older(sighting, last.sighting, before.taken_at)
    place = (wanted.repository, tag, digest)
    return Root(*place, sighting, wanted.reference_class, *_nodes(wanted))


def _nodes(wanted: Wanted) -> tuple[frozenset[Platform], frozenset[Platform]]:
    return wanted.nodes.platforms, wanted.nodes.admitted


def seal(
    repository: Repository, tags: Sequence[Tag], answers: Mapping[Address, Answer]
) -> Sealed | None:
    """Return the seal of a repository, or None where one of its tags could not be resolved.

    A tag that points nowhere protects nothing, and hides nothing either.
    """
    pointing: dict[Digest, list[Tag]] = {}
    for tag in tags:
        digest, sighting = answers.get((repository, tag), (None, None))
        if sighting is None or sighting.state is State.UNKNOWN:
            return None
        if digest is not None:
            pointing.setdefault(digest, []).append(tag)
    return Sealed({digest: tuple(tags) for digest, tags in pointing.items()})
