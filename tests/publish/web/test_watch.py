"""Does the watch over the web configuration go on, whatever is in it and whatever fails?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from exporter.publish.web.access_control import AccessControl
from tests.parts.process import until
from tests.publish.web.serving import HASHED, SECRET, Board, serving
from tests.publish.web.test_server import certificate, certify, status, users, write_tls

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.certificates import Authority


@pytest.mark.parametrize("wrong", ["2024-13-45", "!!int foo", "[" * 5_000, '"\\0"'])
async def test_after_any_wrong_file_a_later_right_one_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    config = users(tmp_path, prom=HASHED)
    async with serving(config, look_every=0.01) as served:
        config.write_text(f"basic_auth_users: {{prom: {wrong}}}\n")
        await asyncio.to_thread(until, lambda: caplog.records, "the wrong one is logged")
        assert await status(f"{served.url}/metrics", ("prom", SECRET)) == 200  # the one before
        users(tmp_path, other=HASHED)

        for _ in range(3_000):
            if await status(f"{served.url}/metrics", ("other", SECRET)) == 200:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the right file was never taken")

    assert {record.exc_info for record in caplog.records} == {None}  # told, not fallen over


class Failing(AccessControl):
    """A access to which, for a while, nothing can be told."""

    fails = False

    def __setattr__(self, name: str, value: object) -> None:
        if self.fails and name == "names":
            raise RuntimeError(name)
        super().__setattr__(name, value)


async def test_a_fault_of_the_servers_own_ends_no_watch(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certify(authority, tmp_path, "first")
    tls, access = write_tls(tmp_path / "web.yml"), Failing({})
    async with serving(tls, Board(access=access), look_every=0.01) as served:
        access.fails = True
        certify(authority, tls.parent, "second")
        await asyncio.to_thread(until, lambda: caplog.records, "the fault is logged")
        access.fails = False
        certify(authority, tls.parent, "third")

        for _ in range(3_000):
            if await certificate(authority, served.port) == "third":
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the renewed certificate was never taken")
