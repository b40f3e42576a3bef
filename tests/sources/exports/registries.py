"""A registry and its storage, made from a seed, and the facts that its shards write of it."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.audit import audit
from exporter.facts.gap import Gap
from exporter.facts.holdings import Grace
from exporter.facts.shard import Shard
from exporter.facts.snapshot import Role
from exporter.facts.use import Use
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.ports import Listing
from exporter.publish.exports.export import AuditData, StorageData, export
from exporter.resolve import scope
from exporter.sources.storage import filesystem
from tests import worlds
from tests.fakes import NOW, Fake, target
from tests.parts import tree

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory
    from exporter.judge.report import Report
    from exporter.publish.exports.export import ExportFolder

OLD = NOW - 30 * 86_400
GRACE = Grace()


@dataclass(frozen=True)
class Site:
    """A registry of some repositories that share content, over the API and on the disk."""

    fake: Fake
    root: Path
    uses: tuple[Use, ...] = ()
    mirrored: frozenset[Platform] = frozenset()
    """Of a sparse mirror: the platforms that it holds."""
    unread: tuple[Gap, ...] = ()
    """Of the sources of references."""

    async def report(self, shard: Shard) -> Report:
        everything = scope.AuditScope(select=("*",), shard=shard)
        role = Role.SPARSE if self.mirrored else Role.OWNED
        aim = target(self.fake, scope=everything, role=role, platforms=self.mirrored)
        return await audit(aim, Listing(self.uses, self.unread), None, NOW)

    @property
    def inventory(self) -> Inventory:
        return filesystem.read(str(self.root))

    async def write(self, bucket: ExportFolder, count: int) -> None:
        """Have every shard write its facts."""
        for index in range(count):
            shard = Shard(index, count)
            storage = StorageData(self.inventory, *GRACE.before(NOW)) if shard.first else None
            snapshot = (await self.report(shard)).snapshot
            name = f"20260422T100000000000Z-{index:08x}"
            export(AuditData(snapshot, shard, name, whole=True, storage=storage), bucket, keep=2)


def site(root: Path, seed: int, repositories: int = 12) -> Site:
    """Return the registry of a seed."""
    chance = random.Random(seed)  # noqa: S311 - content, not a secret
    fake = Fake()
    shared = [worlds.layer(f"{seed} shared {at}", chance.randint(500, 5_000)) for at in range(4)]
    for at in range(repositories):
        name = Repository(f"team{at % 3}/app{at}")
        for version in range(chance.randint(1, 4)):
            made = _image(chance, f"{seed} {at} {version}", shared)
            tags = (f"v{version}",) if chance.random() < 0.7 else ()
            if not tags:
                tree.write(root, name, made)  # the API shows no untagged manifest
                continue
            fake.push(made, tags[0], name)
            tree.write(root, name, made, *tags)
            if chance.random() < 0.3:
                child = made.children[0]
                fake.push(child, f"keep-{version}", name)
                tree.point(root, name, f"keep-{version}", child.digest)
    _leave_behind(root, chance, seed)
    return Site(fake, root)


def _image(chance: random.Random, seed: str, shared: list[worlds.Blob]) -> worlds.Made:
    children = [
        worlds.image(
            f"{seed} {each}",
            each,
            (*chance.sample(shared, 2), worlds.layer(f"{seed} {each}", chance.randint(1, 3_000))),
        )
        for each in ("linux/amd64", "linux/arm64")
    ]
    inner = worlds.index(*children)
    return worlds.index(inner, worlds.attestation(children[0])) if chance.random() < 0.3 else inner


def _leave_behind(root: Path, chance: random.Random, seed: int) -> None:
    """Add orphans, some of them young, and uploads; make all the rest old."""
    blobs = root / "docker/registry/v2/blobs"
    orphans = [worlds.layer(f"{seed} orphan {at}", chance.randint(1, 9_000)) for at in range(7)]
    for orphan in orphans:
        path = tree.data(root, orphan.digest)
        path.parent.mkdir(parents=True)
        path.write_bytes(orphan.body)
    for path in blobs.rglob("data"):
        os.utime(path, (OLD, OLD))
    for orphan in orphans[:2]:
        os.utime(tree.data(root, orphan.digest), (NOW, NOW))
    for name, age in (("stale", OLD), ("fresh", NOW)):
        upload = root / f"docker/registry/v2/repositories/team0/app0/_uploads/{name}/data"
        upload.parent.mkdir(parents=True)
        upload.write_bytes(b"x" * chance.randint(1, 999))
        os.utime(upload, (age, age))
