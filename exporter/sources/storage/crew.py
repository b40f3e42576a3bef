"""How are many small files looked at without waiting for each? In pieces, by a few processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Final, Self

from exporter.sources.storage import hand

if TYPE_CHECKING:
    from exporter.sources.storage.hand import Task

_HANDS: Final = 4
"""More than a small machine has cores: on a slow or a distant disk, most of them wait."""
_FEW: Final = 24
"""Names; fewer are sooner done than handed out."""
_MOST: Final = 2_000
"""Names in a piece."""
_WAITING: Final = 2
"""Pieces that a hand has at once. The answers to so many fit into the line's own memory, so it
never stands still over one while we do over the next question."""


@dataclass(slots=True)
class _Hand:
    """A process that does tasks in the order in which they come, and the line to it."""

    line: socket.socket
    process: subprocess.Popen[bytes]
    asked: int = 0
    answers: list[array[int] | None] = field(default_factory=list)
    """What came so far; None for what was given out, and for all that a dead process owes."""

    @classmethod
    def hired(cls) -> Self:
        """Start one. Raises OSError where no process can be had."""
        ours, its = socket.socketpair()
        with its:
            # Isolated, and without any site packages: it starts in a hundredth of a second.
            command = [sys.executable, "-I", "-S", hand.__file__, str(its.fileno())]
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
                command, pass_fds=(its.fileno(),), stdin=quiet, stdout=quiet, stderr=quiet
            )
        return cls(ours, process)

    def ask(self, task: int, folder: int, told: bytes) -> int:
        """Hand a task over; return the number under which its answer can be had."""
        self._hear(self.asked - _WAITING)
        try:
            socket.send_fds(self.line, [hand.HEAD.pack(task, len(told))], [folder])
            self.line.sendall(told)
        except OSError:
            self.process.kill()
        self.asked += 1
        return self.asked - 1

    def answer(self, number: int) -> array[int] | None:
        """Wait for what came of a task; None where the process died over it."""
        self._hear(number)
        found, self.answers[number] = self.answers[number], None
        return found

    def _hear(self, number: int) -> None:
        """Take in every answer up to one, in the order in which they come."""
        while len(self.answers) <= number:
            self.answers.append(self._received())

    def _received(self) -> array[int] | None:
        try:
            (length,) = hand.ANSWER.unpack(hand.received(self.line, hand.ANSWER.size))
            return array("q", hand.received(self.line, length))
        except (OSError, EOFError):
            return None

    def dismiss(self) -> None:
        """End it: it ends by itself when nobody can ask any more."""
        self.line.close()
        self.process.wait()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a task, and who does it under which number."""

    told: bytes
    hand: _Hand | None = None
    number: int = 0

    def answer(self) -> array[int] | None:
        return self.hand.answer(self.number) if self.hand else None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is being found out about names in a folder."""

    task: int
    folder: int
    """A descriptor of its own: it is needed once more where a hand does not answer."""
    pieces: Sequence[_Piece]

    def numbers(self) -> array[int]:
        """Return what the task finds for each name, in their order. To be asked once."""
        found = array("q")
        try:
            for piece in self.pieces:
                answer = piece.answer()
                if answer is None:
                    answer = hand.done(self.task, self.folder, piece.told)
                found += answer
        finally:
            os.close(self.folder)
        return found


@dataclass(slots=True)
class Crew:
    """Processes for the calls to the operating system that a reading consists of.

    They start when there is work for them. One that cannot be had or that dies is done without.
    """

    _hands: list[_Hand] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for each in self._hands or ():
            each.dismiss()
        self._hands = None

    def ask(self, task: Task, folder: int, word: str, names: Sequence[str]) -> Asked:
        """Let a task be done on names in a folder, several pieces of them at once."""
        number, hands = hand.TASKS.index(task), self._at_work() if len(names) >= _FEW else []
        pieces = [*map(_Piece, _told(word, names, len(hands)))]
        if hands:
            turns = zip(pieces, cycle(hands), strict=False)
            asked = [
                (piece.told, each, each.ask(number, folder, piece.told)) for piece, each in turns
            ]
            pieces = [_Piece(*each) for each in asked]
        return Asked(number, os.dup(folder), pieces)

    def _at_work(self) -> list[_Hand]:
        if self._hands is None:
            self._hands = []
            # Where no process can be had, the same is done with fewer hands, or alone.
            with suppress(OSError):
                self._hands.extend(_Hand.hired() for _ in range(_HANDS))
        return self._hands


def _told(word: str, names: Sequence[str], hands: int) -> Iterator[bytes]:
    """Cut names into as many pieces as there are hands, or more where they would be large."""
    step = min(-(-len(names) // max(hands, 1)), _MOST) or 1
    for at in range(0, len(names), step):
        yield os.fsencode("\0".join((word, *names[at : at + step])))
