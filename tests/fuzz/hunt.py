"""Where does a reader break? Looks for inputs that raise, that grow too large, or take too long."""

from __future__ import annotations

import logging
import mmap
import os
import random
import resource
import signal
import struct
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fuzz.mutation import mutated, pumped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.target import Target

MEMORY: Final = 512 << 20
"""Bytes that a reader may take besides what the process has."""
BASE: Final = 0.25
PER_BYTE: Final = 20e-6
"""Seconds that an input may take, in all and for each of its bytes."""
HANGS: Final = 30.0
"""Seconds after which an input is taken to hang."""
_POOL: Final = 400
_PUMP: Final = 40
"""One input in so many is grown, to see whether its time grows with its square."""
_SMALL, _LARGE = 1 << 12, 1 << 16
RATIO: Final = 3.0
_NOTICEABLE: Final = 0.03
_HEAD: Final = struct.Struct(">q")


@dataclass(frozen=True)
class Finding:
    """An input, and what became of it."""

    target: str
    data: bytes
    told: str


def judged(target: Target, data: bytes) -> str:
    """Run one input; say what is wrong with that, or nothing."""
    began = time.thread_time()
    try:
        target.run(data)
    except target.expected:
        pass
    except Exception:  # noqa: BLE001 - what is looked for
        return traceback.format_exc()
    took, limit = time.thread_time() - began, BASE + PER_BYTE * len(data)
    if took > limit:  # of an import or of the garbage of others, perhaps: the best of several tells
        took = _time(target, data, 3)
    return f"{took:.2f} s for {len(data)} bytes\n" if took > limit else ""


def grown(target: Target, make: Callable[[int], bytes]) -> Finding | None:
    """Double an input; where twice the input takes far more than twice the time, that is one."""
    size, before = _SMALL, _time(target, make(_SMALL), 1)
    while size < min(_LARGE, target.longest * 2):
        size *= 2
        taken = _time(target, make(size), 1)
        if taken > _NOTICEABLE and taken > RATIO * before:
            before, taken = _time(target, make(size // 2), 5), _time(target, make(size), 3)
            if taken > _NOTICEABLE and taken > RATIO * before:
                told = f"{size // 2} bytes take {before:.3f} s, {size} take {taken:.3f} s\n"
                return Finding(target.name, make(size), told)
        before = taken
    return None


def _time(target: Target, data: bytes, runs: int) -> float:
    times = []
    for _ in range(runs):
        began = time.thread_time()
        with suppress(Exception):  # `judged` looks at that
            target.run(data)
        times.append(time.thread_time() - began)
    return min(times)


def hunted(
    target: Target, seed: int, goes_on: Callable[[int], bool], note: Callable[[bytes], None]
) -> tuple[int, Finding | None]:
    """Run inputs until told to stop or until one is a finding; return how many ran."""
    chance = random.Random(f"{target.name} {seed}")  # noqa: S311 - the same each time
    pool = target.corpus()
    count = 0
    for data in pool:
        count += 1
        note(data)
        if told := judged(target, data):
            return count, Finding(target.name, data, told)
    while goes_on(count):
        count += 1
        start = chance.choice(pool)
        data = mutated(start, pool, chance)[: target.longest]
        note(data)
        if told := judged(target, data):
            return count, Finding(target.name, data, told)
        if len(pool) < _POOL and chance.random() < 0.02:
            pool.append(data[: target.longest // 8])
        if count % _PUMP == 0:
            make = pumped(start, chance)
            note(make(_LARGE))
            if found := grown(target, make):
                return count, found
    return count, None


def apart(
    target: Target, seed: int, goes_on: Callable[[int], bool], memory: int = MEMORY
) -> tuple[int, Finding | None]:
    """Hunt in a process of its own, whose memory is limited and which may die or hang."""
    shared = mmap.mmap(-1, 1 << 22)
    results, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(results)
        _hunt_here(target, seed, goes_on, memory, shared, told)
    os.close(told)
    return _awaited(target, child, results, shared)


def _hunt_here(  # noqa: PLR0913, PLR0917 - what a child is born with
    target: Target,
    seed: int,
    goes_on: Callable[[int], bool],
    memory: int,
    shared: mmap.mmap,
    told: int,
) -> None:
    code = 1
    logging.disable()  # what readers log of broken input is theirs to test elsewhere
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        def note(data: bytes) -> None:
            signal.setitimer(signal.ITIMER_REAL, HANGS)  # ends the process where nobody resets it
            shared.seek(0)
            shared.write(_HEAD.pack(len(data)) + data)

        count, found = hunted(target, seed, goes_on, note)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if found:
            note(found.data)
        os.write(told, f"{count}\n{found.told if found else ''}".encode(errors="replace"))
        code = 0
    except BaseException:  # noqa: BLE001 - the parent is told
        traceback.print_exc()
    finally:
        os._exit(code)


def _awaited(
    target: Target, child: int, results: int, shared: mmap.mmap
) -> tuple[int, Finding | None]:
    with os.fdopen(results, "rb") as stream:
        answer = stream.read().decode()
    _, status = os.waitpid(child, 0)
    shared.seek(0)
    (size,) = _HEAD.unpack(shared.read(_HEAD.size))
    data = shared.read(size)
    if status:
        how = f"signal {signal.Signals(status & 0x7F).name}" if status & 0x7F else "an exit"
        return 0, Finding(target.name, data, f"the process ended by {how}: it hung or crashed\n")
    count, _, told = answer.partition("\n")
    return int(count), Finding(target.name, data, told) if told else None
