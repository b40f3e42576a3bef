"""How does content get into a repository, and out again, when a test must choose every step?"""

from __future__ import annotations

import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import httpx

from exporter.oci.links import ACCEPT, SCHEMA1_SIGNED
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.oci.digest import Digest
    from tests.worlds import Blob, Made

_TYPES: Final = ", ".join((*ACCEPT, SCHEMA1_SIGNED))


@dataclass(frozen=True, slots=True)
class Client:
    """A plain client of one repository: pushes, deletes, and asks, without any judgement."""

    http: httpx.Client

    @classmethod
    @contextmanager
    def to(
        cls, url: str, repository: str, authority: Path | None, authorization: str | None
    ) -> Iterator[Self]:
        """Open a client; `authority` is a CA to trust, `authorization` a header's value."""
        with httpx.Client(
            base_url=f"{url}/v2/{repository}/",
            verify=ssl.create_default_context(cafile=authority) if authority else False,
            headers={"Authorization": authorization} if authorization else {},
            trust_env=False,
            timeout=PATIENCE,
        ) as http:
            yield cls(http)

    def push(self, made: Made, *tags: str) -> None:
        """Push a manifest with everything below it: children by digest only, as BuildKit does."""
        for manifest in made.walk():
            for blob in manifest.blobs:
                self.push_blob(blob)
            self.put(manifest).raise_for_status()
        for tag in tags:
            self.put(made, tag).raise_for_status()

    def push_blob(self, blob: Blob) -> None:
        """Upload a blob, unless the registry claims to have it: that is how clients go."""
        if not blob.stored or self.head("blobs", blob.digest).is_success:
            return
        begun = self.http.post("blobs/uploads/").raise_for_status()
        where = begun.url.join(begun.headers["Location"]).copy_merge_params({"digest": blob.digest})
        kind = {"Content-Type": "application/octet-stream"}
        self.http.put(where, content=blob.body, headers=kind).raise_for_status()

    def put(self, made: Made, tag: str | None = None) -> httpx.Response:
        """Put a manifest under a tag, or under its digest alone."""
        kind = {"Content-Type": made.media_type}
        return self.http.put(f"manifests/{tag or made.digest}", content=made.body, headers=kind)

    def delete(self, digest: Digest) -> None:
        """Delete a manifest by digest; every tag that points to it goes with it."""
        self.http.delete(f"manifests/{digest}").raise_for_status()

    def head(self, kind: str, reference: str) -> httpx.Response:
        """Ask for the headers of one of the `manifests` or `blobs`."""
        return self.http.head(f"{kind}/{reference}", headers={"Accept": _TYPES})

    def get(self, kind: str, reference: str) -> httpx.Response:
        """Ask for one of the `manifests` or `blobs`."""
        return self.http.get(f"{kind}/{reference}", headers={"Accept": _TYPES})

    def bytes_of(self, blob: Blob, *, last_only: bool = False) -> tuple[int, int]:
        """Ask for a blob's bytes, or for the last one: the status, and how many really came."""
        last = len(blob.body) - 1
        headers = {"Range": f"bytes={last}-{last}"} if last_only else {}
        count = 0
        with self.http.stream("GET", f"blobs/{blob.digest}", headers=headers) as answer:
            with suppress(httpx.RemoteProtocolError):  # it promises more than it sends
                for chunk in answer.iter_raw():
                    count += len(chunk)
            return answer.status_code, count
