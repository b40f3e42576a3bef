"""Confirmation of losses: a second request after a pause, with a read of the parent manifest.

One failed read is never an absence. Something counts as gone only where two looks agree, and where
the manifest above it stood in between: then neither a passing fault nor a
connection that cuts every body short can be the reason.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from exporter.facts.gap import Reason
from exporter.facts.proof import Sighting, State, corrupt, gone, unknown
from exporter.oci.digest import Digest
from exporter.oci.reference import Place
from exporter.ports import Absent, Content, Unseen, Wrong
from exporter.resolve.concurrency import abreast, pause
from exporter.resolve.target import AuditLimits


@dataclass(frozen=True, slots=True)
class Suspect:
    """An apparent loss, after one request."""

    state: State
    """`missing` or `broken`: its state if a second request agrees."""
    detail: str
    digest: Digest | None = None
    """The digest that a dangling tag references, if the registry names it."""
    mismatch: bool = False
    """Did every byte come, and hash to another digest?"""


Look = Sighting | Suspect


def suspicion(answer: Absent | Wrong) -> Suspect:
    """Return the apparent loss that a denial or wrong bytes show."""
    if isinstance(answer, Absent):
        return Suspect(State.MISSING, answer.code, answer.revision)
    return Suspect(State.BROKEN, answer.detail, mismatch=answer.mismatch)


def settle(first: Suspect, second: Look, *, neighbour: bool) -> Sighting:
    """Decide by two requests, and by whether the parent manifest between them was intact."""
    if isinstance(second, Sighting):
        return second
    if not neighbour:
        return unknown(Reason.UNCONFIRMED, f"{first.detail}, but its index cannot be read either")
    # What is stored is the same in both looks: other bytes each time, or another number of them,
    # are the way's fault, or ours.
    differs = second.state is State.BROKEN and second.detail != first.detail
    if second.state is not first.state or differs:
        return unknown(Reason.UNCONFIRMED, f"first {first.detail}, then {second.detail}")
    return corrupt(second.detail) if second.mismatch else gone(second.state, second.detail)


async def confirm(
    suspects: Mapping[Place, Suspect],
    again: Callable[[Place], Awaitable[Look]],
    neighbours: Mapping[Place, Place],
    content: Content,
    limits: AuditLimits,
) -> dict[Place, Sighting]:
    """Request every apparent loss again, after one pause for all, and return the state of each.

    `neighbours` names the parent manifest of a place; a root has none, and stands for itself.
    """
    await pause(limits.confirm_after, suspects)
    above = {neighbours[place] for place in suspects if place in neighbours}
    good = dict(await abreast(limits.width, lambda place: stands(content, place), above))
    looks = await abreast(limits.width, again, suspects)
    return {
        place: settle(suspects[place], look, neighbour=good.get(neighbours.get(place, place), True))
        for place, look in looks
    }


def recovered(
    suspects: Mapping[Place, Suspect], settled: Mapping[Place, Sighting]
) -> dict[Place, str]:
    """Return what the first request denied and the second found, with the first answer."""
    return {
        place: suspects[place].detail
        for place, seen in settled.items()
        if seen.state is State.PRESENT and suspects[place].state is State.MISSING
    }


async def stands(content: Content, place: Place) -> bool:
    """Can the manifest be read at this moment?"""
    try:
        return await content.stands(*place)
    except Unseen:
        return False
