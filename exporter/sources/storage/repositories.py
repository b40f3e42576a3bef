"""Repositories in a folder: their manifests, tags, layer links and uploads."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.inventory import Folder, Unlinked, Upload
from exporter.facts.inventory_builder import Target
from exporter.sources.storage import layout, links
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.folder import folders, opened, shown
from exporter.sources.storage.links import LinkTargets
from exporter.sources.storage.manifests import ManifestReader

_IN_MANIFESTS: Final = (("revisions", Folder.REVISIONS), ("tags", Folder.TAGS))
_MARKERS: Final = ("_layers", "_manifests")
_KNOWN: Final = (*_MARKERS, "_uploads")
_CURRENT: Final = "current"
_INDEX: Final = "index"
NAMELESS: Final = "of a repository that has no name"


@dataclass(frozen=True, slots=True)
class Repositories:
    """Reader of repositories, one after the other, and of their manifests."""

    manifests: ManifestReader
    holds: Callable[[str], bool] = lambda _: True
    """Is a repository to be read?"""

    def read(self, top: int, context: ReadContext) -> None:
        """Read all repositories below the folder `docker/registry/v2`."""
        context.builder.has_repositories = False
        context.folder("repositories", top, self._all)

    def _all(self, folder: int, context: ReadContext) -> None:
        context.builder.has_repositories = True
        self._walk((), folder, context)

    def _walk(self, parts: Sequence[str], folder: int, context: ReadContext) -> None:
        names, others = folders(folder)
        context.strays(folder, others, disturbing="_")
        if not parts and any(name in _MARKERS for name in names):
            context.gap("", Reason.UNSUPPORTED, NAMELESS)
        elif any(name in _KNOWN for name in names):
            self._repository("/".join(parts), names, folder, context)
        if len(parts) == layout.DEEPEST:
            detail = "folders nested deeper than any repository's name"
            context.gap("", Reason.TOO_LARGE, detail)
            return
        for name in names:
            if not layout.is_part(name):
                context.gap(name, Reason.MALFORMED, "a name that no registry gives")
            if not name.startswith("_"):
                context.folder(name, folder, partial(self._walk, (*parts, name)))

    def _repository(
        self, name: str, names: Sequence[str], folder: int, context: ReadContext
    ) -> None:
        if not self.holds(name):
            return
        has = Folder(0)
        if "_manifests" in names:
            found = context.folder("_manifests", folder, self._manifests)
            has |= Folder.MANIFESTS | (found or Folder(0))
        if "_layers" in names:
            has |= Folder.LAYERS
            context.folder("_layers", folder, _layers)
        if "_uploads" in names:
            context.folder("_uploads", folder, partial(_uploads, name))
        if has:
            context.builder.close(shown(name), has)

    def _manifests(self, folder: int, context: ReadContext) -> Folder:
        names, others = folders(folder)
        context.strays(folder, others, disturbing="/")
        with context.errors_as_gaps():
            self._revisions(folder, context)
        return Folder(sum(flag for name, flag in _IN_MANIFESTS if name in names))

    def _revisions(self, manifests: int, context: ReadContext) -> None:
        """Read the manifests of a repository, then its tags, then the bodies of the manifests.

        A push links a manifest first and tags it afterwards, so tags are read second.
        """
        here = context.below("revisions")
        found: LinkTargets = {}
        with here.errors_as_gaps(), opened("revisions", manifests, here.path) as folder:
            for algorithm, names, differing in links.by_algorithm(folder, here):
                targets: dict[str, Target] = {name: f"{algorithm}:{name}" for name in names}
                found[algorithm] = targets | {names[at]: to for at, to in differing.items()}
            tagged = context.folder("tags", manifests, _tags) or ()
            if folder is not None:
                self.manifests.recall(links.named(found))
                look = partial(_look, folder, here)
                links.complete(found, tagged, self.manifests.children, look)
        links.add(found, context.builder.revisions)


def _look(folder: int, context: ReadContext, algorithm: str, encoded: str) -> Target:
    """Return the target of a manifest's link that the listing lacks."""
    found = context.folder(algorithm, folder, lambda at, here: links.target(at, encoded, here))
    return found or Unlinked.ABSENT


def _tags(folder: int, context: ReadContext) -> list[str]:
    """Add the tags of a repository; return the digests that they reference."""
    names, others = folders(folder)
    context.strays(folder, others, disturbing="")
    current: list[Target | None] = []
    for name in names:
        if layout.is_part(name):
            current.append(context.folder(name, folder, partial(_tag, name)))
        else:
            context.gap(name, Reason.UNSUPPORTED, "a name that no registry gives")
    return [to for to in current if isinstance(to, str)]


def _tag(name: str, folder: int, context: ReadContext) -> Target:
    names, others = folders(folder)
    context.strays(folder, others, disturbing=(_CURRENT, _INDEX))
    current = links.target(folder, _CURRENT, context) if _CURRENT in names else Unlinked.ABSENT
    history = context.folder(_INDEX, folder, _history) if _INDEX in names else None
    context.builder.tags.add(shown(name), current, history or ())
    return current


def _history(folder: int, context: ReadContext) -> list[str]:
    algorithms, others = folders(folder)
    context.strays(folder, others, disturbing=layout.ALGORITHMS)
    found: list[str] = []
    for algorithm in algorithms:
        found += context.folder(algorithm, folder, partial(_linked, algorithm)) or ()
    return found


def _linked(algorithm: str, folder: int, context: ReadContext) -> list[str]:
    names = links.digest_parts(folder, context)
    linked = (
        name
        for name in names
        if os.access(f"{name}/link", os.F_OK, dir_fd=folder, follow_symlinks=False)
    )
    return [f"{algorithm}:{name}" for name in linked]


def _layers(folder: int, context: ReadContext) -> None:
    for algorithm, names, differing in links.by_algorithm(folder, context):
        context.builder.layers.add(algorithm, names, differing)


def _uploads(repository: str, folder: int, context: ReadContext) -> None:
    identifiers, others = folders(folder)
    context.strays(folder, others, disturbing="/")
    for identifier in identifiers:
        found = context.folder(identifier, folder, partial(_upload, repository, identifier))
        context.builder.uploads.extend([found] if found else ())


def _upload(repository: str, identifier: str, folder: int, _: ReadContext) -> Upload:
    """Add up the files of an upload; an empty folder has its own age."""
    seen = [os.stat(name, dir_fd=folder, follow_symlinks=False) for name in folders(folder)[1]]
    latest = max((each.st_mtime_ns for each in seen), default=os.fstat(folder).st_mtime_ns)
    return Upload(shown(repository), shown(identifier), sum(s.st_size for s in seen), latest)
