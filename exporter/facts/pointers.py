"""Which tags point straight at a manifest, by the links in a registry's own storage?"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from exporter.facts.snapshot import Sealed
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Repository, Tag

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory


def pointers(inventory: Inventory, wanted: Collection[Repository]) -> dict[Repository, Sealed]:
    """Return a seal for each wanted repository that the storage holds: it knows every tag.

    Call it for an inventory without blindness only.
    """
    return {
        Repository(name): _sealed(inventory, number)
        for number, name in enumerate(inventory.repositories)
        if name in wanted
    }


def _sealed(inventory: Inventory, repository: int) -> Sealed:
    found: dict[Digest, tuple[Tag, ...]] = {}
    for name, manifest in inventory.tags.pointing(repository):
        if manifest >= 0 and (digest := _digest(inventory.digests.text(manifest))):
            found[digest] = (*found.get(digest, ()), Tag(name))
    return Sealed(found)


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except Malformed:
        return None
