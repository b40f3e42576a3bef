"""Which manifests, tags, layer links and uploads have the repositories of a storage?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.inventory import Folder, Upload
from exporter.sources.storage import layout
from exporter.sources.storage.bodies import Bodies
from exporter.sources.storage.folder import folders, opened, shown
from exporter.sources.storage.links import by_algorithm
from exporter.sources.storage.noted import Noted
from exporter.sources.storage.revisions import read_revisions

_IN_MANIFESTS: Final = (("revisions", Folder.REVISIONS), ("tags", Folder.TAGS))
_MARKERS: Final = ("_layers", "_manifests")
_KNOWN: Final = (*_MARKERS, "_uploads")
NAMELESS: Final = "of a repository that has no name"


@dataclass(frozen=True, slots=True)
class Repositories:
    """Reads repositories one after the other; and the manifests that they name."""

    bodies: Bodies

    def read(self, top: int, noted: Noted) -> None:
        """Read all repositories below the folder `docker/registry/v2`."""
        here = noted.below("repositories")
        with here.going_on(), opened("repositories", top, here.path) as folder:
            if folder is None:
                noted.intake.has_repositories = False
            else:
                self._walk(folder, (), here)

    def _walk(self, folder: int, parts: Sequence[str], noted: Noted) -> None:
        names, others = folders(folder)
        noted.foreign(folder, others, disturbing="_")
        if not parts and any(name in _MARKERS for name in names):
            noted.gap("", Reason.UNSUPPORTED, NAMELESS)
        elif any(name in _KNOWN for name in names):
            self._repository(folder, "/".join(parts), names, noted)
        if len(parts) == layout.DEEPEST:
            noted.gap("", Reason.TOO_LARGE, "folders nested deeper than any repository's name")
            return
        for name in names:
            if not layout.is_part(name):
                noted.gap(name, Reason.MALFORMED, "a name that no registry gives")
            if not name.startswith("_"):
                here = noted.below(name)
                with here.going_on(), opened(name, folder, here.path) as inside:
                    if inside is not None:
                        self._walk(inside, (*parts, name), here)

    def _repository(self, folder: int, name: str, names: Sequence[str], noted: Noted) -> None:
        has = Folder(0)
        if "_manifests" in names:
            has |= Folder.MANIFESTS | self._manifests(folder, noted.below("_manifests"))
        if "_layers" in names:
            has |= Folder.LAYERS
            _layers(folder, noted.below("_layers"))
        if "_uploads" in names:
            _uploads(folder, name, noted.below("_uploads"))
        if has:
            noted.intake.close(shown(name), has)

    def _manifests(self, repository: int, noted: Noted) -> Folder:
        has = Folder(0)
        with noted.going_on(), opened("_manifests", repository, noted.path) as folder:
            if folder is None:
                return has
            names, others = folders(folder)
            noted.foreign(folder, others, disturbing="/")
            for name, flag in _IN_MANIFESTS:
                has |= flag if name in names else Folder(0)
            read_revisions(folder, noted, self.bodies)
        return has


def _layers(repository: int, noted: Noted) -> None:
    with noted.going_on(), opened("_layers", repository, noted.path) as folder:
        if folder is not None:
            for algorithm, names, differing in by_algorithm(folder, noted):
                noted.intake.layers.add(algorithm, names, differing)


def _uploads(repository: int, name: str, noted: Noted) -> None:
    with noted.going_on(), opened("_uploads", repository, noted.path) as folder:
        if folder is None:
            return
        identifiers, others = folders(folder)
        noted.foreign(folder, others, disturbing="/")
        for identifier in identifiers:
            with noted.going_on(), opened(identifier, folder, noted.path) as inside:
                if inside is not None:
                    noted.intake.uploads.append(_upload(inside, name, identifier))


def _upload(folder: int, repository: str, identifier: str) -> Upload:
    """Add up an upload's files; an empty folder is as old as itself."""
    seen = [os.stat(name, dir_fd=folder, follow_symlinks=False) for name in folders(folder)[1]]
    latest = max((each.st_mtime_ns for each in seen), default=os.fstat(folder).st_mtime_ns)
    return Upload(shown(repository), shown(identifier), sum(s.st_size for s in seen), latest)
