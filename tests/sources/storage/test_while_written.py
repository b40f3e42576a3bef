"""Does a reading stay right while a real registry writes? Nothing needed may look unneeded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from exporter.facts.holdings import Holdings
from exporter.judge.gc.dialect import DISTRIBUTION_3, Mode
from exporter.judge.gc.outcome import Completed
from exporter.judge.gc.simulate import simulate
from exporter.sources.storage.filesystem import read
from tests.parts.registry import registry
from tests.worlds import image, index, layer

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.inventory import Inventory
    from tests.parts.registry import Registry

_EVER: int = 1 << 62
_BASE = layer("a base that every push shares")


def _push(server: Registry, number: int) -> None:
    """Move the tag to another index; its images share one old layer."""
    platforms = ("linux/amd64", "linux/arm64")
    images = (
        image(f"push {number}", each, (_BASE, layer(f"{number} {each}"))) for each in platforms
    )
    with server.client("app") as client:
        client.push(index(*images), "latest")


@pytest.mark.real
def test_ten_readings_during_pushes_show_no_false_orphan(tmp_path: Path) -> None:
    readings: list[Inventory] = []
    with registry(tmp_path) as server:
        _push(server, 0)
        done = threading.Event()
        pushing = threading.Thread(target=lambda: _push_until(server, done))
        pushing.start()
        try:
            while len(readings) < 10 or not _more(readings):
                assert pushing.is_alive()
                readings.append(read(str(server.root)))
        finally:
            done.set()
            pushing.join()

    for seen in readings:
        base = seen.digests.number(_BASE.digest)
        assert seen.gaps == ()
        assert base not in Holdings(seen).orphaned_blobs(_EVER)
        plan = simulate(seen, DISTRIBUTION_3, Mode.DELETE_UNTAGGED)
        assert isinstance(plan, Completed)
        assert plan.kept[base]
        assert plan.kept[seen.tags.current].all()


def _more(readings: list[Inventory]) -> bool:
    """Was anything pushed meanwhile?"""
    return len(readings[-1].tags.history) > len(readings[0].tags.history)


def _push_until(server: Registry, done: threading.Event) -> None:
    number = 1
    while not done.is_set():
        _push(server, number)
        number += 1
