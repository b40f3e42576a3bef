"""How are many small files looked at without waiting for each? In pieces, by a few threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")

_HANDS: Final = 4
"""More than a small machine has cores: on a slow or a distant disk, most of them wait."""
_WORTHWHILE: Final = 64
"""Names; fewer are sooner done than handed out."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Threads for the calls to the operating system that a reading consists of."""

    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_HANDS))

    def __enter__(self) -> Self:
        """Begin; threads start when there is work for them."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        self._pool.shutdown()

    def shared(
        self, work: Callable[[Sequence[str]], Result], names: Sequence[str]
    ) -> Sequence[Result]:
        """Do some work on names, several pieces of them at once; return the results in order."""
        if len(names) < _WORTHWHILE:
            return [work(names)]
        step = -(-len(names) // _HANDS)
        pieces = [names[at : at + step] for at in range(0, len(names), step)]
        return list(self._pool.map(work, pieces))
