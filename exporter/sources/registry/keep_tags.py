"""Keep tags: a PUT of the bytes of a manifest that exists, under another tag.

With `uploads` beside it, the only code here that writes to a registry.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import httpx

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import parse
from exporter.oci.reference import Repository, Tag
from exporter.ports import ManifestBody, Unseen, Wrong
from exporter.sources.registry.address import Address
from exporter.sources.registry.client import Client, headers
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.responses import refusal
from exporter.sources.registry.transport import message

_SET: Final = frozenset({200, 201, 202})
"""201 by the specification ("Pushing Manifests"); some registries answer otherwise."""

_READ_ONLY: Final = 405
"""Answer to an upload in read-only mode (distribution 2.8 and 3.1, `maintenance.readonly`)."""


@dataclass(frozen=True, slots=True)
class TagUpload(Request):
    """PUT of a manifest's bytes under a tag or its digest."""

    content: bytes = field(default=b"", repr=False)
    media_type: str = ""


class WritingClient(Client):
    """Client that also uploads manifests, to the registry alone."""

    def compose(self, request: Request, address: Address, authorization: str) -> httpx.Request:
        """Return the message of a read or an upload."""
        if not isinstance(request, TagUpload):
            return super().compose(request, address, authorization)
        sent = [*headers(request, authorization), ("Content-Type", request.media_type)]
        return message("PUT", address, sent, request.content)


class TagWriter(Distribution):
    """One registry whose tags can be set; implements `exporter.ports.KeepTagger`."""

    way: ClassVar[type[Client]] = WritingClient

    async def add_tag(self, repository: Repository, digest: Digest, tag: Tag) -> None:
        """Set a tag to an existing manifest, by a PUT of its bytes.

        A tag that references something else is not changed. Raises `Unseen` unless the tag is
        proven to reference the manifest afterwards.
        """
        subject = f"{repository}:{tag}"
        there = await self.head(repository, tag)
        if there == digest:
            return
        if isinstance(there, Digest):
            raise Unseen(subject, Reason.UNCONFIRMED, f"the tag points at {there} by now")
        if isinstance(there, Wrong):
            raise Unseen(subject, Reason.SERVER_ERROR, f"the tag is there: {there.detail}")
        body = await self.manifest(repository, digest)
        if not isinstance(body, ManifestBody):
            raise Unseen(subject, Reason.UNCONFIRMED, "the manifest is not there any more")
        await self.put(repository, tag, body)
        if await self.head(repository, tag) != digest:
            raise Unseen(subject, Reason.WRONG_DIGEST, "set, but it does not point at the manifest")

    async def put(
        self, repository: Repository, reference: Tag | Digest, body: ManifestBody
    ) -> None:
        """Put a manifest under a tag, or under its own digest. Raises `Unseen`."""
        request = _upload(repository, reference, body)
        check_taken(await self.send(request), request.subject)


def check_taken(response: Response, subject: str) -> None:
    """Raise `Unseen` for a response that states no success."""
    if response.status == _READ_ONLY:
        raise Unseen(subject, Reason.UNSUPPORTED, "405: the registry takes no uploads")
    if response.status not in _SET:
        raise refusal(response, subject)


def _upload(repository: Repository, reference: Tag | Digest, body: ManifestBody) -> TagUpload:
    subject = f"{repository}{'@' if isinstance(reference, Digest) else ':'}{reference}"
    try:
        media_type = parse(body.content, body.digest).media_type
    except Malformed as error:
        raise Unseen(subject, Reason.MALFORMED, str(error)) from error
    return TagUpload(
        endpoint="manifest",
        subject=subject,
        path=f"/v2/{repository}/manifests/{reference}",
        scope=f"repository:{repository}:pull,push",
        repository=repository,
        method="PUT",
        content=body.content,
        media_type=media_type,
    )
