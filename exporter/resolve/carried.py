"""Confirmed losses, carried under their own age while they cannot be seen; health never is."""

from dataclasses import replace

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Sighting, State
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Place


def carry(now: Snapshot, before: Snapshot | None) -> Snapshot:
    """Return the sightings of now, and former confirmed losses of what cannot be read now.

    Below a manifest that cannot be seen nothing was looked at. What it says never changes: all of
    that is as unknown as itself, where it was not lost before.
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
