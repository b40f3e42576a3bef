"""How do distribution's catalogues page, faults included? Models of its code, one per storage.

Sources: `registry/storage/catalog.go`, `registry/storage/driver/walk.go` of v2.8.3 and v3.1.1,
`registry/storage/driver/s3-aws/s3.go` of v3.1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple


class Panic(Exception):
    """The handler panics, and the server drops the connection."""


class Listed(NamedTuple):
    """One page."""

    entries: list[str]
    more: bool
    """Is there a Link?"""


Model = Callable[[set[str], int, str], Listed]
"""Which page does a storage with these repositories give for `n` and `last`?"""


def folders_2(names: set[str], size: int, last: str) -> Listed:
    """2.8 on any storage: it notes that a page is full only where it meets the next folder."""
    found: list[str] = []
    full = False

    def walk(folder: str) -> None:
        nonlocal full
        for child in _children(names, folder):
            if child == _MARKER:
                if _less(last, folder):
                    found.append(folder)
            elif len(found) == size:
                full = True
            else:
                walk(_below(folder, child))

    walk("")
    return Listed(found[:size], more=full)


def folders_3(names: set[str], size: int, last: str) -> Listed:
    """3.x on a file system: it starts at `last`, and one name too many makes it panic."""
    found: list[str] = []
    full = False

    def walk(folder: str, after: str) -> bool:
        """Walk what comes after a path; False where the page is found to be full."""
        nonlocal full
        for path in (_below(folder, child) for child in _children(names, folder)):
            if path <= after:
                continue
            if not path.endswith(_MARKER):
                full |= len(found) == size
                if full or not walk(path, ""):
                    return False
            elif _less(last, folder):
                if len(found) == size:
                    raise Panic
                found.append(folder)
        return True

    after = _below(last, _MARKER) if last else ""
    for base in _upwards(last):
        walk(base, after)  # a full page does not end the way up
        after = base
    return Listed(found, more=full)


def keys_3(names: set[str], size: int, last: str) -> Listed:
    """3.x on S3: a flat walk over the keys from `last` on, filtered in another order."""
    found: list[str] = []
    before: list[str] = []
    for key in sorted(_below(name, _MARKER) for name in names):
        parts = key.split("/")[:-1]
        if last and key < _below(last, _MARKER):
            continue
        if before[: len(parts)] != parts and len(found) == size:
            return Listed(found, more=True)  # a folder that it meets for the first time
        name, before = "/".join(parts), parts
        if _less(last, name):
            if len(found) == size:
                raise Panic
            found.append(name)
    return Listed(found, more=False)


MODELS: Final[tuple[Model, ...]] = (folders_2, folders_3, keys_3)
_MARKER: Final = "_manifests"


def _children(names: set[str], folder: str) -> list[str]:
    parts = folder.split("/") if folder else []
    depth = len(parts)
    below = [name.split("/") for name in names]
    inner = {each[depth] for each in below if each[:depth] == parts and len(each) > depth}
    return sorted(inner | ({_MARKER} if folder in names else set()))


def _below(folder: str, child: str) -> str:
    return f"{folder}/{child}" if folder else child


def _upwards(name: str) -> Iterator[str]:
    parts = name.split("/") if name else []
    for count in range(len(parts), -1, -1):
        yield "/".join(parts[:count])


def _less(one: str, other: str) -> bool:
    return one.replace("/", "\0") < other.replace("/", "\0")
