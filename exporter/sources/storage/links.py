"""What do the link files in a folder name?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeGuard

from exporter.facts.gap import Reason
from exporter.facts.inventory import Unlinked
from exporter.facts.inventory_builder import Target
from exporter.sources.storage import layout
from exporter.sources.storage.folder import content, folders, opened
from exporter.sources.storage.noted import Noted

_LINK: Final = "link"


Algorithm = tuple[str, list[str], dict[int, "Target"]]
"""An algorithm, its digests' encoded parts, and by position the targets that differ from them."""


def by_algorithm(folder: int, noted: Noted) -> Iterator[Algorithm]:
    """Yield the links in a folder, algorithm by algorithm."""
    for algorithm in digest_parts(folder, noted):
        here = noted.below(algorithm)
        with here.going_on(), opened(algorithm, folder, here.path) as inside:
            if inside is not None:
                names = digest_parts(inside, here)
                yield algorithm, names, targets(inside, algorithm, names, here)


def digest_parts(folder: int, noted: Noted) -> list[str]:
    """Return the names of the folders that may be parts of digests; others are strays or gaps."""
    names, others = folders(folder)
    noted.foreign(folder, others, disturbing=_LINK)
    if not names or layout.is_part("".join(names)):
        return names
    for name in names:
        if not layout.is_part(name):
            noted.gap(name, Reason.UNSUPPORTED, "a name that no registry gives")
    return [name for name in names if layout.is_part(name)]


def targets(folder: int, algorithm: str, names: Sequence[str], noted: Noted) -> dict[int, Target]:
    """Read the link in each folder; return by position what is not what its path says.

    One that says what its path does, where that is no digest, is no better than any such link.
    """
    usual = layout.are_digests(algorithm, names)
    return {
        position: target(folder, name, noted)
        for position, name in enumerate(names)
        if said(folder, name) != f"{algorithm}:{name}".encode()
        or not (usual or layout.is_digest(f"{algorithm}:{name}"))
    }


def said(folder: int, name: str) -> bytes | None:
    """Return what a link says at first sight; None where it is absent or cannot be read."""
    with suppress(OSError):
        return content(f"{name}/{_LINK}", folder, layout.LONGEST_LINK)
    return None


def target(folder: int, name: str, noted: Noted) -> Target:
    """Read one link with care: what it names, or why it names nothing.

    Before 3.1 a registry does not write a link in one step, so one that names nothing is read
    again, as long as there is patience.
    """
    here = noted.below(name)
    found = _read(folder, name, here)
    while _names_nothing(found) and here.patience.waits():
        found = _read(folder, name, here)
    if _names_nothing(found):
        here.gap(_LINK, Reason.MALFORMED, f"a link that names no digest: {found.message}")
    return found


def _read(folder: int, name: str, noted: Noted) -> Target:
    with noted.going_on(), opened(name, folder, noted.path) as inside:
        if inside is not None:
            with noted.below(_LINK).going_on():
                text = content(_LINK, inside, layout.LONGEST_LINK)
                return Unlinked.ABSENT if text is None else layout.linked(text)
    return Unlinked.ABSENT


def _names_nothing(found: Target) -> TypeGuard[Unlinked]:
    return isinstance(found, Unlinked) and found is not Unlinked.ABSENT
