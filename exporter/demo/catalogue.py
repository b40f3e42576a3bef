"""Which repositories does distribution 2.8 list, page by page, with the faults of its paging?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_SKIP: Final = True
_SEPARATOR_FIRST: Final = {ord("/"): "\0"}


@dataclass(slots=True)
class _Walk:
    """One walk for one page (its `registry/storage/catalog.go` and `driver/walk.go`)."""

    root: Path
    last: str
    limit: int
    found: list[str] = field(default_factory=list)
    cut: bool = False
    """Was anything left to visit when the page was full? Only then does it name a next page."""

    def into(self, folder: Path) -> None:
        for child in sorted(folder.iterdir(), key=lambda path: path.name):
            skip, is_folder = self._visit(child), child.is_dir()
            if skip and not is_folder:
                return
            if not skip and is_folder:
                self.into(child)

    def _visit(self, path: Path) -> bool:
        if path.name == "_layers":
            name = path.parent.relative_to(self.root).as_posix()
            if self.last.translate(_SEPARATOR_FIRST) < name.translate(_SEPARATOR_FIRST):
                self.found.append(name)
            return _SKIP
        if path.name.startswith("_"):
            return _SKIP
        self.cut = self.cut or len(self.found) == self.limit
        return len(self.found) == self.limit


def page(root: Path, last: str, limit: int) -> tuple[list[str], bool]:
    """Return the repositories of a page, and whether the registry says that more follow.

    As in 2.8, a repository inside another one may end the list without a word.
    """
    walk = _Walk(root, last, limit)
    if root.is_dir():
        walk.into(root)
    return walk.found[:limit], walk.cut
