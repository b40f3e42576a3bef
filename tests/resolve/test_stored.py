"""How much of a storage is read to compare its tags with a registry's?"""

from __future__ import annotations

from collections import Counter

from exporter.facts.inventory import Driver, Folder
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.facts.proof import HEADER
from exporter.facts.sightings import Sightings
from exporter.facts.snapshot import Root, Snapshot
from exporter.facts.stored import Stored
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.resolve.contradictions import AuditAnswers, _tags
from exporter.resolve.stored import StorageProofs

_REPOSITORIES = [Repository(f"r{at:02}") for at in range(20)]
_TAGS = [Tag(f"v{at}") for at in range(3)]
_DIGEST = Digest.of(b"manifest")


class _Counted(Stored):
    """Notes whose tags are gathered."""

    gathered: Counter[Repository]

    def tags(self, repository: Repository) -> dict[str, str | None] | None:
        self.gathered[repository] += 1
        return super().tags(repository)


def test_the_tags_of_a_repository_are_gathered_once_in_whatever_order_uses_name_them() -> None:
    builder = InventoryBuilder(Driver.FILESYSTEM)
    for repository in _REPOSITORIES:
        for tag in _TAGS:
            builder.tags.add(tag, _DIGEST)
        builder.close(repository, Folder.TAGS)
    names = [(repository, tag) for tag in _TAGS for repository in _REPOSITORIES]
    roots = (Root(*name, _DIGEST, HEADER, ReferenceClass.IDLE) for name in names)
    before = Snapshot("registry", 100.0, roots=tuple(roots), sampled_at=100.0)
    proofs = StorageProofs(builder.inventory(), before, 101.0, 1000.0)
    proofs.stored = counted = _Counted(proofs.inventory)
    counted.gathered = Counter()

    assert proofs.tags(names).keys() <= {*names}
    assert counted.gathered == Counter(_REPOSITORIES)

    answers = AuditAnswers(Sightings(), {}, {}, dict.fromkeys(names, (_DIGEST, HEADER)))
    assert [*_tags(answers, proofs)] == []
    assert max(counted.gathered.values()) <= 1 + 1
