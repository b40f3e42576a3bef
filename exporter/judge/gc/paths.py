"""Which files go, by their paths below `docker/registry/v2`, or zot's root directory?"""

from collections.abc import Iterator
from typing import Final

from exporter.facts.digests import ABSENT
from exporter.facts.inventory import Inventory
from exporter.judge.gc.outcome import Batch, Removal

ROOT: Final = "/docker/registry/v2"


def removed(inventory: Inventory, removal: Removal) -> Iterator[str]:
    """Yield every removed file, each once, unsorted.

    Blobs and revisions go with their folders, so whatever else lies in those goes too.
    """
    if inventory.layouts:
        for repository, digests in removal.layer_links:
            for digest in map(inventory.digests.text, digests.tolist()):
                yield f"{inventory.repositories[repository]}/blobs/{digest.replace(':', '/', 1)}"
        return
    for batch in removal.manifests:
        yield from _revisions(inventory, batch)
        yield from _histories(inventory, batch)
    for blob in removal.blobs.tolist():
        yield f"{blob_folder(inventory.digests.text(blob))}/data"
    for repository, digests in removal.layer_links:
        for digest in dict.fromkeys(digests.tolist()):
            yield layer_link(inventory.repositories[repository], inventory.digests.text(digest))


def blob_folder(digest: str) -> str:
    """Return the folder of a blob."""
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded[:2]}/{encoded}"


def layer_link(repository: str, digest: str) -> str:
    """Return the path of a layer link."""
    return f"repositories/{repository}/_layers/{digest.replace(':', '/', 1)}/link"


def revision_folder(repository: str, digest: str) -> str:
    """Return the folder of a manifest's revision."""
    return f"repositories/{repository}/_manifests/revisions/{digest.replace(':', '/', 1)}"


def not_found(driver: str, path: str) -> str:
    """Return the storage driver's message for a path that does not exist."""
    return f"{driver}: Path not found: {path}"


def _revisions(inventory: Inventory, batch: Batch) -> Iterator[str]:
    repository, digests = batch
    at = inventory.revisions.of(repository)
    links = zip(inventory.revisions.paths[at], inventory.revisions.targets[at], strict=True)
    there = {int(path) for path, target in links if target != ABSENT}
    for digest in dict.fromkeys(digests.tolist()):
        if digest in there:
            name = inventory.repositories[repository]
            yield f"{revision_folder(name, inventory.digests.text(digest))}/link"


def _histories(inventory: Inventory, batch: Batch) -> Iterator[str]:
    repository, digests = batch
    gone = set(digests.tolist())
    tags = inventory.tags
    for tag in range(tags.of(repository).start, tags.of(repository).stop):
        for digest in tags.history[
            tags.history_starts[tag] : tags.history_starts[tag + 1]
        ].tolist():
            if digest in gone:
                path = inventory.digests.text(digest).replace(":", "/", 1)
                folder = f"repositories/{inventory.repositories[repository]}/_manifests/tags"
                yield f"{folder}/{tags.names[tag]}/index/{path}/link"
