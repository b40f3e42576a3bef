"""Which manifests has a repository? What tags and indexes name is looked for a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.inventory import Unlinked
from exporter.sources.storage import layout
from exporter.sources.storage.folder import opened
from exporter.sources.storage.links import by_algorithm, target
from exporter.sources.storage.tags import read_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.facts.intake import Target
    from exporter.sources.storage.bodies import Bodies
    from exporter.sources.storage.links import Algorithm
    from exporter.sources.storage.noted import Noted

Known = dict[str, dict[str, "Target"]]
"""By algorithm and encoded part: what each link names."""


def read_revisions(manifests: int, noted: Noted, bodies: Bodies) -> None:
    """Take note of a repository's manifests, then of its tags, and read the manifests' bodies.

    Whoever pushes links a manifest first and tags it then, so tags are read second. A folder that
    is listed while it is written to may show an index and not its child, which was there before
    it; so what tags and indexes name is asked for by name.
    """
    here = noted.below("revisions")
    known: Known = {}
    with here.going_on(), opened("revisions", manifests, here.path) as folder:
        for algorithm, names, differing in _listed(folder, here):
            links: dict[str, Target] = {name: f"{algorithm}:{name}" for name in names}
            known[algorithm] = links | {names[at]: to for at, to in differing.items()}
        tagged = read_tags(manifests, noted.below("tags"))
        if folder is not None:
            _complete(folder, here, known, tagged, bodies)
    _deliver(noted, known)


def _listed(folder: int | None, noted: Noted) -> Iterator[Algorithm]:
    return by_algorithm(folder, noted) if folder is not None else iter(())


def _complete(
    folder: int, noted: Noted, known: Known, wanted: Iterable[str], bodies: Bodies
) -> None:
    """Read every body; look for what tags and indexes name and the listing did not show."""
    listed = [to for links in known.values() for to in links.values()]
    pending = [to for to in listed if not isinstance(to, Unlinked)]
    pending = [*wanted, *(child for to in pending for child in bodies.children(to))]
    asked: set[str] = set()
    while pending:
        digest = pending.pop()
        algorithm, _, encoded = digest.partition(":")
        if digest in asked or encoded in known.get(algorithm, ()) or not layout.is_digest(digest):
            continue
        asked.add(digest)
        found = _link(folder, algorithm, encoded, noted)
        if found is not Unlinked.ABSENT:
            known.setdefault(algorithm, {})[encoded] = found
        if not isinstance(found, Unlinked):
            pending += bodies.children(found)


def _link(folder: int, algorithm: str, encoded: str, noted: Noted) -> Target:
    here = noted.below(algorithm)
    with here.going_on(), opened(algorithm, folder, here.path) as inside:
        return target(inside, encoded, here) if inside is not None else Unlinked.ABSENT
    return Unlinked.ABSENT


def _deliver(noted: Noted, known: Known) -> None:
    for algorithm, links in sorted(known.items()):
        names: Sequence[str] = sorted(links)
        differing = {
            at: links[name] for at, name in enumerate(names) if links[name] != f"{algorithm}:{name}"
        }
        noted.intake.revisions.add(algorithm, names, differing)
