"""Did a tag move, or go, while it was being looked at? Then nothing was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HEADER, Sighting, State, unknown
from exporter.facts.snapshot import Root
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing
from exporter.resolve.listing import Listings, listings, shown
from exporter.resolve.tags import Address, Answer, resolve, verify

if TYPE_CHECKING:
    from exporter.resolve.target import Target


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
