"""What do the manifests in a storage refer to? Each body is read once, and hashed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from exporter.facts import body
from exporter.facts.gap import Reason

if TYPE_CHECKING:
    from exporter.sources.storage.buckets import Buckets
    from exporter.sources.storage.noted import Noted


class Bodies:
    """Reads manifests on demand and remembers which: repositories share many of them."""

    def __init__(self, buckets: Buckets, noted: Noted) -> None:
        """Read from open buckets; take note in an intake."""
        self._buckets = buckets
        self._noted = noted
        self._children: dict[str, tuple[str, ...]] = {}

    def children(self, digest: str) -> tuple[str, ...]:
        """Return what an index lists, nothing for any other manifest; take note of either once."""
        known = self._children.get(digest)
        if known is None:
            known = self._children[digest] = self._read(digest)
        return known

    def _read(self, digest: str) -> tuple[str, ...]:
        algorithm, _, encoded = digest.partition(":")
        here = self._noted.below(f"{algorithm}/{encoded[:2]}/{encoded}")
        with here.going_on():
            content = self._buckets.content(digest, body.LARGEST)
            return self._parsed(digest, content, here) if content is not None else ()
        return ()

    def _parsed(self, digest: str, content: bytes, here: Noted) -> tuple[str, ...]:
        if len(content) > body.LARGEST:
            here.gap("data", Reason.TOO_LARGE, f"a manifest of more than {body.LARGEST} bytes")
            return ()
        if not _names(digest, content):
            here.gap("data", Reason.MALFORMED, "its bytes are not those that the digest names")
        try:
            found = body.read(content)
        except RecursionError:
            here.gap("data", Reason.TOO_LARGE, "a manifest nested too deep to be read")
            return ()
        self._noted.intake.manifest(digest, found)
        return found.references if found.is_index else ()


def _names(digest: str, content: bytes) -> bool:
    algorithm, _, encoded = digest.partition(":")
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() == encoded
