"""Which shard is meant, and what is said of one that cannot be?"""

from __future__ import annotations

import pytest

from exporter.config.values import ShardName
from exporter.facts.shard import Shard
from exporter.oci.digest import Malformed


@pytest.mark.parametrize(
    ("text", "host", "shard"),
    [
        ("0/1", "", Shard(0, 1)),
        ("3/4", "pullproof-1", Shard(3, 4)),
        ("auto/4", "pullproof-0", Shard(0, 4)),
        ("auto/12", "pullproof-shards-11", Shard(11, 12)),
    ],
)
def test_a_shard_is_named_or_read_off_the_pod(text: str, host: str, shard: Shard) -> None:
    named = ShardName.parse(text)

    assert named.settled({"HOSTNAME": host}) == shard
    assert str(named) == text


@pytest.mark.parametrize(
    "text", ["", "4", "4/4", "-1/4", "0/0", "1/1001", "auto", "auto/0", "0/4 "]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="shard"):
        ShardName.parse(text)


@pytest.mark.parametrize(
    ("host", "why"), [("laptop", "StatefulSet"), ("", "StatefulSet"), ("pullproof-4", "fewer pods")]
)
def test_a_host_that_tells_no_shard_is_refused(host: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        ShardName.parse("auto/4").settled({"HOSTNAME": host})
