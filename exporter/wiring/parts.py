"""How hard may one shard ask a registry, where all of its shards together are given a limit?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.shard import Shard

if TYPE_CHECKING:
    from exporter.config.registry import RegistrySettings
    from exporter.config.scrub import ScrubSettings


def parted(registry: RegistrySettings, shard: Shard) -> RegistrySettings:
    """Return a registry's settings with a shard's part of every limit that is the registry's."""
    rate, scrub = registry.requests_per_second, registry.scrub
    update = {
        "concurrency": shard.part(registry.concurrency),
        "requests_per_second": None if rate is None else rate / shard.count,
        "scrub": None if scrub is None else _parted(scrub, shard),
    }
    return registry.model_copy(update=update)


def _parted(scrub: ScrubSettings, shard: Shard) -> ScrubSettings:
    """What is not limited is no part either: without a budget, a shard takes what it needs."""
    limits = {
        "bytes_per_day": scrub.bytes_per_day,
        "bytes_per_second": scrub.bytes_per_second,
    }
    return scrub.model_copy(
        update={key: shard.part(most) for key, most in limits.items() if most is not None}
    )
