"""What does a large registry's disk hold? Repositories of 100 tags, 200 manifests and 1,000 blobs.

Bodies are small: what an audit costs depends on how many there are, not on how long they are.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from tests import worlds
from tests.parts import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.worlds import Blob, Made

TAGS: Final = 100
MANIFESTS: Final = 200
BLOBS: Final = 1_000
"""Of each repository, all of them different: 134 configurations, 6 shared and 860 other layers."""

_PLATFORMS: Final = ("linux/amd64", "linux/arm64")
_INDEXES: Final = 66
_LONE: Final = 2
"""Images without an index: their configurations must be read to learn where they run."""
_NAMED_TWICE: Final = TAGS - _INDEXES - _LONE
_SHARED: Final = 3
"""Layers that all images of a platform have in common."""
_OWN: Final = 860
_BYTES: Final = 200
"""Of a layer."""


def write(root: Path, repositories: int) -> None:
    """Write so many repositories into a storage root that no registry serves yet."""
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_repository, root), range(repositories)))


def _repository(root: Path, number: int) -> None:
    name = f"team-{number % 10}/app-{number}"
    for position, made in enumerate(_roots(name)):
        second = (f"stable-{position}",) if position < _NAMED_TWICE else ()
        tree.write(root, name, made, f"v{position}", *second)


def _roots(name: str) -> Iterator[Made]:
    """Yield what the repository's tags point to: two-platform indexes first, then lone images."""
    images = _images(name)
    for _ in range(_INDEXES):
        yield worlds.index(next(images), next(images))
    yield from images


def _images(name: str) -> Iterator[Made]:
    total = 2 * _INDEXES + _LONE
    shared = {each: _layers(f"{name} {each}", range(_SHARED)) for each in _PLATFORMS}
    for number in range(total):
        platform = _PLATFORMS[number % 2]
        own = _layers(name, range(number, _OWN, total))
        yield worlds.image(f"{name} {number}", platform, (*shared[platform], *own))


def _layers(seed: str, numbers: range) -> tuple[Blob, ...]:
    return tuple(worlds.layer(f"{seed} {number}", _BYTES) for number in numbers)
