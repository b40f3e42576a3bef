"""Whether the exports cover a whole registry: absence needs all of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from exporter.facts.exports import NoCapacity, Release, ReleaseName

Named = TypeVar("Named", ReleaseName, Release)

_SKEW: Final = 600.0
"""Seconds by which the clocks of two machines may differ."""
_MOST: Final = 5
"""Gaps of one shard that are named."""


def newest(releases: Iterable[Named]) -> dict[str, dict[int, Named]]:
    """Return the last release of each shard, by registry: of the number of shards in force.

    That is the number under which anything was written last: audits' names sort by time.
    """
    plans: dict[str, int] = {}
    found: dict[tuple[str, int], dict[int, Named]] = {}
    for release in sorted(releases, key=lambda each: each.audit):
        plans[release.registry] = release.shards
        found.setdefault((release.registry, release.shards), {})[release.shard] = release
    return {registry: found[registry, shards] for registry, shards in plans.items()}


def doubts(
    registry: str,
    shards: Mapping[int, Release],
    sizes: Mapping[str, int],
    times: tuple[float, float],
) -> NoCapacity | None:
    """Return why a registry's capacity is unknown; None if its exports are complete.

    `sizes` are the files that are there, with their bytes. What was taken before the first of the
    times, in seconds since the epoch, is too old; the second is now.
    """
    count = next(iter(shards.values())).shards
    reasons = [
        reason
        for index in range(count)
        for reason in _of_shard(f"shard {index} of {count}", shards.get(index), sizes, times)
    ]
    return NoCapacity(registry, tuple(reasons)) if reasons else None


def _of_shard(
    name: str, release: Release | None, sizes: Mapping[str, int], times: tuple[float, float]
) -> Iterator[str]:
    if release is None:
        yield f"{name} has no export"
        return
    oldest, now = times
    if release.taken_at > now + _SKEW:
        ahead = release.taken_at - now
        yield f"the export of {name} is {ahead:.0f} seconds in the future: check the clocks"
    if release.taken_at < oldest:
        yield f"the export of {name} is too old by {oldest - release.taken_at:.0f} seconds"
    gone = [file.path for file in release.files if sizes.get(file.path) != file.size]
    if gone:
        yield f"{gone[0]} of {name} is missing or was changed"
    yield from _named(name, release.gaps)


def _named(name: str, gaps: Sequence[str]) -> Iterator[str]:
    yield from (f"{name} has a gap: {gap}" for gap in gaps[:_MOST])
    if len(gaps) > _MOST:
        yield f"and {len(gaps) - _MOST} more gaps of {name}"
