"""What does a registry's folder hold? Read-only, in an order that a running registry cannot fool.

Blobs are listed first, then links, then the manifests they name: a push writes the other way
round, so what is seen unreferenced was so. What is referred to and was not listed is looked for
once more before it is called missing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Driver, Inventory
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.ports import Outlines, Unseen
from exporter.sources.storage import layout
from exporter.sources.storage.blobs import read_blobs
from exporter.sources.storage.bodies import Bodies
from exporter.sources.storage.buckets import Buckets
from exporter.sources.storage.folder import opened, shown, unseen
from exporter.sources.storage.foreign import foreign
from exporter.sources.storage.late import settled
from exporter.sources.storage.noted import Noted
from exporter.sources.storage.repositories import Repositories


def read(root: str, outlines: Outlines | None = None) -> Inventory:
    """List what a registry's root directory holds. What cannot be read in there is a gap.

    `outlines` spare the manifests that were read before. Raises `Unseen` where the root directory
    itself cannot be opened.
    """
    top = _opened(root)
    try:
        return _read(top, InventoryBuilder(Driver.FILESYSTEM), shown(root), outlines)
    finally:
        os.close(top)


def contents(root: str, digests: Sequence[str], most: int) -> list[bytes | None]:
    """Read blobs of a registry's root directory, each at most one byte more than the limit.

    None where there is none. Raises `Unseen` where one of them, or the way to it, cannot be read.
    """
    top = _opened(root)
    try:
        with _tree(top, root) as tree:
            if tree is None:
                return [None] * len(digests)
            with Buckets(tree) as buckets:
                return buckets.contents(digests, most)
    except OSError as error:
        raise unseen(shown(root), error) from error
    finally:
        os.close(top)


def _opened(root: str) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Unseen(shown(root), Reason.UNREADABLE, why) from error


def _read(top: int, intake: InventoryBuilder, root: str, outlines: Outlines | None) -> Inventory:
    if whose := foreign(top):
        intake.gaps.append(Gap(Scope.REGISTRY, root, Reason.UNSUPPORTED, whose))
        return intake.inventory()
    with _tree(top, root) as tree:
        return _read_tree(tree, intake, outlines) if tree is not None else intake.inventory()


@contextmanager
def _tree(top: int, root: str) -> Iterator[int | None]:
    """Open the folder below the root in which everything is; None where there is none."""
    docker, registry, version = layout.ROOT
    with (
        opened(docker, top, root) as outer,
        opened(registry, outer, root) as inner,
        opened(version, inner, root) as tree,
    ):
        yield tree


def _read_tree(tree: int, intake: InventoryBuilder, outlines: Outlines | None) -> Inventory:
    with Buckets(tree) as buckets:
        noted = Noted(intake)
        read_blobs(tree, noted)
        bodies = Bodies(buckets, noted.below("blobs"), outlines)
        Repositories(bodies).read(tree, noted)
        bodies.keep()
        return settled(intake, lambda digest: _look(digest, buckets, noted.below("blobs")))


def _look(digest: str, buckets: Buckets, noted: Noted) -> tuple[int, int] | None:
    with noted.below(digest).going_on():
        seen = buckets.status(digest)
        if seen is not None and stat.S_ISREG(seen.st_mode):
            return seen.st_size, seen.st_mtime_ns
    return None
