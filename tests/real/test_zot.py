"""What a real zot shows: run where PULLPROOF_ZOT names one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from tests.parts.zot import PROGRAM, Zot, zot
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PROGRAM, reason="PULLPROOF_ZOT names no zot"),
]

WHOLE, LOSSY = two_platforms("whole"), two_platforms("lossy")
_BY_PULLS: Final = {
    "retention": {
        "policies": [
            {"repositories": ["**"], "keepTags": [{"patterns": [".*"], "pulledWithin": "24h"}]}
        ]
    }
}
"""With this it has a database, and keeps tags by the time of their last pull."""


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Zot]:
    with zot(tmp_path / "zot", storage=_BY_PULLS) as server:
        server.push("trace/app", WHOLE, "v1")
        server.push("trace/lossy", LOSSY, "v1")
        yield server


def records(server: Zot) -> dict[str, object]:
    """Every file that it keeps: its bytes, and where they are."""
    return {
        str(each.relative_to(server.root)): (
            hashlib.sha256(each.read_bytes()).hexdigest(),
            each.stat().st_ino,
            each.stat().st_mtime_ns,
        )
        for each in server.root.rglob("*")
        if each.is_file()
    }


def test_ten_audits_a_scrub_and_a_confirmed_loss_change_no_record(
    counting: Zot, tmp_path: Path
) -> None:
    own = {"url": counting.url, "plain_http": True, "tags": {"select": ["*"]}}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"confirm_after": "1ms", "registries": [own]}))
    words = ("--config", str(config))
    image = f"{counting.host}/trace/app:v1"
    healthy = records(counting)
    assert cli.main(["check", *words]) == 0
    assert records(counting) == healthy
    counting.data("trace/lossy", LOSSY.children[0].digest).unlink()
    counting.data("trace/lossy", LOSSY.children[1].layers[0].digest).unlink()
    before = records(counting)

    codes = [cli.main(["check", *words]) for _ in range(10)]
    codes.append(cli.main(["scrub", counting.host, *words]))
    others = [cli.main([each, image, *words]) for each in ("inspect", "explain", "protect")]

    assert (codes, others) == ([1] * 11, [0] * 3)
    after = records(counting)
    # Of the file that is lost the cache of its deduplication drops the record.
    assert {**after, "cache.db": None} == {**before, "cache.db": None}
    with counting.client("trace/app") as client:
        client.get("manifests", "v1").raise_for_status()
    assert records(counting)["meta.db"] != after["meta.db"], (
        "a pull sets the time by which it keeps tags"
    )
