"""Did a tag move, or go, while it was being looked at? Then nothing was lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.gap import Reason
from exporter.facts.proof import State, unknown
from exporter.resolve.listing import listings
from exporter.resolve.tags import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.facts.snapshot import Root
    from exporter.oci.reference import Tag
    from exporter.resolve.tags import Answer
    from exporter.resolve.target import Target
    from exporter.sources import Listing


async def steady(
    target: Target, doubtful: Sequence[Root], used: frozenset[Root]
) -> dict[Root, Root | None]:
    """Resolve tags once more, and say what each has become: None where it was deleted.

    `used` are the roots that somebody names: those stay, since a deleted tag cannot be pulled.
    """
    tagged = {root: (root.repository, root.tag) for root in doubtful if root.tag}
    answers = await resolve(target.registry, tagged.values(), target.method)
    vanished = {root.repository for root, at in tagged.items() if not answers[at][0]}
    lists = await listings(target, vanished)
    return {
        root: _settled(root, answers[at], None if root in used else lists.get(root.repository))
        for root, at in tagged.items()
    }


def _settled(root: Root, answer: Answer, listing: Listing[Tag] | None) -> Root | None:
    digest, sighting = answer
    if sighting.state is State.UNKNOWN or digest == root.digest is not None:
        return root
    if sighting.state is State.PRESENT:
        moved = unknown(Reason.UNCONFIRMED, "the tag moved while it was looked at")
        return replace(root, digest=None, sighting=moved)
    if listing is not None and listing.complete and root.tag not in listing.entries:
        return None
    return replace(root, digest=digest, sighting=sighting)
