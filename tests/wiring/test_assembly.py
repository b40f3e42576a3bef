"""Do an audit and a scrub together ask a registry no harder than they may, as one shard of it?"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from exporter.config.registry import RegistrySettings, ScrubSettings
from exporter.config.settings import Settings
from exporter.facts.shard import Shard
from exporter.sources.registry.distribution import Distribution
from exporter.wiring.assembly import assembled
from tests.sources.registry.speaking import head, speaking


async def test_an_audit_and_a_scrub_of_a_shard_keep_to_its_part_of_one_rate() -> None:
    async with speaking(head(Content_Length=0)) as server:
        registry = RegistrySettings(
            url=server.url, plain_http=True, requests_per_second=400.0, scrub=ScrubSettings()
        )
        async with assembled(Settings(registries=(registry,)), {}, Shard(1, 2)) as assembly:
            (watched,) = assembly.watched
            assert watched.target.scrub is not None
            lines = watched.target.registry, watched.target.scrub.source
            loop = asyncio.get_running_loop()
            began = loop.time()

            await asyncio.gather(*(_ping(line) for line in lines for _ in range(10)))

            assert loop.time() - began >= 0.08
            assert watched.tally.requests == {("base", "2xx"): 20}


async def test_a_shard_is_told_its_part_of_what_is_configured() -> None:
    scrub = ScrubSettings(bytes_per_day=1_000, bytes_per_second=100)
    registry = RegistrySettings(url="https://r.example.com", concurrency=12, scrub=scrub)

    async with assembled(Settings(registries=(registry,)), {}, Shard(3, 4)) as assembly:
        target = assembly.watched[0].target

        assert target.scrub is not None
        terms = target.scrub.terms
        assert (target.limits.width, terms.bytes_per_second) == (3, 25)
        assert terms.budget(10**9) == 250


@pytest.mark.parametrize(
    ("interval", "own", "hours"), [(15, None, 1), (30, None, 1.5), (15, 240, 12), (15, 1, 1)]
)
async def test_results_outlive_three_audits_however_short_their_time_is(
    interval: int, own: int | None, hours: float
) -> None:
    registry = RegistrySettings(
        url="https://r.example.com", interval=own and timedelta(minutes=own)
    )
    settings = Settings(
        registries=(registry,),
        interval=timedelta(minutes=interval),
        max_staleness=timedelta(hours=1),
    )

    async with assembled(settings, {}, Shard(0, 1)) as assembly:
        assert assembly.watched[0].max_staleness == hours * 3600


async def _ping(registry: object) -> None:
    assert isinstance(registry, Distribution)
    await registry.ping()
