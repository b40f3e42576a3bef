"""What do the manifests in a storage refer to? Each body is read once, and hashed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from exporter.facts import body
from exporter.facts.gap import Reason
from exporter.sources import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.sources.storage.noted import Noted


class Blobs(Protocol):
    """Where blobs are read from."""

    def contents(self, digests: Sequence[str], limit: int) -> Iterable[bytes | None]:
        """Read blobs, each at most one byte more than the limit; None where there is none.

        Raises `Unseen` or OSError where something on the way may not be read.
        """
        ...


class Bodies:
    """Reads manifests on demand and remembers which: repositories share many of them."""

    def __init__(self, blobs: Blobs, noted: Noted) -> None:
        """Read from a storage; take note in an intake."""
        self._blobs = blobs
        self._noted = noted
        self._children: dict[str, tuple[str, ...]] = {}

    def children(self, digest: str) -> tuple[str, ...]:
        """Return what an index lists, nothing for any other manifest; take note of either once."""
        known = self._children.get(digest)
        if known is None:
            known = self._children[digest] = self._read(digest)
        return known

    def read_ahead(self, digests: Iterable[str]) -> None:
        """Read manifests that will be asked for, where reading them at once is quicker."""
        new = [digest for digest in digests if digest not in self._children]
        contents = self._blobs.contents(new, body.LARGEST)
        for digest, content in zip(new, contents, strict=True):
            self._children[digest] = self._parsed(digest, content)

    def _read(self, digest: str) -> tuple[str, ...]:
        try:
            (content,) = self._blobs.contents([digest], body.LARGEST)
        except (Unseen, OSError) as error:
            self._at(digest).missed(error)
            return ()
        return self._parsed(digest, content)

    def _parsed(self, digest: str, content: bytes | None) -> tuple[str, ...]:
        if content is None:
            return ()
        if len(content) > body.LARGEST:
            self._gap(digest, Reason.TOO_LARGE, f"a manifest of more than {body.LARGEST} bytes")
            return ()
        if not _names(digest, content):
            self._gap(digest, Reason.MALFORMED, "its bytes are not those that the digest names")
        try:
            found = body.read(content)
        except RecursionError:
            self._gap(digest, Reason.TOO_LARGE, "a manifest nested too deep to be read")
            return ()
        self._noted.intake.manifest(digest, found)
        return found.references if found.is_index else ()

    def _gap(self, digest: str, reason: Reason, detail: str) -> None:
        self._at(digest).gap("data", reason, detail)

    def _at(self, digest: str) -> Noted:
        algorithm, _, encoded = digest.partition(":")
        return self._noted.below(f"{algorithm}/{encoded[:2]}/{encoded}")


def _names(digest: str, content: bytes) -> bool:
    algorithm, _, encoded = digest.partition(":")
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() == encoded
