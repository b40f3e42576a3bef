"""Which tags has a repository, where do they point, and where did they ever?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.inventory import Unlinked
from exporter.facts.inventory_builder import Target
from exporter.sources.storage import layout
from exporter.sources.storage.folder import folders, opened, shown
from exporter.sources.storage.links import digest_parts, target
from exporter.sources.storage.noted import Noted

_CURRENT: Final = "current"
_INDEX: Final = "index"


def read_tags(manifests: int, noted: Noted) -> list[str]:
    """Take note of a repository's tags; return what they point at."""
    current: list[Target] = []
    with noted.going_on(), opened("tags", manifests, noted.path) as folder:
        names, others = folders(folder) if folder is not None else ([], [])
        noted.foreign(folder or 0, others, disturbing="")
        for name in names:
            here = noted.below(name)
            if not layout.is_part(name):
                here.gap("", Reason.UNSUPPORTED, "a name that no registry gives")
            else:
                with here.going_on(), opened(name, folder, here.path) as inside:
                    if inside is not None:
                        current.append(_tag(inside, name, here))
    return [each for each in current if not isinstance(each, Unlinked)]


def _tag(folder: int, name: str, noted: Noted) -> Target:
    names, others = folders(folder)
    noted.foreign(folder, others, disturbing=(_CURRENT, _INDEX))
    points_at = target(folder, _CURRENT, noted) if _CURRENT in names else Unlinked.ABSENT
    history: list[str] = []
    if _INDEX in names:
        here = noted.below(_INDEX)
        with here.going_on(), opened(_INDEX, folder, here.path) as inside:
            history.extend(_history(inside, here) if inside is not None else ())
    noted.intake.tag(shown(name), points_at, history)
    return points_at


def _history(folder: int, noted: Noted) -> Iterator[str]:
    algorithms, others = folders(folder)
    noted.foreign(folder, others, disturbing=layout.ALGORITHMS)
    for algorithm in algorithms:
        here = noted.below(algorithm)
        with here.going_on(), opened(algorithm, folder, here.path) as inside:
            names = digest_parts(inside, here) if inside is not None else []
            for name in names:
                if _is_there(f"{name}/link", inside):
                    yield f"{algorithm}:{name}"


def _is_there(path: str, folder: int | None) -> bool:
    try:
        os.stat(path, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True
