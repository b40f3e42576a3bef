"""What a real zot shows: run where PULLPROOF_ZOT names one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from exporter.judge.gc.dialect import Mode
from tests.judge.gc import zot_cases
from tests.parts.recorded import RECORDING
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
_SEEDS: Final = (*range(10), *range(11, 60))
"""In the tenth a run leaves to the next what it made unreferenced itself."""
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


def test_its_collector_does_to_grown_repositories_what_is_recorded(tmp_path: Path) -> None:
    """With UPDATE_RECORDINGS it records them anew."""
    modes = {Mode.DELETE_UNTAGGED: None, Mode.PLAIN: False}
    now = (tmp_path.stat()).st_mtime
    parts: dict[str, object] = {}
    homes: dict[tuple[int, Mode], Path] = {}
    trees = {seed: zot_cases.tree(seed) for seed in _SEEDS}
    for seed, grown in trees.items():
        for mode, untagged in modes.items():
            route = f"{mode}-{seed}"
            root = tmp_path / "stores" / route
            zot_cases.plant(root / route, grown, now)
            homes[seed, mode] = root / route / zot_cases.REPOSITORY
            policy = {"repositories": ["**"], "deleteUntagged": untagged is None}
            parts[f"/{route}"] = {
                "rootDirectory": str(root),
                "dedupe": False,
                "gc": True,
                "gcDelay": f"{zot_cases.DELAY}s",
                "gcInterval": "1s",
                "retention": {"delay": f"{zot_cases.DELAY}s", "policies": [policy]},
            }
    with zot(tmp_path / "zot", storage={"subPaths": parts}) as running:
        running.ran(homes.values())
    cases = [
        zot_cases.Case(seed, grown, {mode: zot_cases.left(homes[seed, mode]) for mode in modes})
        for seed, grown in trees.items()
    ]
    if RECORDING:
        zot_cases.write(cases)
    assert cases == zot_cases.read()
