"""Resolution of tags to digests, at the start of an audit and once more at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HEADER, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root, Snapshot
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag
from exporter.ports import Content, Listing, Unseen
from exporter.resolve.carried import older
from exporter.resolve.concurrency import abreast, pause
from exporter.resolve.confirm import Suspect, suspicion
from exporter.resolve.listing import Listings, listings, shown
from exporter.resolve.scope import Wanted
from exporter.resolve.target import Method

if TYPE_CHECKING:
    from exporter.resolve.target import Target

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
    await pause(method.confirm_after, suspects)
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


async def steady(
    target: Target,
    doubtful: Sequence[Root],
    used: frozenset[Root],
    claimed: Container[tuple[Repository, str]],
) -> dict[Root, Root | None]:
    """Resolve tags once more, and say what each has become: None where it was deleted.

    `used` are the roots that somebody names: those stay, since a deleted tag cannot be pulled.
    `claimed` are the repositories and names of which a loss was told before: only that one is
    told on where the tag cannot be resolved, since it may lead elsewhere by now.
    """
    tagged = {root: (root.repository, root.tag) for root in doubtful if root.tag}
    answers = await _resolved(target, tagged.values())
    vanished = await asyncio.to_thread(_vanished, tagged, answers, used)
    lists = await listings(target, {root.repository for root in vanished})
    return await asyncio.to_thread(_settled, tagged, answers, vanished, lists, claimed)


def _vanished(
    tagged: Mapping[Root, Address], answers: Mapping[Address, Answer], used: frozenset[Root]
) -> set[Root]:
    """The roots that lead nowhere, and that nobody names."""
    return {root for root, at in tagged.items() if _leads_nowhere(answers[at]) and root not in used}


def _settled(
    tagged: Mapping[Root, Address],
    answers: Mapping[Address, Answer],
    vanished: Container[Root],
    lists: Listings,
    claimed: Container[tuple[Repository, str]],
) -> dict[Root, Root | None]:
    listed = shown(lists)
    settled: dict[Root, Root | None] = {}
    for root, at in tagged.items():
        digest, sighting = answers[at]
        if sighting.state is State.UNKNOWN:
            told = (root.repository, root.name) in claimed
            settled[root] = root if told else replace(root, digest=None, sighting=sighting)
        elif sighting.state is State.PRESENT:
            settled[root] = _standing(root, digest, sighting)
        elif root in vanished and at not in listed:
            settled[root] = _deleted(root, lists[root.repository])
        else:
            settled[root] = replace(root, digest=digest, sighting=sighting)
    return settled


def _leads_nowhere(answer: Answer) -> bool:
    digest, sighting = answer
    return digest is None and sighting.state in GONE


async def _resolved(target: Target, tagged: Iterable[Address]) -> dict[Address, Answer]:
    """Resolve tags by their bytes: where only a header leads, nothing below it is theirs."""
    answers = await resolve(target.registry, tagged, target.method)
    claims = await asyncio.to_thread(_claims, answers)
    for at, found in (await verify(target.registry, claims, target.method)).items():
        if isinstance(found, Digest):
            answers[at] = found, HEADER
        elif found is not None:
            answers[at] = None, found
    return answers


def _claims(answers: Mapping[Address, Answer]) -> dict[Address, Digest]:
    return {at: digest for at, (digest, seen) in answers.items() if digest and seen == HEADER}


def _standing(root: Root, digest: Digest | None, sighting: Sighting) -> Root:
    if digest == root.digest:
        return replace(root, sighting=sighting)
    moved = unknown(Reason.UNCONFIRMED, "the tag moved during the audit")
    return replace(root, digest=None, sighting=moved)


def _deleted(root: Root, listing: Listing[Tag]) -> Root | None:
    """A tag that is not there and that no list shows was deleted.

    One that was lost before, and that a list with gaps may have left out, is not found by that.
    """
    return root if not listing.complete and root.sighting.state in GONE else None
