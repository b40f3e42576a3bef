"""A registry that serves a storage tree over HTTP, read-only, much as distribution 2.8 does."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.demo.storage_tree import StorageTree
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import parse
from exporter.oci.reference import Repository, repository, tag

_JSON: Final = "application/json; charset=utf-8"
_FAILURES: Final = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "UNKNOWN": (500, "unknown error"),
}


@dataclass(frozen=True, slots=True)
class EmbeddedRegistry:
    """One registry: a storage tree, and its descriptor cache."""

    tree: StorageTree
    remembered: Mapping[Digest, int] = field(default_factory=dict)
    """Sizes of blobs in the cache, whether their bytes still exist or not."""

    @classmethod
    def of(cls, root: Path, *, lying_cache: bool = False) -> Self:
        """Serve the tree below a root.

        With `lying_cache` it answers for blobs whose link stands and whose bytes are gone: 200 or
        206 with the right length, no byte, and a closed connection. So does a real 2.8 whose
        descriptor cache is older than the collection.
        """
        tree = StorageTree(root)
        return cls(tree, tree.sizes() if lying_cache else {})

    def application(self) -> web.Application:
        """Return it as an application of its own."""
        application = web.Application(middlewares=[_damaged])
        application.on_response_prepare.append(_versioned)
        for path, handler in (
            ("/v2/", self._base),
            ("/v2/_catalog", self._catalogue),
            ("/v2/{name:.+}/tags/list", self._tags),
            ("/v2/{name:.+}/manifests/{reference}", self._manifest),
            ("/v2/{name:.+}/blobs/{reference}", self._blob),
        ):
            application.router.add_get(path, handler)
        return application

    async def _base(self, _: web.Request) -> web.Response:
        return web.Response(body=b"{}", headers={"Content-Type": _JSON})

    async def _catalogue(self, _: web.Request) -> web.Response:
        root = self.tree.repositories
        names = (each.parent.relative_to(root).as_posix() for each in root.glob("**/_layers"))
        return _document({"repositories": sorted(names)})

    async def _tags(self, request: web.Request) -> web.Response:
        name = _name(request)
        try:
            tags = [each.name for each in self.tree.tags(name).iterdir()]
        except FileNotFoundError:
            return _failure("NAME_UNKNOWN", {"name": name})
        return _document({"name": name, "tags": tags or None})

    async def _manifest(self, request: web.Request) -> web.Response:
        name, reference = _name(request), request.match_info["reference"]
        digest = _digest(reference) or self._tagged(name, reference)
        if digest is None:
            return _failure("MANIFEST_UNKNOWN", {"Tag": reference})
        target = _link(self.tree.revision(name, digest))
        body = _content(self.tree.data(target)) if target else None
        if body is None:
            return _failure("MANIFEST_UNKNOWN", {"Name": name, "Revision": digest})
        told = {"Content-Type": parse(body, digest).media_type}
        return web.Response(body=body, headers=told | _named(digest))

    def _tagged(self, name: Repository, reference: str) -> Digest | None:
        try:
            named = tag(reference)
        except Malformed as error:
            raise web.HTTPNotFound from error
        return _link(self.tree.current(name, named))

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        name, digest = _name(request), _digest(request.match_info["reference"])
        if digest is None:
            return _failure("DIGEST_INVALID", {})
        target = _link(self.tree.layer(name, digest))
        body = _content(self.tree.data(target)) if target else None
        if target is None or (body is None and target not in self.remembered):
            return _failure("BLOB_UNKNOWN", digest)
        size = self.remembered.get(target, len(body or b""))
        return await _served(request, target, body or b"", size)


@asynccontextmanager
async def served(
    registry: EmbeddedRegistry, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve a registry; yield its `host:port`. Port 0 is any free one."""
    runner = web.AppRunner(registry.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def _served(
    request: web.Request, digest: Digest, body: bytes, size: int
) -> web.StreamResponse:
    """Serve a blob of a size, or a part of it, as far as its bytes exist."""
    part, status = range(size), 200
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    if request.headers.get("Range"):
        try:
            part, status = range(size)[request.http_range], 206
        except ValueError:
            part = range(0)
        if not part:
            raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    response = web.StreamResponse(status=status, headers=headers | _named(digest))
    response.content_length = len(part)
    await response.prepare(request)
    if request.method != "HEAD":
        there = body[part.start : part.stop]
        await response.write(there)
        if len(there) < len(part):
            response.force_close()
    return response


@web.middleware
async def _damaged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer for a damaged link or manifest in the storage."""
    try:
        return await handler(request)
    except Malformed:
        return _failure("UNKNOWN", {})


async def _versioned(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"


def _name(request: web.Request) -> Repository:
    try:
        return repository(request.match_info["name"])
    except Malformed as error:
        raise web.HTTPNotFound from error


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except Malformed:
        return None


def _link(path: Path) -> Digest | None:
    """Read a link; raise `Malformed` if it does not hold a digest."""
    body = _content(path)
    return None if body is None else Digest.parse(body.decode(errors="replace"))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _named(digest: Digest) -> dict[str, str]:
    return {"Docker-Content-Digest": digest, "Etag": f'"{digest}"'}


def _failure(code: str, detail: object) -> web.Response:
    status, message = _FAILURES[code]
    return _document({"errors": [{"code": code, "message": message, "detail": detail}]}, status)


def _document(document: object, status: int = 200) -> web.Response:
    body = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    return web.Response(status=status, body=body, headers={"Content-Type": _JSON})
