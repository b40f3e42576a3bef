"""Does a credential helper that misbehaves cost its own time only, and nobody else's?"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.credentials import Login
from exporter.sources.registry.docker_config import Helpers
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

ROBOT: Final = Login("robot", "sesame")
HANGS: Final = "sleep 6000"
ANSWERS: Final = """printf '{"Username":"robot","Secret":"sesame"}'"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of helpers, found before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def install(folder: Path, name: str, script: str) -> None:
    """Put a helper in its place at once; each time it runs, it adds a line to `runs`."""
    new = folder / "new"
    new.write_text(f'#!/bin/sh\nread server\necho "$server" >> {folder}/runs\n{script}\n')
    new.chmod(0o755)
    new.rename(folder / f"docker-credential-{name}")


def runs(folder: Path) -> int:
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("script", [HANGS, f"{HANGS} & wait", f"echo a; exec 1>&-; {HANGS}"])
async def test_a_helper_that_hangs_costs_its_timeout(folder: Path, script: str) -> None:
    install(folder, "hangs", script)

    with pytest.raises(Unseen, match=r"docker-credential-hangs: .*timed out after 0\.3 seconds"):
        await asyncio.wait_for(Helpers(timeout=0.3).ask("hangs", "a.example"), PATIENCE)


async def test_a_helper_that_hangs_holds_up_no_other_helper_and_no_other_server(
    folder: Path,
) -> None:
    install(folder, "hangs", f'[ "$server" = good.example ] || {HANGS}\n{ANSWERS}')
    install(folder, "fine", ANSWERS)
    helpers = Helpers(timeout=PATIENCE)
    hanging = asyncio.ensure_future(helpers.ask("hangs", "bad.example"))
    while not runs(folder):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)

    assert await helpers.ask("fine", "bad.example") == ROBOT
    assert await helpers.ask("hangs", "good.example") == ROBOT
    assert not hanging.done()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging


@pytest.mark.parametrize("script", [HANGS, "exit 3", "echo sesame"])
async def test_a_failure_is_shared_by_all_who_ask_in_the_seconds_after_it(
    folder: Path, script: str
) -> None:
    install(folder, "fails", script)
    helpers = Helpers(timeout=0.5, failed_for=PATIENCE)

    found = await asyncio.gather(
        *(helpers.ask("fails", "a.example") for _ in range(1000)), return_exceptions=True
    )

    assert all(isinstance(each, Unseen) for each in found)
    assert runs(folder) <= 1


async def test_a_helper_that_is_repaired_is_used_once_its_failure_is_forgotten(
    folder: Path,
) -> None:
    install(folder, "heals", "exit 3")
    helpers = Helpers(timeout=PATIENCE, failed_for=0.0)
    with pytest.raises(Unseen):
        await helpers.ask("heals", "a.example")

    install(folder, "heals", ANSWERS)

    assert await helpers.ask("heals", "a.example") == ROBOT
    assert await helpers.ask("heals", "a.example") == ROBOT
    assert runs(folder) == 2


async def test_who_gives_up_waiting_leaves_the_question_to_the_next(folder: Path) -> None:
    install(folder, "slow", f"[ -e {folder}/repaired ] || {HANGS}\n{ANSWERS}")
    helpers = Helpers(timeout=PATIENCE)
    first, second = (asyncio.ensure_future(helpers.ask("slow", "a.example")) for _ in range(2))
    while not runs(folder):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    (folder / "repaired").touch()

    first.cancel()

    assert await second == ROBOT


@pytest.mark.parametrize(
    ("username", "secret"),
    [
        ("robot\ud800", "sesame"),
        ("robot", "sesame\udfff"),
        ("<token>", "sesame\ud83d"),
        ("robot\r\nHost: a", "sesame"),
        ("robot", "sesame\n"),
        ("", "sesame\0"),
        (7, "sesame"),
        ("robot", None),
        ("robot", ["sesame"]),
        ({}, {}),
        ("robot", "sesame" * 20_000),
    ],
)
async def test_a_login_that_nothing_can_carry_is_the_helpers_fault_and_is_not_repeated(
    folder: Path, username: object, secret: object
) -> None:
    (folder / "answer").write_text(json.dumps({"Username": username, "Secret": secret}))
    install(folder, "odd", f"cat {folder}/answer")

    with pytest.raises(Unseen) as raised:
        await Helpers(timeout=PATIENCE).ask("odd", "a.example")

    assert raised.value.reason is Reason.CREDENTIALS
    assert raised.value.subject == "docker-credential-odd"
    assert "sesame" not in str(raised.value)
