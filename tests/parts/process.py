"""Is a real server up, where does it listen, and what did it say? Started, watched, torn down."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Answer = TypeVar("Answer")

LOGS: Final[list[Path]] = []
"""The logs of the servers that the running test has started; shown when it fails."""

PATIENCE: Final = 300.0
"""Seconds after which nothing more is expected of anybody, however slow the machine is."""
_PAUSE: Final = 0.02
_UNWANTED: Final = "AWS_CA_BUNDLE"
"""Makes the 2.x registry's S3 driver panic at start; no server here needs it."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that has said where it listens."""

    process: subprocess.Popen[bytes]
    address: str
    """`127.0.0.1:port`; the port was chosen by the kernel, so that nothing collides."""
    log: Path

    def kill(self) -> None:
        """End it at once, with everything that it started, as a crash of the machine would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(
    command: Sequence[str],
    listening: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a server and wait until a line of its log matches `listening`; its group: the address.

    Raises `AssertionError` with the end of its log where it ends or stays silent instead.
    """
    variables = {key: value for key, value in os.environ.items() if key != _UNWANTED}
    LOGS.append(log)
    with log.open("ab") as sink:
        before = sink.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=variables | dict(environment or {}),
            start_new_session=True,
        )
    server = Running(process, "", log)
    try:
        pattern = re.compile(listening)

        def said() -> re.Match[str] | None:
            whole, _, _ = log.read_bytes()[before:].rpartition(b"\n")  # of a line all, or nothing
            return pattern.search(whole.decode(errors="replace"))

        found = until(lambda: said() or _ended(process), f"{command[0]} listens")
        assert isinstance(found, re.Match), f"{command[0]} ended: {tail(log)}"
        yield Running(process, found[1], log)
    finally:
        server.kill()


def until(look: Callable[[], Answer], what: str, patience: float = PATIENCE) -> Answer:
    """Ask again and again until the answer is true, and return it; fail in the end."""
    deadline = time.monotonic() + patience
    while not (answer := look()):
        assert time.monotonic() < deadline, f"waited {patience:.0f} seconds in vain: {what}"
        time.sleep(_PAUSE)
    return answer


def tail(log: Path, lines: int = 40) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None
