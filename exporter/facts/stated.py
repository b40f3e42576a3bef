"""Content that manifests state, with its sizes, as arrays: a registry has millions of them."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import DIGEST_BYTES, Marks, Rows, rows_of
from exporter.facts.inventory import Bytes
from exporter.oci.links import Kind, PackedLinks, Shape
from exporter.oci.manifest import Manifest

_USUAL: Final = frozenset({Kind.CONFIG, Kind.LAYER})


@dataclass(frozen=True, slots=True)
class StatedContent:
    """The configurations and layers of some manifests that a registry is expected to hold."""

    digests: Rows
    """By sha256, each once and ascending."""
    sizes: Bytes
    """Bytes, as one of the manifests states them."""
    agreed: Marks
    """Do all manifests state the same size?"""
    unusual: frozenset[int]
    """The positions of manifests with further content, which is not in here."""
    _owners: NDArray[np.intp]
    """By reference: the position of its manifest."""
    _rows: NDArray[np.intp]
    """By reference: the row of its content."""

    @classmethod
    def of(cls, manifests: Sequence[Manifest]) -> Self:
        """Return what these manifests state."""
        plain: dict[int, bool] = {}
        digests, sizes, unusual = list[bytes](), list[bytes](), set[int]()
        for at, links in enumerate(each.links for each in manifests):
            if isinstance(links, PackedLinks):
                known = id(links.shape)  # many manifests share one
                if known not in plain:
                    plain[known] = _is_plain(links.shape) and links.distributable
                if plain[known]:
                    digests.append(links.digests)
                    sizes.append(links.packed_sizes)
                    continue
            found = [*_expected(manifests[at])]
            digests.append(b"".join(key for key, _ in found))
            sizes.append(struct.pack(f">{len(found)}q", *(size for _, size in found)))
            if any(link.kind not in (Kind.CHILD, Kind.SUBJECT) for link in links):
                unusual.add(at)
        counts = [len(each) // DIGEST_BYTES for each in digests]
        every = rows_of(b"".join(digests))
        stated = np.frombuffer(b"".join(sizes), ">i8").astype(np.int64)
        order = np.argsort(every, kind="stable")
        every, stated = every[order], stated[order]
        fresh = np.ones(len(every), bool)
        np.not_equal(every[1:], every[:-1], out=fresh[1:])
        rows = np.cumsum(fresh) - 1
        agreed = np.ones(int(fresh.sum()), bool)
        agreed[rows[stated != stated[fresh][rows]]] = False
        owners = np.repeat(np.arange(len(counts)), counts)[order]
        return cls(every[fresh], stated[fresh], agreed, frozenset(unusual), owners, rows)

    def stating(self, marks: Marks) -> list[int]:
        """Return the positions of the manifests that state any of the marked content."""
        found: list[int] = np.unique(self._owners[marks[self._rows]]).tolist()
        return found


def _is_plain(shape: Shape) -> bool:
    return all(kind in _USUAL for kind, _, _, _ in shape)


def _expected(manifest: Manifest) -> Iterator[tuple[bytes, int]]:
    """Yield the digests and sizes of such content of a manifest of any kind."""
    for link in manifest.held:
        target, size = link.target, link.target.size
        if link.kind in _USUAL and size is not None and target.digest.algorithm == "sha256":
            yield target.digest.packed, size or 0
