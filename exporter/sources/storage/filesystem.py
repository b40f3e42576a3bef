"""A registry's storage in a folder. Read-only, in an order that is safe against pushes.

Blobs are listed first, then links, then the manifests that they name. A push writes in the opposite
order, so a blob that is found unreferenced was unreferenced. A referenced blob that was not listed
is looked up once more before it counts as missing.
"""

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from exporter.facts.digests import ABSENT
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Driver, Inventory
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.facts.shard import WHOLE, Shard
from exporter.memory import Outlines
from exporter.ports import Unseen
from exporter.sources.storage import layout
from exporter.sources.storage.blobs import BlobFolders, read_blobs, read_named
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.folder import below, folders, root, shown, unseen
from exporter.sources.storage.known_links import KnownLinks
from exporter.sources.storage.manifests import ManifestReader
from exporter.sources.storage.repositories import Repositories
from exporter.sources.storage.zot import LayoutReader

_MOST_FOLDERS: Final = 2_000
"""Maximum folders that are searched for a sign of zot: the path may be any folder."""
_ZOT: Final = "an OCI layout for each repository, as zot keeps it"


def read(
    path: str,
    outlines: Outlines | None = None,
    shard: Shard = WHOLE,
    known: KnownLinks | None = None,
) -> Inventory:
    """List the content of a registry's root directory. Parts that cannot be read are gaps.

    Manifests in `outlines` are not read again, nor are `known` links. A shard reads its own
    repositories, and the blobs that they link. Raises `Unseen` if the root directory cannot be
    opened.
    """
    builder = InventoryBuilder(Driver.FILESYSTEM)
    with root(path) as top:
        whose = _foreign(top)
        if whose == _ZOT:
            LayoutReader(shard.holds).read(top, ReadContext(builder))
            found = replace(builder.inventory(), partial=shard != WHOLE)
            return found if _is_same(path, top) else _left(path, found)
        if whose:
            builder.gaps.append(Gap(Scope.REGISTRY, shown(path), Reason.UNSUPPORTED, whose))
            return builder.inventory()
        with below(top, layout.ROOT, path) as tree:
            if tree is None:
                return builder.inventory()
            whole = _read if shard == WHOLE else partial(_read_part, shard)
            context = ReadContext(builder, known=known or KnownLinks())
            found = whole(tree, context, outlines)
        same = _is_same(path, top) and layout.ROOT[-1] in _names(top, layout.ROOT[:-1])
        return found if same else _left(path, found)


def contents(path: str, digests: Sequence[str], most: int) -> list[bytes | None]:
    """Read blobs below a registry's root directory, at most `most` + 1 bytes of each.

    None for a missing blob. Raises `Unseen` if a blob, or a folder above it, cannot be read.
    """
    try:
        with root(path) as top, below(top, layout.ROOT, path) as tree:
            if tree is None:
                return [None] * len(digests)
            with BlobFolders(tree) as blobs:
                return blobs.contents(digests, most)
    except OSError as error:
        raise unseen(path, error) from error


def _read(tree: int, context: ReadContext, outlines: Outlines | None) -> Inventory:
    with BlobFolders(tree) as blobs:
        read_blobs(tree, context)
        context.builder.settle()
        manifests = ManifestReader(blobs.contents, context, outlines)
        Repositories(manifests).read(tree, context)
        manifests.keep()

        def look(digest: str) -> tuple[int, int] | None:
            try:
                return blobs.look(digest)
            except (Unseen, OSError) as error:
                context.below(f"blobs/{digest}").missed(error)
                return None

        return context.inventory(look)


def _read_part(
    shard: Shard, tree: int, context: ReadContext, outlines: Outlines | None
) -> Inventory:
    """Read the repositories of a shard, then the blobs that they link.

    A shard need not list all blobs: a lookup by name costs little more than a listing.
    """
    builder = context.builder
    with BlobFolders(tree) as blobs:

        def size(digest: str) -> int:
            seen = blobs.look(digest)
            return ABSENT if seen is None else seen[0]

        manifests = ManifestReader(blobs.contents, context, outlines, size)
        Repositories(manifests, shard.holds).read(tree, context)
        manifests.keep()
    read_named(tree, filter(layout.is_digest, builder.linked()), context)
    return replace(builder.inventory(), partial=True)


def _is_same(path: str, top: int) -> bool:
    try:
        now, then = Path(path).stat(), os.fstat(top)
    except OSError:
        return False
    return (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)


def _left(path: str, found: Inventory) -> Inventory:
    """Return the inventory of a storage that was mounted or unmounted meanwhile, with a gap."""
    detail = "mounted, unmounted or replaced while it was listed"
    gap = Gap(Scope.REGISTRY, shown(path), Reason.UNREADABLE, detail)
    return replace(found, gaps=(*found.gaps, gap))


def is_of_zot(path: str) -> bool:
    """Is this zot's root directory? Raises `Unseen` if it cannot be opened."""
    with root(path) as top:
        return _foreign(top) == _ZOT


def _foreign(top: int) -> str:
    """Return whose storage this is, if the rules of distribution do not apply to it."""
    if layout.DATABASE_LOCK in _names(top, layout.LOCKS):
        return layout.GITLAB
    if layout.ROOT[-1] in _names(top, layout.ROOT[:-1]):
        return ""
    return _ZOT if _is_oci_layout(top) else layout.NOTHING


def _is_oci_layout(top: int) -> bool:
    """Search below the root, upper folders first: zot's repositories are at any depth."""
    waiting: deque[tuple[str, ...]] = deque([()])
    for _ in range(_MOST_FOLDERS):
        if not waiting:
            return False
        path = waiting.popleft()
        names = _names(top, path)
        if layout.OCI_LAYOUT in names:
            return True
        if len(path) < layout.DEEPEST:
            waiting.extend((*path, name) for name in names)
    return False


def _names(top: int, path: Sequence[str]) -> list[str]:
    """Return the names in a folder below; nothing if it does not exist."""
    try:
        with below(top, path, "") as folder:
            return [] if folder is None else [name for kind in folders(folder) for name in kind]
    except Unseen:
        return []
