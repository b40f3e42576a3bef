"""Uploads of lost content under its own digest. No tag is set, and nothing is deleted.

Source: OCI distribution-spec 1.1, "Pushing blobs" (POST then PUT) and "Mounting a blob".
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

import httpx

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Repository
from exporter.ports import ManifestBody, Unseen, UploadContent
from exporter.sources.registry.address import Address
from exporter.sources.registry.client import Client, headers
from exporter.sources.registry.keep_tags import TagWriter, WritingClient, check_taken
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.responses import error_entries, refusal
from exporter.sources.registry.transport import message

_SLOWEST: Final = 65_536
"""Minimum rate of an upload, in bytes a second."""
_CREATED, _ACCEPTED, _TOO_LARGE = 201, 202, 413
_KEPT: Final = frozenset({307, 308})
"""Redirects that keep the method and the body (RFC 9110, 15.4.8)."""
_AGAIN: Final = frozenset({Reason.RESET, Reason.TRUNCATED, Reason.SERVER_ERROR})
"""Statuses after which an upload starts again: the state of its session is unknown."""
_SESSION_LOST: Final = frozenset({"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"})


@dataclass(frozen=True, slots=True)
class BlobUpload(Request):
    """One request of an upload: the first one has no content."""

    content: AsyncIterable[bytes] | None = field(default=None, repr=False)
    size: int = 0


class UploadClient(WritingClient):
    """Client that also uploads blobs; a login is sent to the registry alone."""

    def compose(self, request: Request, address: Address, authorization: str) -> httpx.Request:
        """Return the message of a read, a manifest, or a part of an upload."""
        if not isinstance(request, BlobUpload):
            return super().compose(request, address, authorization)
        own = address.origin == self.registry.origin
        sent = headers(request, authorization if own else "")
        sent.append(("Content-Length", str(request.size)))
        if request.content is None:
            return message(request.method, address, sent)
        sent.append(("Content-Type", "application/octet-stream"))
        return message(request.method, address, sent, request.content)

    def seconds(self, request: Request) -> float:
        """Return the timeout of a slow upload; the registry may copy it afterwards."""
        if not isinstance(request, BlobUpload):
            return super().seconds(request)
        return self._limits.list_deadline + request.size / _SLOWEST

    async def send(self, request: Request, authorization: str) -> Response:
        """Send a request once; the challenge of another host than the registry is not answered."""
        response = await super().send(request, authorization)
        if isinstance(request, BlobUpload) and request.url:
            response.foreign |= Address.parse(request.url).origin != self.registry.origin
        return response

    def onward(self, request: Request, here: Address, response: Response) -> Address:
        """Return the target of a redirect; an upload follows it on its own host only."""
        if not isinstance(request, BlobUpload) or response.status not in _KEPT:
            return super().onward(request, here, response)
        there = super().onward(replace(request, method="GET"), here, response)
        if there.origin != here.origin:
            raise Unseen(
                request.subject, Reason.REDIRECT, "an upload is redirected to another host"
            )
        return there


class Uploader(TagWriter):
    """One registry that lost content is uploaded to; implements `exporter.ports.ContentWriter`."""

    way: ClassVar[type[Client]] = UploadClient

    async def upload(
        self,
        repository: Repository,
        digest: Digest,
        content: UploadContent,
        origin: Repository | None = None,
    ) -> bool:
        """Upload a blob, without a request whether the registry has it.

        `origin` is another repository with the same bytes: they are mounted if the registry
        supports that. Returns whether they were. Raises `Unseen`.
        """
        place = await self._begin(repository, digest, origin)
        for tried in range(1, self.limits.tries + 1):
            if place is None:
                return True
            try:
                await self._finish(repository, digest, content, place)
            except Unseen as unseen:
                if tried == self.limits.tries or unseen.reason not in _AGAIN:
                    raise
                place = await self._begin(repository, digest, None)
            else:
                return False
        raise AssertionError("an upload is tried at least once")

    async def restore(self, repository: Repository, body: ManifestBody) -> None:
        """Put a manifest under its own digest. Raises `Unseen`."""
        await self.put(repository, body.digest, body)

    async def _begin(
        self, repository: Repository, digest: Digest, origin: Repository | None
    ) -> Address | None:
        """Start an upload; return the address for its bytes, None if they were mounted."""
        path = f"/v2/{repository}/blobs/uploads/"
        request = _request("POST", repository, digest)
        if origin is None:
            request = replace(request, path=path)
        else:
            scope = f"{request.scope} repository:{origin}:pull"
            request = replace(request, path=f"{path}?mount={digest}&from={origin}", scope=scope)
        response = await self.send(request)
        if origin is not None and response.status == _CREATED:
            return None
        if response.status != _ACCEPTED:
            raise _refused(response, request.subject)
        try:
            registry = self._client.registry
            asked = Address.parse(registry.base + registry.target + path)
            return asked.onward(response.headers.get("location", ""))
        except Malformed as error:
            why = f"202, but its Location is {error}"
            raise Unseen(request.subject, Reason.NOT_A_REGISTRY, why) from error

    async def _finish(
        self, repository: Repository, digest: Digest, content: UploadContent, place: Address
    ) -> None:
        joint = "&" if "?" in place.target else "?"
        url = f"{place.base}{place.target}{joint}digest={digest}"
        request = _request("PUT", repository, digest)
        request = replace(request, url=url, content=content, size=content.size)
        response = await self.send(request)
        if response.status != _CREATED:
            raise _refused(response, request.subject)


def _request(method: str, repository: Repository, digest: Digest) -> BlobUpload:
    return BlobUpload(
        endpoint="blob",
        subject=f"{repository}@{digest}",
        scope=f"repository:{repository}:pull,push",
        repository=repository,
        method=method,
    )


def _refused(response: Response, subject: str) -> Unseen:
    """Return why an upload failed."""
    if response.status == _TOO_LARGE:
        words = "413: larger than the registry, its quota or a proxy before it allows"
        return Unseen(subject, Reason.TOO_LARGE, words)
    if {each.code for each in error_entries(response)} & _SESSION_LOST:
        return Unseen(subject, Reason.TRUNCATED, f"{response.status}: the upload was interrupted")
    try:
        check_taken(response, subject)
    except Unseen as unseen:
        return unseen
    return refusal(response, subject)
