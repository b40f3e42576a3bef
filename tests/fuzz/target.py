"""What is fuzzed: one reader of foreign bytes, what it may raise, and where its inputs begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.oci.digest import Malformed

CORPUS: Final = Path(__file__).with_name("corpus")


@dataclass(frozen=True)
class Target:
    """One reader. Whatever it raises besides `expected` is a finding."""

    name: str
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    covers: tuple[str, ...]
    """The modules whose reading it puts to the test, without `exporter.`."""
    expected: tuple[type[Exception], ...] = (Malformed,)
    longest: int = 1 << 15
    """Bytes of an input."""

    def corpus(self) -> list[bytes]:
        """Return the seeds, and what was found before and is kept in the folder of its name."""
        kept = sorted((CORPUS / self.name).glob("*"))
        return [*self.seeds, *(each.read_bytes() for each in kept)]
