"""Changes of image uses: the registries concerned are judged again at once."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Final

from exporter.facts.focus import Focus
from exporter.resolve.scope import settled
from exporter.serve.audit_job import References, Watched
from exporter.serve.board import Board
from exporter.serve.loop_thread import in_background
from exporter.serve.schedule import Schedule

_log: Final = logging.getLogger("pullproof.changes")

Changes = Callable[[Callable[[References], None]], AbstractContextManager[None]]
"""Calls back, in any thread, with the uses whenever they changed; until left."""


@asynccontextmanager
async def following(
    changes: Changes, board: Board, schedule: Schedule, watched: Iterable[Watched]
) -> AsyncIterator[None]:
    """Request a refresh of each registry whose uses changed, until left.

    A refresh requests only what is newly in use.
    """
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    # Each tells of all that is in use: what came before it need not be judged any more.
    latest = deque[References](maxlen=1)

    def noted(references: References) -> None:
        latest.append(references)
        with suppress(RuntimeError):  # it has just ended
            loop.call_soon_threadsafe(arrived.set)

    async def follow() -> None:
        while True:
            await arrived.wait()
            arrived.clear()
            references = latest[0]
            try:
                await board.hear(references.sources)
                for each in registries:
                    # Which uses an audit goes by that is running is not known.
                    running = schedule.is_running(each.name)
                    if running or await asyncio.to_thread(_concerns, references, each, board):
                        schedule.request(each.name, Focus())
            except Exception:  # noqa: BLE001 - the next audit sees what is not followed here
                _log.exception("change of image uses not followed")

    registries = tuple(watched)
    with changes(noted):
        async with in_background(follow()):
            yield


def _concerns(references: References, watched: Watched, board: Board) -> bool:
    """Do uses differ from those of a registry's last report in a way that matters to verdicts?"""
    status, target = board.find(watched.name), watched.target
    if status is None or status.known is None:
        return False
    uses = (use for use in references.uses.entries if target.concerns(use))
    now = {settled(target.scope, use).demand for use in uses}
    return now != {use.demand for use in status.known.snapshot.uses}
