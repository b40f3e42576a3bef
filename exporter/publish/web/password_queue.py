"""Password checks, one at a time, in turns: guessing must not keep anybody out."""

import asyncio
import ipaddress
import logging
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_log: Final = logging.getLogger("pullproof.web")

ROOM: Final = 1000
"""Comparisons that may wait under one name; all unknown names count as one."""
_NETWORK: Final = 64
"""Bits of an IPv6 address that identify a network: its hosts choose the rest."""

Comparer = Callable[[bytes, bytes], bool]
"""Compares a password with a bcrypt hash, for as long as that takes."""


class QueueFull(Exception):
    """Too many wait already."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A client whose password is compared."""

    name: str
    """The user's name; empty for every unknown name."""
    address: str
    """The client's address."""
    refused: int = 0
    """Passwords that were wrong on this connection."""
    gone: Callable[[], bool] = bool
    """Has the client left?"""


@dataclass(slots=True)
class _Waiting:
    password: bytes
    hashed: bytes
    askers: list[Asker]
    answer: asyncio.Future[bool]


@dataclass(slots=True)
class PasswordQueue:
    """Comparisons, one at a time: guessing must not take every processor.

    Names take turns, then networks under one name, then connections: who was refused least comes
    first. So a right user waits for at most one comparison of each other name and network, and
    for as many as there are other connections from the same network under the same name.
    """

    compare: Comparer
    room: int = ROOM
    _lanes: dict[str, dict[str, list[tuple[int, int, _Waiting]]]] = field(default_factory=dict)
    """By name and network, those who come next first."""
    _waiting: dict[bytes, _Waiting] = field(default_factory=dict)
    _came: int = 0
    _running: asyncio.Task[None] | None = None

    async def right(self, key: bytes, password: bytes, hashed: bytes, asker: Asker) -> bool:
        """Compare a password when its turn comes; who asks for the same `key` shares the answer.

        Raises `QueueFull` where too many wait: at once, or as soon as others with a better right to
        wait have come.
        """
        waiting = self._waiting.get(key)
        if waiting is None:
            answer = asyncio.get_running_loop().create_future()
            waiting = self._waiting[key] = _Waiting(password, hashed, [], answer)
            self._line_up(key, waiting, asker)
        waiting.askers.append(asker)
        return await asyncio.shield(waiting.answer)

    def _line_up(self, key: bytes, waiting: _Waiting, asker: Asker) -> None:
        waiting.answer.add_done_callback(lambda _: self._waiting.pop(key, None))
        self._came += 1
        lanes = self._lanes.setdefault(asker.name, {})
        lane = lanes.setdefault(_network(asker.address), [])
        insort(lane, (asker.refused, self._came, waiting))
        if sum(map(len, lanes.values())) > self.room:
            _make_room(lanes)
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while (waiting := self._next()) is not None:
                right = await asyncio.to_thread(self._compared, waiting)
                if not waiting.answer.done():
                    waiting.answer.set_result(right)
        finally:
            self._running = None

    def _next(self) -> _Waiting | None:
        """Return the next in turn; the name and the network go to the end of their rounds."""
        while self._lanes:
            name, lanes = next(iter(self._lanes.items()))
            del self._lanes[name]
            network, lane = next(iter(lanes.items()))
            del lanes[network]
            _, _, waiting = lane.pop(0)
            if lane:
                lanes[network] = lane
            if lanes:
                self._lanes[name] = lanes
            if not all(asker.gone() for asker in waiting.askers):
                return waiting
            _refuse(waiting)
        return None

    def _compared(self, waiting: _Waiting) -> bool:
        try:
            return self.compare(waiting.password, waiting.hashed)
        except Exception:  # noqa: BLE001 - whoever waits behind it must have an answer
            _log.exception("password check failed")
            return False


def _make_room(lanes: dict[str, list[tuple[int, int, _Waiting]]]) -> None:
    """Refuse one: of the network with the most who wait, the last."""
    network = max(lanes, key=lambda each: len(lanes[each]))
    _, _, waiting = lanes[network].pop()
    if not lanes[network]:
        del lanes[network]
    _refuse(waiting)


def _refuse(waiting: _Waiting) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(QueueFull())
        waiting.answer.exception()  # nobody may be there to hear it


def _network(address: str) -> str:
    """Return the part of an address that distinguishes clients."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(found), _NETWORK), strict=False))
    return str(found)
