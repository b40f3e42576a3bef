"""Manifests in a storage: each body is read once, hashed, and parsed.

The references of a manifest are cached by its digest. As long as the listing shows the size of its
body, it is not opened again: a truncated, emptied or longer file is noticed, and a flipped bit that
keeps the size is found by a scrub.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from exporter.facts import body
from exporter.facts.body import Outline
from exporter.facts.digests import DIGEST_BYTES, pack_texts
from exporter.facts.gap import Reason
from exporter.memory import Outlines
from exporter.sources.storage.context import ReadContext

_log: Final = logging.getLogger("pullproof.storage")

_WAITING: Final = 10_000
"""Outlines that wait in memory before they are cached."""


ReadBlobs = Callable[[Sequence[str], int], Iterable[bytes | None]]
"""Reads blobs, at most `limit` + 1 bytes of each; None for a missing blob.

Raises `Unseen` or OSError if a folder or file cannot be read.
"""


class ManifestReader:
    """Reader of manifests on demand, each once: repositories share many of them."""

    def __init__(
        self,
        read_blobs: ReadBlobs,
        context: ReadContext,
        outlines: Outlines | None,
        size: Callable[[str], int] | None = None,
    ) -> None:
        """Add the references of manifests; those in `outlines` are not read again.

        `size` returns the size of a manifest in bytes, where blobs are not listed first.
        """
        self._size = size
        self._read_blobs = read_blobs
        self._context = context.below("blobs")
        self._outlines = outlines
        self._children: dict[str, tuple[str, ...]] = {}
        self._fresh: dict[bytes, Outline] = {}

    def children(self, digest: str) -> tuple[str, ...]:
        """Return the entries of an index, nothing for any other manifest."""
        if digest not in self._children:
            try:
                self.read_ahead([digest])
            except Exception as error:  # noqa: BLE001 - of one manifest, which is a gap
                self._at(digest).missed(error)
                self._children[digest] = ()
        return self._children[digest]

    def read_ahead(self, digests: Iterable[str]) -> None:
        """Read manifests in advance, where reading them at once is faster.

        Raises `Unseen` or OSError as the blobs do.
        """
        new = [digest for digest in digests if digest not in self._children]
        contents = self._read_blobs(new, body.LARGEST)
        for digest, content in zip(new, contents, strict=True):
            here = self._at(digest)
            self._children[digest] = ()
            with here.errors_as_gaps():
                if content is not None:
                    self._children[digest] = self._parsed(digest, content, here)

    def recall(self, digests: Iterable[str]) -> None:
        """Add the manifests that are cached and still have their size."""
        new = [digest for digest in dict.fromkeys(digests) if digest not in self._children]
        packed = pack_texts(new)
        if self._outlines is None or not packed:
            return  # where one is no sha256 digest, all are read
        keys = [packed[at : at + DIGEST_BYTES] for at in range(0, len(packed), DIGEST_BYTES)]
        known = self._known(self._outlines, keys)
        sizes: Iterable[int] = ()
        if known:
            size = self._size
            sizes = map(size, new) if size else self._context.builder.sizes(packed)
        alike = {
            digest: known[key]
            for digest, key, size in zip(new, keys, sizes, strict=False)
            if key in known and known[key].size == size
        }
        self._context.builder.manifests.add_outlines(alike)
        for digest, found in alike.items():
            self._children[digest] = found.references if found.is_index else ()

    def _known(self, outlines: Outlines, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
        try:
            return outlines.outlines(keys)
        except Exception:  # noqa: BLE001 - without it they are read, and nothing is lost
            _log.exception("cached manifest references not read")
            return {}

    def keep(self) -> None:
        """Cache what was read."""
        fresh, self._fresh = self._fresh, {}
        try:
            if self._outlines is not None and fresh:
                self._outlines.keep_outlines(fresh)
        except Exception:  # noqa: BLE001 - likewise
            _log.exception("manifest references not cached")

    def _parsed(self, digest: str, content: bytes, context: ReadContext) -> tuple[str, ...]:
        if len(content) > body.LARGEST:
            detail = f"a manifest of more than {body.LARGEST} bytes"
            context.gap("data", Reason.TOO_LARGE, detail)
            return ()
        is_whole = _names(digest, content)
        if not is_whole:
            context.gap("data", Reason.MALFORMED, "its bytes are not those that the digest names")
        try:
            found = body.read(content)
        except body.Unreadable as error:
            context.gap("data", Reason.UNREADABLE, f"not a plain manifest: {error}")
            return ()
        context.builder.manifests.add(digest, found)
        if is_whole and self._outlines is not None:
            self._remember(digest, found.outline(len(content)))
        return found.references if found.is_index else ()

    def _remember(self, digest: str, found: Outline | None) -> None:
        key = pack_texts([digest])
        if found is not None and key is not None:
            self._fresh[key] = found
        if len(self._fresh) >= _WAITING:
            self.keep()

    def _at(self, digest: str) -> ReadContext:
        algorithm, _, encoded = digest.partition(":")
        return self._context.below(f"{algorithm}/{encoded[:2]}/{encoded}")


def _names(digest: str, content: bytes) -> bool:
    algorithm, _, encoded = digest.partition(":")
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() == encoded
