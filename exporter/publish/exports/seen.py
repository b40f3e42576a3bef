"""Which rows does a snapshot make?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from exporter.facts.content import known_manifests, stated_sizes
from exporter.facts.gap import Reason
from exporter.facts.key import key
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository

Row = tuple[object, ...]
_NO_KEY = (None, None)


def rows(snapshot: Snapshot) -> Mapping[str, Iterator[Row]]:
    """Return the rows of every table, in the order of its columns."""
    makers: dict[str, Callable[[Snapshot], Iterator[Row]]] = {
        "repositories": _repositories,
        "tags": _tags,
        "manifests": _manifests,
        "blobs": _blobs,
        "edges": _edges,
        "uses": _uses,
        "gaps": _gaps,
    }
    return {name: make(snapshot) for name, make in makers.items()}


def _repositories(snapshot: Snapshot) -> Iterator[Row]:
    looked_at = {*snapshot.listed, *(root.repository for root in snapshot.roots)}
    for repository in sorted(looked_at):
        yield repository, snapshot.listed.get(repository), repository in snapshot.sealed


def _tags(snapshot: Snapshot) -> Iterator[Row]:
    for root in snapshot.roots:
        halves = key(root.digest) if root.digest else _NO_KEY
        state = root.sighting.state
        yield root.repository, root.tag, root.digest, *halves, root.reference_class, state


def _manifests(snapshot: Snapshot) -> Iterator[Row]:
    sizes, known = stated_sizes(snapshot), known_manifests(snapshot)
    for (repository, digest), seen in snapshot.sightings.items():
        if digest in known:
            read = snapshot.manifests.get(digest)
            yield (
                *(repository, digest, *key(digest), read.media_type if read else None),
                *(sizes.get(digest, 0), seen.state, seen.proof),
                *(_protected(snapshot, repository, digest), seen.reason is not Reason.BY_DESIGN),
            )


def _protected(snapshot: Snapshot, repository: Repository, digest: Digest) -> bool | None:
    sealed = snapshot.sealed.get(repository)
    return None if sealed is None else bool(sealed.pointing_at(digest))


def _blobs(snapshot: Snapshot) -> Iterator[Row]:
    sizes, known = stated_sizes(snapshot), known_manifests(snapshot)
    for (repository, digest), seen in snapshot.sightings.items():
        if digest not in known:
            size = sizes.get(digest, 0)
            yield repository, digest, *key(digest), size, seen.state, seen.proof


def _edges(snapshot: Snapshot) -> Iterator[Row]:
    for manifest in snapshot.manifests.values():
        parent = key(manifest.digest)
        for link in manifest.links:
            target = link.target
            platform = str(target.platform) if target.platform else None
            yield *parent, *key(target.digest), link.kind, target.size, platform


def _uses(snapshot: Snapshot) -> Iterator[Row]:
    for use in snapshot.uses:
        named = use.reference
        yield use.owner, named.repository, named.tag, named.digest, use.reference_class


def _gaps(snapshot: Snapshot) -> Iterator[Row]:
    for gap in snapshot.gaps:
        yield gap.scope, gap.subject, gap.reason, gap.detail
