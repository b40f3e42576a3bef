"""Is this another registry's storage, which must not be judged by distribution's rules?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from exporter.ports import Unseen
from exporter.sources.storage import layout
from exporter.sources.storage.folder import folders, opened

GITLAB = "GitLab's registry uses a metadata database here"
ZOT = "an OCI layout for each repository, as zot keeps it"
NOTHING = "no docker/registry/v2 here: not the root directory of a registry"


def foreign(top: int) -> str:
    """Say whose storage this is, if not distribution's; empty if it is."""
    if layout.DATABASE_LOCK in _names(top, layout.LOCKS):
        return GITLAB
    if layout.ROOT[-1] in _names(top, layout.ROOT[:-1]):
        return ""
    return ZOT if _is_oci_layout(top) else NOTHING


def _is_oci_layout(top: int) -> bool:
    """Look at the root and one folder below: zot's repositories stand there, or deeper alike."""
    names = _names(top, ())
    return layout.OCI_LAYOUT in names or any(
        layout.OCI_LAYOUT in _names(top, (name,))
        or any(layout.OCI_LAYOUT in _names(top, (name, below)) for below in _names(top, (name,)))
        for name in names
    )


def _names(top: int, path: Sequence[str]) -> list[str]:
    """Return what is in a folder below; nothing where there is none."""
    folder: int | None = top
    with ExitStack() as stack:
        for name in path:
            try:
                folder = stack.enter_context(opened(name, folder, name))
            except Unseen:
                return []
        return [name for kind in folders(folder) for name in kind] if folder is not None else []
