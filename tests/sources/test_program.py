"""Does a foreign program cost no more than its time, whatever it does, and leave nothing behind?"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.program import Ended, Program
from tests.parts.process import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

FOREVER: Final = "sleep 6000"
_DETACHES: Final = (
    "import os, sys, time; os.setsid();"
    "open(sys.argv[1] + '.new', 'w').write(str(os.getpid()));"
    "os.rename(sys.argv[1] + '.new', sys.argv[1]); time.sleep(6000)"
)
DAEMON: Final = (
    f'{sys.executable} -c "{_DETACHES}" $daemon & while ! [ -s $daemon ]; do sleep 0.01; done'
)
"""Starts a process that leaves the session: no signal to the group reaches it."""


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a daemon tells its number; it is ended afterwards."""
    told = tmp_path / "daemon"
    monkeypatch.setenv("daemon", str(told))
    yield told
    if told.exists():
        os.kill(int(told.read_text()), signal.SIGKILL)


def script(text: str, patience: float = PATIENCE, **more: bytes) -> Program:
    return Program(("/bin/sh", "-c", text), patience, **more)  # type: ignore[arg-type]


def gone(told: Path) -> bool:
    """Has the process ended whose number a file tells?"""
    try:
        return not Path("/proc", told.read_text().strip(), "cmdline").read_bytes()
    except OSError:
        return True


async def test_what_it_prints_comes_with_its_exit_code() -> None:
    assert await script("read a; echo got $a; exit 3", asked=b"x\n").run() == Ended(3, b"got x\n")


async def test_who_does_not_listen_is_not_waited_for() -> None:
    assert await script("exec 0<&-; echo a", asked=b"x" * 4096).run() == Ended(0, b"a\n")


@pytest.mark.parametrize(
    "text",
    [
        FOREVER,
        f"exec {FOREVER}",
        f"{FOREVER} & {FOREVER} & wait",
        f"trap '' TERM INT HUP; {FOREVER}",
        f"exec 1>&-; {FOREVER}",
        f"echo half an answer; {FOREVER}",
        "while :; do echo; sleep 0.01; done",
    ],
)
async def test_what_does_not_end_costs_its_time_and_no_more(text: str) -> None:
    with pytest.raises(Unseen, match=r"timed out after 0\.3 seconds") as raised:
        await asyncio.wait_for(script(text, 0.3).run(), PATIENCE)

    assert raised.value.reason is Reason.CREDENTIALS


@pytest.mark.usefixtures("daemon")
async def test_it_is_over_when_it_has_ended_though_a_daemon_of_its_own_holds_its_output() -> None:
    assert await script(f"{DAEMON}; echo answer").run() == Ended(0, b"answer\n")


async def test_a_timeout_holds_though_a_daemon_holds_the_output(daemon: Path) -> None:
    patience = 0.5
    while not os.access(daemon, os.F_OK):  # it may need long to start one
        with pytest.raises(Unseen, match="timed out after"):
            await asyncio.wait_for(script(f"{DAEMON}; {FOREVER}", patience).run(), PATIENCE)
        patience *= 4


async def test_a_program_that_trickles_loses_no_timeout() -> None:
    """Its every byte wakes the reader, which may be in the middle of being cancelled."""
    trickle = "while :; do echo; sleep 0.005; done"
    programs = [script(trickle, 0.1 + 0.01 * each) for each in range(20)]
    running = asyncio.gather(*(each.run() for each in programs), return_exceptions=True)

    ended = await asyncio.wait_for(running, PATIENCE)

    assert all(isinstance(each, Unseen) for each in ended)


@pytest.mark.parametrize("text", ["exec yes", "yes", "head -c 1000000000 /dev/zero", "yes & wait"])
async def test_who_prints_without_end_is_ended(text: str) -> None:
    with pytest.raises(Unseen, match="more than 1048576 bytes"):
        await script(text).run()


@pytest.mark.parametrize("ends", [True, False])
async def test_nothing_of_its_group_outlives_it(
    tmp_path: Path,
    ends: bool,  # noqa: FBT001 - both ways of one claim
) -> None:
    child, patience = tmp_path / "child", 0.5
    text = (
        f"{FOREVER} & echo $! > {child}.new; mv {child}.new {child}; {'true' if ends else 'wait'}"
    )
    while not os.access(child, os.F_OK):
        with suppress(Unseen):
            await script(text, PATIENCE if ends else patience).run()
        patience *= 4

    until(lambda: gone(child), "the child has ended")


async def test_a_cancellation_ends_it_at_once(tmp_path: Path) -> None:
    child = tmp_path / "child"
    text = f"trap '' TERM; {FOREVER} & echo $! > {child}.new; mv {child}.new {child}; wait"
    running = asyncio.ensure_future(script(text).run())
    await asyncio.to_thread(until, child.exists, "the child runs")
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, PATIENCE)
    until(lambda: gone(child), "the child has ended")


@pytest.mark.parametrize("command", ["/no/such", "/etc", "a\0b", "\ud800", ""])
async def test_what_cannot_be_started_is_told(command: str) -> None:
    with pytest.raises(Unseen) as raised:
        await Program((command,), PATIENCE).run()

    assert raised.value.reason is Reason.CREDENTIALS
