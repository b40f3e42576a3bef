"""In which order does a collector visit repositories, and which of them does it never see?"""

from __future__ import annotations

from exporter.facts.inventory import Folder, Inventory
from exporter.judge.gc.dialect import Dialect

_FOLDER_NAMES = {Folder.LAYERS: "_layers", Folder.MANIFESTS: "_manifests"}


def visited(inventory: Inventory, dialect: Dialect) -> list[int]:
    """Return the repositories that a collector visits, by number, in its order.

    A walk goes folder by folder, so `foo/1bar` comes before `foo` (its marker begins with `_`) and
    `foo/bar` after it; a flat listing of keys puts `foo-bar` before `foo`.
    """
    marker = _FOLDER_NAMES[dialect.marker]
    flat = dialect.flat(inventory)

    def place(repository: int) -> tuple[bytes, ...]:
        path = f"{inventory.repositories[repository]}/{marker}".encode("utf-8", "surrogateescape")
        return (path + b"/",) if flat else tuple(path.split(b"/"))

    marked = inventory.folders & dialect.marker
    return sorted((int(each) for each in marked.nonzero()[0]), key=place)
