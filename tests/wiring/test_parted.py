"""Do all shards together ask a registry no harder than is written?"""

from __future__ import annotations

from exporter.config.registry import RegistrySettings, ScrubSettings
from exporter.facts.shard import WHOLE, Shard
from exporter.wiring.registries import parted

URL = "https://registry.example.com"
SCRUB = ScrubSettings(bytes_per_day=1_000_003, bytes_per_second=1_001)
LIMITED = RegistrySettings(url=URL, concurrency=18, requests_per_second=10.0, scrub=SCRUB)


def test_the_parts_of_all_shards_add_up_to_what_is_written() -> None:
    parts = [parted(LIMITED, Shard(index, 4)) for index in range(4)]
    scrubs = [each.scrub for each in parts if each.scrub]
    verified = [each.verify.bytes_per_audit for each in parts]

    assert [each.concurrency for each in parts] == [5, 5, 4, 4]
    assert [each.requests_per_second for each in parts] == [2.5] * 4
    assert sum(verified) == LIMITED.verify.bytes_per_audit
    assert sum(each.bytes_per_day or 0 for each in scrubs) == 1_000_003
    assert sum(each.bytes_per_second or 0 for each in scrubs) == 1_001


def test_one_process_may_all_that_is_written() -> None:
    assert parted(LIMITED, WHOLE) == LIMITED


def test_what_has_no_limit_has_none_in_a_shard() -> None:
    unlimited = RegistrySettings(url=URL, scrub=ScrubSettings())

    part = parted(unlimited, Shard(1, 3))

    assert part == unlimited.model_copy(update={"concurrency": 5, "verify": part.verify})


def test_a_shard_asks_one_thing_at_a_time_however_many_there_are() -> None:
    assert parted(RegistrySettings(url=URL, concurrency=2), Shard(99, 100)).concurrency == 1
