"""Which manifests has a repository?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from exporter.facts.inventory import Unlinked
from exporter.facts.inventory_builder import Target
from exporter.sources.storage.complete import Known, complete, deliver, named
from exporter.sources.storage.folder import opened
from exporter.sources.storage.links import Algorithm, by_algorithm, target
from exporter.sources.storage.noted import Noted
from exporter.sources.storage.tags import read_tags

if TYPE_CHECKING:
    from exporter.sources.storage.bodies import Bodies


def read_revisions(manifests: int, noted: Noted, bodies: Bodies) -> None:
    """Take note of a repository's manifests, then of its tags, and read the manifests' bodies.

    Whoever pushes links a manifest first and tags it then, so tags are read second.
    """
    here = noted.below("revisions")
    known: Known = {}
    with here.going_on(), opened("revisions", manifests, here.path) as folder:
        for algorithm, names, differing in _listed(folder, here):
            links: dict[str, Target] = {name: f"{algorithm}:{name}" for name in names}
            known[algorithm] = links | {names[at]: to for at, to in differing.items()}
        tagged = read_tags(manifests, noted.below("tags"))
        if folder is not None:
            bodies.recall(named(known))
            complete(known, tagged, bodies.children, partial(_link, folder, here))
    deliver(known, noted.intake.revisions)


def _listed(folder: int | None, noted: Noted) -> Iterator[Algorithm]:
    return by_algorithm(folder, noted) if folder is not None else iter(())


def _link(folder: int, noted: Noted, algorithm: str, encoded: str) -> Target:
    here = noted.below(algorithm)
    with here.going_on(), opened(algorithm, folder, here.path) as inside:
        return target(inside, encoded, here) if inside is not None else Unlinked.ABSENT
    return Unlinked.ABSENT
