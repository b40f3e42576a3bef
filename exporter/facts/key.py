"""By which two numbers is a digest joined in an engine that has no fixed bytes?"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import Digests, pack_texts

Halves = NDArray[np.int64]

_HALVES: Final = struct.Struct(">qq")


def key(text: str) -> tuple[int, int]:
    """Return a digest's key: the first sixteen bytes of a sha256, as two signed numbers.

    Any other text is hashed first. A hundred and twenty-eight bits of sha256: nobody has ever made
    two texts that agree in so many.
    """
    packed = pack_texts([text]) or hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    high, low = _HALVES.unpack_from(packed)
    return high, low


def keys(digests: Digests) -> tuple[Halves, Halves]:
    """Return the keys of all digests, by their numbers."""
    others = np.array([key(text) for text in digests.others], np.int64).reshape(-1, 2)
    halves = np.ascontiguousarray(digests.packed[:, :16]).view(">i8").astype(np.int64)
    both = np.concatenate([halves.reshape(-1, 2), others])
    return both[:, 0], both[:, 1]
