"""What does a plain manifest refer to, in few bytes? Enough to spare reading it a second time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.facts.digests import DIGEST_BYTES, pack_texts, unpacked

if TYPE_CHECKING:
    from exporter.facts.body import Body


@dataclass(frozen=True, slots=True)
class Outline:
    """What a manifest says that every collector reads, and that names sha256 digests only."""

    size: int
    """Bytes of the body, when its hash was right."""
    is_index: bool
    packed: bytes
    """Its references in order, thirty-two bytes each."""

    def __len__(self) -> int:
        """How many references are there?"""
        return len(self.packed) // DIGEST_BYTES

    @property
    def references(self) -> tuple[str, ...]:
        """The digests that it refers to, in order."""
        return unpacked(self.packed)


def outline(size: int, body: Body) -> Outline | None:
    """Return a body's outline; None for what is not plain, and so is read each time."""
    if body.fault_2 or body.fault_3:
        return None
    packed = pack_texts(body.references)
    return None if packed is None else Outline(size, body.is_index, packed)
