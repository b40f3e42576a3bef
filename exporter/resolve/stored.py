"""How much does each tag matter that a storage holds, whichever shard looks at it?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from exporter.facts.proof import HEADER
from exporter.facts.snapshot import Root
from exporter.facts.use import Use
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.resolve.scope import Scope, Wanted, select

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory


def stored_roots(inventory: Inventory, scope: Scope, uses: Sequence[Use]) -> tuple[Root, ...]:
    """Return the tags in scope, and the digests that uses pin, with their reference classes.

    Names alone decide that: nothing is resolved, and where a tag leads is left open.
    """
    named = {*scope.listed, *(use.reference.repository for use in uses)}
    tags = {
        repository: tuple(map(Tag, inventory.tags.named(at)))
        for at, repository in enumerate(map(Repository, inventory.repositories))
        if repository in named or (scope.catalogue and scope.admits(repository))
    }
    return tuple(_roots(select(scope, tags, uses)))


def _roots(wanted: Iterable[Wanted]) -> Iterable[Root]:
    for each in wanted:
        digest = each.name if isinstance(each.name, Digest) else None
        tag = None if digest else Tag(each.name)
        yield Root(each.repository, tag, digest, HEADER, each.reference_class)
