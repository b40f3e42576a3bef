"""Python's cyclic garbage collector, kept from holding up everybody."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_YOUNG: Final = (10_000, 10, 1_000_000_000)
"""New objects until the youngest are searched, and such searches until the older ones are. Never
all of them: that holds every thread, for nine seconds at a hundred thousand broken tags."""
_FEW: Final = 300_000
"""Objects that are searched in less than a tenth of a second."""


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


def search_young_only() -> None:
    """Search for cycles among new objects alone from now on; `rest` sees to the others."""
    gc.collect()
    gc.set_threshold(*_YOUNG)
    gc.freeze()


def rest() -> None:
    """Take what is there now out of all searches, after one more where there is little of it.

    What an audit leaves are values without cycles, which end with their last reference. Where there
    is much of it, the few cycles among it are never missed.
    """
    gc.freeze()
    if gc.get_freeze_count() < _FEW:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
