"""Run a foreign program (a credential helper, a plugin), bounded in time and bytes."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from exporter.facts.gap import Reason
from exporter.ports import Unseen

LONGEST: Final = 1_048_576
"""Bytes of an answer; a program that prints more is ended."""
_CHUNK: Final = 65_536
_GLANCE: Final = 0.01
"""Seconds from one look at a process to the next."""
_GLANCES: Final = 200
"""Looks at a process that was killed. One that no signal ends is left to the kernel."""
_RUNNING: Final[set[int]] = set()
"""The process groups that run now, of all threads: a signal's handler reaches nothing else."""


def end_all() -> None:
    """Kill every program that runs now: we are about to end, and they would outlive us."""
    for group in _RUNNING.copy():
        _kill(group)


class Ended(NamedTuple):
    """The outcome of a program."""

    code: int
    """Its exit code; the negative number of the signal that ended it."""
    printed: bytes
    """Its standard output, which may hold secrets."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is not ours: it may hang, fork, flood its output and ignore signals."""

    command: tuple[str, ...]
    patience: float
    """Seconds that it may take."""
    asked: bytes = field(default=b"", repr=False)
    """Its standard input: less than a pipe holds (4 KiB), so that writing it never waits."""
    folder: Path | None = None
    """Where it starts; None is here."""
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    """Its environment; None is ours."""

    async def run(self) -> Ended:
        """Return its exit code and what it printed.

        It is over when the program itself has ended, whoever still holds its output. All that is
        left of its process group is killed then, as it is after a timeout or a cancellation.
        Raises `Unseen` with `CREDENTIALS`, without a word of what it printed.
        """
        process = self._started()
        try:
            async with asyncio.timeout(self.patience):
                printed = await _printed(process)
        except TimeoutError as error:
            raise self._failed(f"timed out after {self.patience:g} seconds") from error
        finally:
            await _end(process)
        if len(printed) > LONGEST:
            raise self._failed(f"its output has more than {LONGEST} bytes")
        return Ended(process.returncode or 0, printed)

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own configuration names it
                self.command,
                stdin=subprocess.PIPE if self.asked else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                env=self.environ,
                start_new_session=True,  # so that what it starts ends with it
            )
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or "cannot be started"
            raise self._failed(words) from error
        _RUNNING.add(process.pid)
        if process.stdin:
            with suppress(OSError):  # it need not listen
                os.set_blocking(process.stdin.fileno(), False)
                os.write(process.stdin.fileno(), self.asked)
            process.stdin.close()
        return process

    def _failed(self, detail: str) -> Unseen:
        return Unseen(self.command[0][:100], Reason.CREDENTIALS, detail)


async def _printed(process: subprocess.Popen[bytes]) -> bytes:
    """Read what a program prints until it ends, or a little more than it may print."""
    printed = bytearray()
    out = process.stdout.fileno() if process.stdout else -1
    os.set_blocking(out, False)
    while len(printed) <= LONGEST:
        ended = _has_ended(process)  # asked first: then all that it printed is in the pipe
        try:
            chunk = os.read(out, _CHUNK)
        except BlockingIOError:
            if ended:  # a child of its own holds the pipe
                break
            await _readable(out)
            continue
        printed += chunk
        if not chunk:
            if ended:
                break
            await asyncio.sleep(_GLANCE)  # it has closed its output, and goes on
    return bytes(printed)


async def _readable(file: int) -> None:
    """Wait a moment for bytes, or for the end of the file."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, ready.set)
    glance = loop.call_later(_GLANCE, ready.set)  # wait_for of Python 3.11 may lose a cancellation
    try:
        await ready.wait()
    finally:
        glance.cancel()
        loop.remove_reader(file)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Look without reaping: as long as it is not reaped, its group's number is nobody else's."""
    try:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, process.pid, options) is not None
    except ChildProcessError:  # whoever started us has SIGCHLD ignored
        return True


async def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of it, and let go of its pipe without waiting for who else holds it."""
    _kill(process.pid)
    _RUNNING.discard(process.pid)
    if process.stdout:
        process.stdout.close()
    for _ in range(_GLANCES):
        if process.poll() is not None:
            return
        await asyncio.sleep(_GLANCE)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
