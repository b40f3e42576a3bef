"""Links to blobs and manifests: the files in a folder, and those that tags and indexes name."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeGuard

from exporter.facts.gap import Reason
from exporter.facts.inventory import Unlinked
from exporter.facts.inventory_builder import LinkBuilder, Target
from exporter.sources.storage import layout
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.folder import content, folders, opened
from exporter.sources.storage.known_links import LINK, UNREAD

Algorithm = tuple[str, list[str], dict[int, Target]]
"""Algorithm, encoded parts of its digests, and by position the targets that differ from them."""
LinkTargets = dict[str, dict[str, Target]]
"""Targets of links, by algorithm and encoded part."""


def by_algorithm(folder: int | None, context: ReadContext) -> Iterator[Algorithm]:
    """Yield the links in a folder by algorithm; nothing if there is no folder."""
    for algorithm in digest_parts(folder, context) if folder is not None else ():
        here = context.below(algorithm)
        with here.errors_as_gaps(), opened(algorithm, folder, here.path) as inside:
            if inside is not None:
                names = digest_parts(inside, here)
                yield algorithm, names, _differing(inside, algorithm, names, here)


def digest_parts(folder: int, context: ReadContext) -> list[str]:
    """Return the names of folders that can be parts of digests; others are strays or gaps."""
    names, others = folders(folder)
    context.strays(folder, others, disturbing=LINK)
    if not names or layout.is_part("".join(names)):
        return names
    for name in names:
        if not layout.is_part(name):
            context.gap(name, Reason.UNSUPPORTED, "a name that no registry gives")
    return [name for name in names if layout.is_part(name)]


def _differing(
    folder: int, algorithm: str, names: Sequence[str], context: ReadContext
) -> dict[int, Target]:
    """Return by position the targets that differ from the path; read what may have changed.

    A link that repeats its path, where that is no digest, counts as a link without a digest.
    """
    usual, known = layout.are_digests(algorithm, names), context.known
    marks = known.marks(folder, names) if usual else [UNREAD] * len(names)
    right = known.right(context.path)
    differing = {
        position: target(folder, name, context)
        for position, (name, mark) in enumerate(zip(names, marks, strict=True))
        if mark not in right
        if _glance(folder, name) != f"{algorithm}:{name}".encode()
        or not (usual or layout.is_digest(f"{algorithm}:{name}"))
    }
    alike = (mark for position, mark in enumerate(marks) if position not in differing)
    known.keep(context.path, alike)
    return differing


def _glance(folder: int, name: str) -> bytes | None:
    """Return the content of a link at the first read; None if it is absent or unreadable."""
    with suppress(OSError):
        return content(f"{name}/{LINK}", folder, layout.LONGEST_LINK)
    return None


def target(folder: int, name: str, context: ReadContext) -> Target:
    """Read one link with retries: its target, or why it has none.

    Registries before 3.1 do not write a link in one step, so a link without a digest is read again,
    as long as retries are left.
    """
    found = _read(folder, name, context)
    while _names_nothing(found) and context.retries.wait():
        found = _read(folder, name, context)
    if _names_nothing(found):
        detail = f"a link that names no digest: {found.message}"
        context.gap(f"{name}/{LINK}", Reason.MALFORMED, detail)
    return found


def _read(folder: int, name: str, context: ReadContext) -> Target:
    return context.folder(name, folder, _linked) or Unlinked.ABSENT


def _linked(folder: int, context: ReadContext) -> Target:
    text = None
    with context.below(LINK).errors_as_gaps():
        text = content(LINK, folder, layout.LONGEST_LINK)
    return Unlinked.ABSENT if text is None else layout.linked(text)


def _names_nothing(found: Target) -> TypeGuard[Unlinked]:
    return isinstance(found, Unlinked) and found is not Unlinked.ABSENT


def complete(
    links: LinkTargets,
    tagged: Iterable[str],
    children: Callable[[str], Iterable[str]],
    look: Callable[[str, str], Target],
) -> None:
    """Read the children of every manifest, and add the links that tags and indexes name.

    The listing of a folder during a write may show an index and not yet its child, which was
    written before. `children` returns the entries of an index; `look` returns the link of an
    algorithm and an encoded part.
    """
    pending = [*tagged, *(child for to in named(links) for child in children(to))]
    asked: set[str] = set()
    while pending:
        digest = pending.pop()
        algorithm, _, encoded = digest.partition(":")
        if digest in asked or encoded in links.get(algorithm, ()) or not layout.is_digest(digest):
            continue
        asked.add(digest)
        found = look(algorithm, encoded)
        if found is not Unlinked.ABSENT:
            links.setdefault(algorithm, {})[encoded] = found
        if not isinstance(found, Unlinked):
            pending += children(found)


def named(links: LinkTargets) -> list[str]:
    """Return the digests that links name."""
    listed = (to for each in links.values() for to in each.values())
    return [to for to in listed if not isinstance(to, Unlinked)]


def add(links: LinkTargets, builder: LinkBuilder) -> None:
    """Add the links of a repository, in the order of their paths."""
    for algorithm, targets in sorted(links.items()):
        names = sorted(targets)
        differing = {
            at: targets[name]
            for at, name in enumerate(names)
            if targets[name] != f"{algorithm}:{name}"
        }
        builder.add(algorithm, names, differing)
