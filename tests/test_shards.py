"""Do several shards of a registry say together what one process says of all of it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Reason
from exporter.facts.shard import WHOLE, Shard, home
from exporter.facts.use import ReferenceClass
from exporter.oci.reference import Repository
from exporter.resolve import scope
from exporter.resolve.scope import stored_roots
from exporter.sources.storage import filesystem
from tests import worlds
from tests.fakes import Fake, audited, target, use
from tests.parts import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from exporter.judge.report import Report

SHARDS = tuple(Shard(index, 4) for index in range(4))
BASE = worlds.layer("base", 4_000)


@dataclass(frozen=True)
class Site:
    """A registry of forty repositories that share a layer, some of them hurt."""

    fake: Fake
    live: tuple[str, ...]

    async def report(self, shard: Shard, before: Report | None = None) -> Report:
        everything = scope.AuditScope(select=("*",), shard=shard)
        uses = [use(f"{name}:v1") for name in self.live]
        return await audited(target(self.fake, scope=everything), *uses, before=before)


@pytest.fixture
def site() -> Site:
    fake = Fake()
    for at in range(40):
        name = Repository(f"team{at % 3}/app{at}")
        own = tuple(worlds.layer(f"{at} {n}", 500 + at) for n in range(2))
        made = worlds.index(
            *(worlds.image(f"{at}", each, (BASE, *own)) for each in ("linux/amd64", "linux/arm64"))
        )
        fake.push(made, "v1", name)
        if at % 5 == 0:
            fake.sweep(made.children[0].digest, repository=name)
        if at % 7 == 0:
            fake.sweep(own[1].digest, repository=name)
        if at % 11 == 0:
            fake.spoil("*", Reason.DENIED, repository=name)
    return Site(fake, tuple(f"team{at % 3}/app{at}" for at in range(0, 40, 4)))


async def test_the_union_of_four_shards_is_what_one_process_says(site: Site) -> None:
    whole = await site.report(WHOLE)
    parts = [await site.report(shard) for shard in SHARDS]

    assert len(whole.findings) > 30
    assert {each for part in parts for each in part.findings} == {*whole.findings}
    assert sum(len(part.findings) for part in parts) == len(whole.findings)
    assert merged(part.since for part in parts) == whole.since
    assert {each for part in parts for each in part.verdicts} == {*whole.verdicts}
    assert merged(part.snapshot.sightings for part in parts) == whole.snapshot.sightings
    assert merged(part.snapshot.sealed for part in parts) == whole.snapshot.sealed
    assert merged(part.snapshot.listed for part in parts) == whole.snapshot.listed
    assert sorted(gap.subject for part in parts for gap in part.snapshot.gaps) == sorted(
        gap.subject for gap in whole.snapshot.gaps
    )


async def test_the_bytes_of_every_repository_are_the_same(site: Site) -> None:
    whole = (await site.report(WHOLE)).counts
    parts = [(await site.report(shard)).counts for shard in SHARDS]

    assert merged(part.repositories for part in parts) == whole.repositories
    assert sum(sum(part.tags.values()) for part in parts) == sum(whole.tags.values())
    assert sum(part.referenced_bytes for part in parts) > whole.referenced_bytes, "the base layer"


async def test_a_shard_asks_about_its_own_repositories_only(site: Site) -> None:
    for shard in SHARDS:
        site.fake.asked.clear()

        await site.report(shard)

        asked = {where for _, _, where, _ in site.fake.asked if "/" in where}
        assert asked
        assert {home(repository, 4) for repository in asked} == {shard.index}


async def test_what_is_remembered_of_another_shard_is_dropped(site: Site) -> None:
    whole = await site.report(WHOLE)

    part = await site.report(SHARDS[1], before=whole)

    assert part.verdicts
    assert {home(each.root.repository, 4) for each in part.verdicts} == {1}


def test_a_storage_knows_the_class_of_every_tag_whoever_audits_it(tmp_path: Path) -> None:
    for name in ("one", "two", "other"):
        tree.write(tmp_path, name, worlds.image(name), "v1")
    inventory = filesystem.read(str(tmp_path))
    told = scope.AuditScope(select=("v*",), leave_out=("other",), shard=Shard(0, 4))
    pinned = use(f"two@{worlds.image('two').digest}")

    roots = stored_roots(inventory, told, (use("one:v1"), pinned))

    classes = {(root.repository, root.name): root.reference_class for root in roots}
    assert classes == {
        ("one", "v1"): ReferenceClass.LIVE,
        ("two", "v1"): ReferenceClass.SELECTED,
        ("two", f"@{worlds.image('two').digest.short}"): ReferenceClass.LIVE,
    }


def merged(parts: Iterable[Mapping[Any, Any]]) -> dict[Any, Any]:
    """One mapping of several that have nothing in common."""
    found: dict[Any, Any] = {}
    for part in parts:
        assert not found.keys() & part.keys()
        found |= dict(part)
    return found
