"""Do an audit and a scrub together ask a registry no harder than one may, and shards as well?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from exporter.config.registry import RegistrySettings
from exporter.config.scrub import ScrubSettings
from exporter.config.settings import Settings
from exporter.sources.registry.distribution import Distribution
from exporter.wiring.assembly import assembled
from tests.sources.registry.speaking import head, speaking

if TYPE_CHECKING:
    from exporter.resolve.target import Target


async def test_an_audit_and_a_scrub_keep_to_one_rate_together() -> None:
    async with speaking(head(Content_Length=0)) as server:
        registry = RegistrySettings(
            url=server.url, plain_http=True, requests_per_second=200.0, scrub=ScrubSettings()
        )
        async with assembled(Settings(registries=(registry,)), {}) as assembly:
            (watched,) = assembly.watched
            lines = _lines(watched.target)
            loop = asyncio.get_running_loop()
            began = loop.time()

            await asyncio.gather(*(line.ping() for line in lines for _ in range(10)))

            assert loop.time() - began >= 0.08
            assert watched.tally.requests == {("base", "2xx"): 20}


def _lines(target: Target) -> tuple[Distribution, Distribution]:
    """The way by which it is audited, and the one by which it is read whole."""
    assert target.scrub is not None
    audited, scrubbed = target.registry, target.scrub.source
    assert isinstance(audited, Distribution)
    assert isinstance(scrubbed, Distribution)
    return audited, scrubbed
