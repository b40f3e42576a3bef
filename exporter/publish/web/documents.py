"""Which documents are there for a program: the report, whole or narrowed, and the snapshots?"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from aiohttp import web

from exporter.judge.report import TagReport
from exporter.publish.answers.document import encode
from exporter.publish.answers.report import document
from exporter.publish.metrics.rendering import Published
from exporter.publish.status import RegistryStatus
from exporter.publish.tag_index import IndexedTag, TagIndex
from exporter.publish.web import sending
from exporter.publish.web.pages import asked
from exporter.publish.web.sending import Once
from exporter.screen import plain
from exporter.store import snapshot_file

_LONGEST: Final = 300
"""Characters of what was asked for that an answer repeats."""
_AT_ONCE: Final = 4
"""Documents that are made for one request alone and held until it is read; others wait."""
_NAME: Final = "name"
"""The parameter that asks for one tag: `repository:tag`, or `repository@digest`."""


class Documents:
    """The documents over one board."""

    def __init__(
        self, board: Published, clock: Callable[[], float], indexes: Once[TagIndex]
    ) -> None:
        """Write what a board shows; `clock` tells seconds since the epoch."""
        self._board, self._clock, self._indexes = board, clock, indexes
        self._reports = Once(self._write)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def report(self, request: web.Request) -> web.StreamResponse:
        """The JSON report; narrowed by what the pages are narrowed by, and unlike them unpaged."""
        statuses = self._chosen(request.query.getall("registry", []))
        query = asked(request.query, (_NAME,))
        name = request.query.get(_NAME, "")
        whole = not name and query.parameters().keys() <= {"registry"}
        if whole and len(statuses) == len(self._board.app_state.statuses):
            return await sending.compressed(request, await self._reports.of(statuses), sending.JSON)
        async with self._slots:
            if whole:
                body = await asyncio.to_thread(self._write, statuses)
                return await sending.compressed(request, body, sending.JSON)
            index = await self._indexes.of(self._board.app_state.statuses)
            # Registries were chosen above, where several may be named.
            wanted = replace(query.wanted, registry="")
            body = await asyncio.to_thread(
                lambda: self._write(
                    _narrowed(
                        statuses,
                        [each for each in index.fitting(wanted) if name in ("", each.name)],
                    )
                )
            )
            return await sending.compressed(request, body, sending.JSON)

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """What the last complete audit saw, for `--from`: the commands ask nothing again."""
        registry = request.match_info["registry"]
        reports = (each.report for each in self._board.app_state.statuses if each.report)
        found = next((each for each in reports if each.snapshot.registry == registry), None)
        if found is None:
            raise web.HTTPNotFound(text="no such registry, or not audited yet\n")
        async with self._slots:
            packed = await asyncio.to_thread(snapshot_file.encode, found.snapshot)
            headers = {"Content-Type": "application/octet-stream"}
            return await sending.send(request, headers, (packed,))

    def _chosen(self, wanted: Collection[str]) -> tuple[RegistryStatus, ...]:
        statuses = self._board.app_state.statuses
        unknown = set(filter(None, wanted)) - {each.registry for each in statuses}
        if unknown:
            names = plain(", ".join(sorted(unknown)))
            raise web.HTTPNotFound(text=f"no such registry: {names[:_LONGEST]}\n")
        named = list(filter(None, wanted))
        return tuple(each for each in statuses if not named or each.registry in named)

    def _write(self, statuses: tuple[RegistryStatus, ...]) -> bytes:
        body = encode(document(statuses, self._clock()))
        return gzip.compress(body, sending.QUICK, mtime=0)


def _narrowed(
    statuses: tuple[RegistryStatus, ...], entries: Collection[IndexedTag]
) -> tuple[RegistryStatus, ...]:
    """Leave of each report the tags that fit, and what is wrong with them."""
    kept: dict[str, list[TagReport]] = {each.registry: [] for each in statuses}
    for entry in entries:
        if entry.registry in kept:
            kept[entry.registry].append(entry.tag)
    return tuple(
        replace(each, report=replace(each.report, tags=tuple(kept[each.registry])))
        if each.report
        else each
        for each in statuses
    )
