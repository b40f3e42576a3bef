"""Confirmed losses: a second request after a pause, with a read of the parent manifest.

One failed read is never an absence. Something counts as gone only if two requests agree, and the
manifest above it could be read in between: then neither a passing fault nor a connection that cuts
every body short can be the reason.

A confirmed loss is carried under its own age while it cannot be read; health never is.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Sighting, State, corrupt, gone, unknown
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
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


def carry(now: Snapshot, before: Snapshot | None) -> Snapshot:
    """Return a snapshot with the former confirmed losses of what cannot be read now.

    Nothing below an unreadable manifest was requested. Its content never changes, so what it
    references is known: all of that is as unknown as the manifest, unless it was lost before.
    """
    waiting = list(now.sightings.having(_is_blind))
    if not waiting:
        return now
    last = before or Snapshot(now.registry, now.taken_at)
    read = {**last.manifests, **now.manifests}
    unseen: dict[Place, Sighting] = {}
    manifests: dict[Digest, Manifest] = {}
    while waiting:
        place, seen = waiting.pop()
        unseen[place] = older(seen, last.sightings.get(place), last.taken_at)
        manifest = read.get(place[1])
        if manifest is None or unseen[place].state in GONE:
            continue
        manifests[place[1]] = manifest
        hidden = replace(seen, detail="parent manifest could not be read")
        below = ((place[0], link.target.digest) for link in manifest.held)
        waiting += ((at, hidden) for at in below if at not in now.sightings and at not in unseen)
    configs = {each.config.digest for each in manifests.values() if each.config}
    stated = {at: each for at, each in last.config_platforms.items() if at in configs}
    return replace(
        now,
        sightings=now.sightings.amended(unseen),
        manifests={**now.manifests, **manifests},
        config_platforms={**stated, **now.config_platforms},
    )


def older(now: Sighting, before: Sighting | None, taken_at: float) -> Sighting:
    """Return the earlier sighting if it was a confirmed loss and the new one is unknown.

    `taken_at` is when the earlier one was made, in seconds since the epoch.
    """
    if not _is_blind(now) or before is None or before.state not in GONE:
        return now
    return replace(before, seen_at=before.seen_at or taken_at)


def _is_blind(seen: Sighting) -> bool:
    return seen.state is State.UNKNOWN and seen.reason is not Reason.BY_DESIGN
