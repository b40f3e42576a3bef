"""Digests of content are kept once, with its sightings: manifests say where theirs are there."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Final

import numpy as np

from exporter.facts.digests import ABSENT, DIGEST_BYTES, find, rows_of, split
from exporter.facts.sightings import Sightings
from exporter.oci.digest import PACKED, Digest
from exporter.oci.links import PackedLinks, forget_objects
from exporter.oci.manifest import Manifest

_MOST: Final = 2**32
"""Bytes of one repository's digests among which each is named by four."""
_FEW: Final = 64
"""Manifests that are searched in a repository one by one."""
_AT_ONCE: Final = 1 << 14
"""Manifests whose digests are at hand as they are."""


def share_digests(manifests: Mapping[Digest, Manifest], sightings: Sightings) -> None:
    """Let manifests name content by its place among the digests seen in a repository.

    All that was seen there must include all that a manifest names; others have their digests
    themselves. No manifest refers to the digests of earlier sightings any more, which would keep
    nearly the same bytes twice. They stay equal in every way.
    """
    forget_objects()
    repositories = [sightings.digests(each) for each in sightings.repositories]
    kept = set(map(id, repositories))
    waiting: dict[bytes, tuple[Manifest, PackedLinks]] = {
        digest.packed: (each, each.links)
        for digest, each in manifests.items()
        if isinstance(each.links, PackedLinks) and id(each.links.source) not in kept
        if len(digest.packed) == PACKED
    }
    for source in filter(lambda each: len(each) < _MOST, repositories):
        here = _among(source, waiting)
        while found := {key: waiting[key][1] for key in islice(here, _AT_ONCE)}:
            for key, links in _by_place(source, found).items():
                waiting.pop(key)[0].hold(links)
    for manifest, links in waiting.values():
        if links.source is not None:
            manifest.hold(links.alone())


def _among(source: bytes, keys: Collection[bytes]) -> Iterator[bytes]:
    """Yield the digests that are among sorted ones; those yielded may be taken out meanwhile."""
    if len(keys) > _FEW:
        every = (source[at : at + PACKED] for at in range(0, len(source), PACKED))
        yield from (each for each in every if each in keys)
    else:
        needles = rows_of(b"".join(keys))
        yield from split(needles[find(rows_of(source), needles) != ABSENT])


def _by_place(source: bytes, manifests: Mapping[bytes, PackedLinks]) -> dict[bytes, PackedLinks]:
    """Return equal links of those manifests whose content is among sorted digests, all of it."""
    packed = [each.digests for each in manifests.values()]
    places = find(rows_of(source), rows_of(b"".join(packed)))
    ends = np.cumsum([len(each) // DIGEST_BYTES for each in packed])
    own = zip(manifests.items(), np.split(places, ends), strict=False)
    return {
        key: links.among(source, (part.astype(np.uint32) * DIGEST_BYTES).tobytes())
        for (key, links), part in own
        if (part != ABSENT).all()
    }
