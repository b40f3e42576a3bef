"""Content that manifests state, with its sizes, as arrays: a registry has millions of them."""

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
        usual, unusual = dict[int, PackedLinks](), set[int]()
        rest: list[tuple[int, bytes, int]] = []
        for at, links in enumerate(each.links for each in manifests):
            if isinstance(links, PackedLinks):
                known = id(links.shape)  # many manifests share one
                if known not in plain:
                    plain[known] = _is_plain(links.shape) and links.distributable
                if plain[known]:
                    usual[at] = links
                    continue
            rest += ((at, key, size) for key, size in _expected(manifests[at]))
            if any(link.kind not in (Kind.CHILD, Kind.SUBJECT) for link in links):
                unusual.add(at)
        every, stated = references([*usual.values()])
        owners = np.repeat(np.array([*usual], np.intp), [len(each) for each in usual.values()])
        if rest:
            every = np.concatenate([every, rows_of(b"".join(key for _, key, _ in rest))])
            stated = np.concatenate([stated, np.array([size for *_, size in rest], np.int64)])
            owners = np.concatenate([owners, np.array([at for at, *_ in rest], np.intp)])
        order = np.argsort(every, kind="stable")
        every, stated = every[order], stated[order]
        fresh = np.ones(len(every), bool)
        np.not_equal(every[1:], every[:-1], out=fresh[1:])
        rows = np.cumsum(fresh) - 1
        agreed = np.ones(int(fresh.sum()), bool)
        agreed[rows[stated != stated[fresh][rows]]] = False
        return cls(every[fresh], stated[fresh], agreed, frozenset(unusual), owners[order], rows)

    def stating(self, marks: Marks) -> list[int]:
        """Return the positions of the manifests that state any of the marked content."""
        found: list[int] = np.unique(self._owners[marks[self._rows]]).tolist()
        return found


def references(links: Sequence[PackedLinks]) -> tuple[Rows, Bytes]:
    """Return the digests of all that links name, one after the other, and their sizes in bytes."""
    source = links[0].source if links else None
    alike = [each.short for each in links if each.source is source]
    short = [each for each in alike if each is not None]
    if source is None or len(short) < len(links):
        sizes = np.frombuffer(b"".join([each.packed_sizes for each in links]), ">i8")
        return rows_of(b"".join([each.digests for each in links])), sizes.astype(np.int64)
    numbers = np.frombuffer(b"".join(short), np.uint32)
    counts = np.array([len(each) for each in links])
    before = np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.arange(len(before)) + before
    sizes = numbers[starts + np.repeat(counts, counts)].astype(np.int64)
    return rows_of(source)[numbers[starts] // DIGEST_BYTES], sizes


def _is_plain(shape: Shape) -> bool:
    return all(kind in _USUAL for kind, _, _, _ in shape)


def _expected(manifest: Manifest) -> Iterator[tuple[bytes, int]]:
    """Yield the digests and sizes of such content of a manifest of any kind."""
    for link in manifest.held:
        target, size = link.target, link.target.size
        if link.kind in _USUAL and size is not None and target.digest.algorithm == "sha256":
            yield target.digest.packed, size or 0
