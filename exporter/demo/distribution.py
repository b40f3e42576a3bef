"""What would distribution 2.8 answer from a storage tree? Written after its handlers, v2.8.3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from exporter.demo import catalogue, ranges
from exporter.demo.answer import Answer, Endpoint, Question, Route, failure, listing, moved, plain
from exporter.demo.layout import Layout
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import parse
from exporter.oci.reference import tag

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.manifest import Descriptor

_MOST_ENTRIES: Final = 1000
_ENTRIES: Final = 100
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_YEAR: Final = 31_536_000


@dataclass(frozen=True, slots=True)
class Distribution:
    """One registry: a storage tree, and what its descriptor cache remembers of it."""

    layout: Layout
    remembered: Mapping[Digest, int] = field(default_factory=dict)
    """Sizes of blobs that the cache answers with, whether their bytes are still there or not."""

    def answer(self, route: Route, question: Question) -> Answer:
        """Answer one request that only reads."""
        allowed = _METHODS.get(route.endpoint)
        if allowed and question.method not in allowed:
            return plain(405, "Method not allowed", {"Allow": ", ".join(allowed)})
        match route.endpoint:
            case Endpoint.BASE:
                return Answer(200, {"Content-Type": "application/json; charset=utf-8"}, b"{}")
            case Endpoint.CATALOG:
                return self._catalog(question.query)
            case Endpoint.TAGS:
                return self._tags(route)
            case Endpoint.MANIFEST:
                return self._manifest(route, question.headers)
            case Endpoint.BLOB:
                return self._blob(route, question.headers)
            case Endpoint.OTHER:
                return _elsewhere(question.path)

    def _catalog(self, query: Mapping[str, str]) -> Answer:
        entries, asked = _ENTRIES, query.get("n", "")
        if _NUMBER.fullmatch(asked) and int(asked) >= 0:
            entries = int(asked)
        if entries > _MOST_ENTRIES:
            return failure("PAGINATION_NUMBER_INVALID", {"n": entries})
        if not entries:
            return listing({"repositories": []})
        root = self.layout.repositories
        names, more = catalogue.page(root, query.get("last", ""), entries)
        if not more:
            return listing({"repositories": names})
        following = urlencode({"last": names[-1], "n": entries})
        link = f'</v2/_catalog?{following}>; rel="next"'
        return listing({"repositories": names}, {"Link": link})

    def _tags(self, route: Route) -> Answer:
        try:
            tags = [each.name for each in self.layout.tags(route.repository).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return failure("NAME_UNKNOWN", {"name": route.repository})
        return listing({"name": route.repository, "tags": tags or None})

    def _manifest(self, route: Route, headers: Mapping[str, str]) -> Answer:
        try:
            digest = _digest(route) or self._tagged(route)
            if digest is None:
                return failure("MANIFEST_UNKNOWN", {"Tag": route.reference})
            if headers.get("if-none-match") in (digest, f'"{digest}"'):
                return Answer(304)
            body = self._linked(route, digest)
            if body is None:
                gone = {"Name": route.repository, "Revision": digest}
                return failure("MANIFEST_UNKNOWN", gone)
            media_type = parse(body, digest).media_type
        except Malformed:
            return failure("UNKNOWN", {})
        return Answer(200, {"Content-Type": media_type, **_named(digest)}, body)

    def _tagged(self, route: Route) -> Digest | None:
        """To what does a tag point? Raises `Malformed` for a damaged link, and for a non-tag."""
        return _link(self.layout.current(route.repository, tag(route.reference)))

    def _linked(self, route: Route, digest: Digest) -> bytes | None:
        """Read a manifest that the repository has a link to; old registries kept it with layers."""
        for link in (
            self.layout.revision(route.repository, digest),
            self.layout.layer(route.repository, digest),
        ):
            target = _link(link)
            if target is not None:
                return _content(self.layout.data(target))
        return None

    def _blob(self, route: Route, headers: Mapping[str, str]) -> Answer:
        digest = _digest(route)
        if digest is None:
            return failure("DIGEST_INVALID", {})
        try:
            target = _link(self.layout.layer(route.repository, digest))
        except Malformed:
            return failure("UNKNOWN", {})
        body = _content(self.layout.data(target)) if target else None
        size = self.remembered.get(target, len(body or b"")) if target else 0
        if target is None or (body is None and target not in self.remembered):
            return failure("BLOB_UNKNOWN", digest)
        return _served(target, body or b"", size, headers)


def remember(layout: Layout) -> dict[Digest, int]:
    """Return what a descriptor cache holds of a tree: each push has looked up every blob."""
    links = layout.repositories.glob("**/_manifests/revisions/*/*/link")
    blobs = (each for link in links for each in _needed(layout, link))
    return {each.digest: each.size for each in blobs if each.size is not None}


def _needed(layout: Layout, link: Path) -> tuple[Descriptor, ...]:
    """Name the blobs of a manifest; of one that cannot be read, none."""
    try:
        digest = _link(link)
        body = _content(layout.data(digest)) if digest else None
        return parse(body, digest).content if digest and body else ()
    except Malformed:
        return ()


def _served(digest: Digest, body: bytes, size: int, headers: Mapping[str, str]) -> Answer:
    """Hand out a blob, or a part of it, as Go's `http.ServeContent` does."""
    told = {**_named(digest), "Cache-Control": f"max-age={_YEAR}"}
    if headers.get("if-none-match") == f'"{digest}"':
        return Answer(304, told)
    try:
        part = ranges.part(headers.get("range", ""), size)
    except ranges.Unsatisfiable as error:
        lacking = {} if error.overlaps else {"Content-Range": f"bytes */{size}"}
        # 2.8 states the whole blob's length here, and closes on the shorter text.
        return replace(plain(416, str(error), told | lacking), announced=size)
    told |= {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    if part is None:
        return Answer(200, told, body, size)
    told["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return Answer(206, told, body[part.start : part.stop], len(part))


def _elsewhere(path: str) -> Answer:
    """Answer for what is no route: one with a slash too many or too few is close to one."""
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    if Route.of(other).endpoint is Endpoint.OTHER:
        return plain(404, "404 page not found")
    return moved(other)


def _digest(route: Route) -> Digest | None:
    try:
        return Digest.parse(route.reference)
    except Malformed:
        return None


def _named(digest: Digest) -> dict[str, str]:
    return {"Docker-Content-Digest": digest, "Etag": f'"{digest}"'}


def _link(path: Path) -> Digest | None:
    """Read a link; raise `Malformed` where it does not hold a digest."""
    body = _content(path)
    return None if body is None else Digest.parse(body.decode(errors="replace"))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


_METHODS: Final = {
    Endpoint.CATALOG: ("GET",),
    Endpoint.TAGS: ("GET",),
    Endpoint.MANIFEST: ("GET", "HEAD"),
    Endpoint.BLOB: ("GET", "HEAD"),
}
