"""Which configuration is in force after it was read again, and again?"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from exporter.config.loading import load
from exporter.wiring.service import Service
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD = "registries: [{url: 'https://old.example.com'}]\n"
NEW = "registries: [{url: 'https://new.example.com'}]\n"


def service(folder: Path) -> tuple[Service, Path]:
    path = folder / "pullproof.yml"
    path.write_text(OLD)
    return Service(path, load(path, {}), {}), path


async def test_a_reload_waits_for_the_one_before_it(tmp_path: Path) -> None:
    watching, path = service(tmp_path)
    pipe = tmp_path / "slow"
    os.mkfifo(pipe)
    pipe.replace(path)
    first = asyncio.create_task(watching.reload())
    writer = await asyncio.to_thread(path.open, "w")  # it reads from here on

    with writer:
        renewed = tmp_path / "renewed"
        renewed.write_text(NEW)
        renewed.replace(path)
        second = asyncio.create_task(watching.reload())
        done, _ = await asyncio.wait({first, second}, timeout=0.3)
        writer.write(OLD)

    assert not done
    assert await asyncio.gather(first, second) == [None, None]
    assert watching.board.app_state.reload.digest == hashlib.sha256(NEW.encode()).hexdigest()


async def test_a_file_that_is_not_there_changes_nothing_and_is_told(tmp_path: Path) -> None:
    watching, path = service(tmp_path)
    before = watching.board.app_state.reload
    path.unlink()

    wrong = await watching.reload()

    after = watching.board.app_state.reload
    assert wrong is not None
    assert f"{path}: cannot be read" in wrong
    assert (after.digest, after.successful) == (before.digest, False)


async def comes(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


def shown(watching: Service, text: str) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return watching.board.app_state.reload.digest == digest


async def test_a_watched_file_is_in_force_when_it_was_replaced_and_kept_out_while_wrong(
    tmp_path: Path,
) -> None:
    old, new = (f"listen: ['127.0.0.1:0']\n{each}" for each in (OLD, NEW))
    path = tmp_path / "pullproof.yml"
    path.write_text(old)
    watching = Service(path, load(path, {}), {})
    running = asyncio.create_task(watching.run(0.01))

    path.write_text("registries: [{url: 'ftp://no'}]\n")
    await comes(lambda: not watching.board.app_state.reload.successful)
    kept = shown(watching, old)
    # As a kubelet replaces a mounted file: by a link that leads elsewhere.
    (tmp_path / "..data").write_text(new)
    (tmp_path / "link").symlink_to("..data")
    (tmp_path / "link").replace(path)
    await comes(lambda: shown(watching, new))
    watching.stop()
    await running

    assert kept
    assert watching.board.app_state.reload.successful


class MountedFile:
    """A file of a ConfigMap in a pod: a link through `..data`, which a kubelet swaps at once."""

    def __init__(self, folder: Path, text: str) -> None:
        self._folder = folder
        self._versions = 0
        self.put(text)
        self.path = folder / "pullproof.yml"
        self.path.symlink_to("..data/pullproof.yml")

    def put(self, text: str) -> None:
        """Swap the content (Kubernetes v1.34, `pkg/volume/util/atomic_writer.go`)."""
        self._versions += 1
        version = self._folder / f"..2026_11_30_{self._versions}"
        version.mkdir()
        (version / "pullproof.yml").write_text(text)
        before = self._folder / "..data"
        old = before.resolve() if before.exists() else None
        (self._folder / "..data_tmp").symlink_to(version.name)
        (self._folder / "..data_tmp").replace(before)
        if old:
            shutil.rmtree(old)


async def test_a_mounted_file_that_is_put_back_after_a_refusal_ends_the_failure(
    tmp_path: Path,
) -> None:
    old, new = (f"listen: ['127.0.0.1:0']\n{each}" for each in (OLD, NEW))
    mounted = MountedFile(tmp_path, old)
    watching = Service(mounted.path, load(mounted.path, {}), {})
    running = asyncio.create_task(watching.run(0.01))

    def successful() -> bool:
        return watching.board.app_state.reload.successful

    for broken in ("registries: []\n", "{", "", f"{old}intervall: 5m\n"):
        mounted.put(broken)
        await comes(lambda: not successful())
        assert shown(watching, old)
        mounted.put(old)
        await comes(successful)
    mounted.put(new)
    await comes(lambda: shown(watching, new))
    watching.stop()
    await running


@pytest.mark.parametrize(
    ("more", "hours"),
    [
        ("", 24),
        ("max_staleness: 2h\n", 2),
        ("max_staleness: 1h\ninterval: 8h\n", 24),
        ("interval: 2d\n", 144),
    ],
)
async def test_references_are_stale_after_max_staleness_but_not_before_three_audits(
    tmp_path: Path, more: str, hours: int
) -> None:
    watching, path = service(tmp_path)
    path.write_text(more + OLD)

    assert await watching.reload() is None
    assert watching.board.app_state.reload.reference_max_age == hours * 3600
