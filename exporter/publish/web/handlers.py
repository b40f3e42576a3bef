"""The handlers of the pages, of the report and of the snapshots."""

import asyncio
import gzip
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from aiohttp import web

from exporter.judge.explanation import places
from exporter.judge.report import TagReport
from exporter.oci.digest import Digest, Malformed
from exporter.publish.answers.document import encode
from exporter.publish.answers.report import document
from exporter.publish.metrics.rendering import Published
from exporter.publish.status import AppState, RegistryStatus
from exporter.publish.web import sending
from exporter.publish.web.documentation import KINDS, Documentation
from exporter.publish.web.frame import ICON
from exporter.publish.web.front import front
from exporter.publish.web.pages import digest_page, digest_path, tag_page
from exporter.publish.web.query import read
from exporter.publish.web.sending import Once
from exporter.publish.web.tag_index import IndexedTag, TagIndex
from exporter.screen import plain
from exporter.store import snapshot_file

_A_DAY: Final = "private, max-age=86400"
_LONGEST: Final = 300
"""Maximum characters of input that an answer repeats."""
_AT_ONCE: Final = 4
"""Documents that are made for one request and kept until it is read; others wait."""
_NAME: Final = "name"
"""The parameter that asks for one tag: `repository:tag`, or `repository@digest`."""


class Handlers:
    """The pages and documents over one board."""

    def __init__(self, board: Published, clock: Callable[[], float]) -> None:
        """Show a board; `clock` tells seconds since the epoch."""
        self._board, self._clock = board, clock
        self._documentation = Documentation()
        # Every tag in order, and the whole report, are kept for as long as no audit ends.
        self._indexes, self._reports = Once(TagIndex.of), Once(self._write)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def front(self, request: web.Request) -> web.StreamResponse:
        """The status page, with the requested part of the list of tags."""
        query, app_state = read(request.query), self._board.app_state
        if found := await asyncio.to_thread(_digest_sought, app_state, query.search):
            raise web.HTTPFound(found)
        index = await self._indexes.of(app_state.statuses)
        return await sending.page(request, lambda: front(app_state, index, query, self._clock()))

    async def tag(self, request: web.Request) -> web.StreamResponse:
        """The page of one tag."""
        app_state = self._board.app_state
        index = await self._indexes.of(app_state.statuses)
        place = request.match_info["registry"], request.match_info["name"]
        if place not in index.places:
            raise web.HTTPNotFound(text="No such tag in the last audit\n")
        entry = index.places[place]
        return await sending.page(
            request, lambda: tag_page(entry, app_state.invocation, self._clock())
        )

    async def digest(self, request: web.Request) -> web.StreamResponse:
        """The page of one digest."""
        registry = request.match_info["registry"]
        app_state = self._board.app_state
        reports = app_state.reports
        report = reports.get(registry)
        try:
            digest = Digest.parse(request.match_info["digest"])
        except Malformed:
            raise web.HTTPBadRequest(text="Not a digest: sha256:… is one\n") from None
        if report is None or not await asyncio.to_thread(places, report, digest):
            raise web.HTTPNotFound(text="No such digest in the last audit\n")
        return await sending.page(
            request, lambda: digest_page([*reports.values()], report, digest, app_state.invocation)
        )

    async def document(self, request: web.Request) -> web.StreamResponse:
        """A page of the documentation, or a file that one shows."""
        asked = request.match_info["place"]
        place = self._documentation.place(asked)
        if place is None:
            raise web.HTTPNotFound(text="No such page in this version's documentation\n")
        if place.endswith(("/", ".md")):
            if asked and not asked.endswith("/") and asked not in self._documentation.files:
                raise web.HTTPFound(f"{asked.rpartition('/')[2]}/")  # relative links start there
            return await sending.page(request, lambda: self._documentation.page(place))
        kind = KINDS[place[place.rindex(".") :]]
        body = await asyncio.to_thread(self._documentation.files[place].read_bytes)
        return await sending.send(request, {"Content-Type": kind, "Cache-Control": _A_DAY}, (body,))

    async def icon(self, _: web.Request) -> web.Response:
        """The picture of the browser's tab."""
        return web.Response(
            body=ICON, content_type="image/svg+xml", headers={"Cache-Control": _A_DAY}
        )

    async def report(self, request: web.Request) -> web.StreamResponse:
        """The JSON report, with the filters of the pages, but unpaged."""
        statuses = self._chosen(request.query.getall("registry", []))
        query = read(request.query, (_NAME,))
        name = request.query.get(_NAME, "")
        whole = not name and query.parameters().keys() <= {"registry"}
        if whole and len(statuses) == len(self._board.app_state.statuses):
            return await _json(request, await self._reports.of(statuses))
        async with self._slots:
            if whole:
                return await _json(request, await asyncio.to_thread(self._write, statuses))
            index = await self._indexes.of(self._board.app_state.statuses)

            def fitting() -> bytes:
                # Registries were chosen above, where several may be named.
                found = replace(query, registry="").of(index)
                entries = [each for each in found if name in ("", each.name)]
                return self._write(_narrowed(statuses, entries))

            return await _json(request, await asyncio.to_thread(fitting))

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """The snapshot of the last complete audit, for `--from`."""
        found = self._board.app_state.reports.get(request.match_info["registry"])
        if found is None:
            raise web.HTTPNotFound(text="no such registry, or not audited yet\n")
        async with self._slots:
            headers = {"Content-Type": "application/octet-stream"}
            return await sending.made(request, headers, snapshot_file.encode(found.snapshot))

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


async def _json(request: web.Request, packed: bytes) -> web.StreamResponse:
    headers = {"Content-Type": "application/json", "Vary": "Accept-Encoding"}
    return await sending.compressed(request, headers, (packed,))


def _digest_sought(app_state: AppState, sought: str) -> str:
    """Return the path of the page of a searched digest; nothing for anything else."""
    try:
        digest = Digest.parse(sought.rpartition("@")[2])
    except Malformed:
        return ""
    found = (name for name, report in app_state.reports.items() if places(report, digest))
    return next((digest_path(name, digest) for name in found), "")


def _narrowed(
    statuses: tuple[RegistryStatus, ...], entries: Collection[IndexedTag]
) -> tuple[RegistryStatus, ...]:
    """Return each report with the fitting tags alone, and their findings."""
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
