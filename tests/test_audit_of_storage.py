"""What an audit adds to its verdicts where it may read the registry's own storage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.audit import audit
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import Mode
from exporter.ports import Listing, Unseen
from exporter.wiring.registry_storage import RegistryStorage
from tests import worlds
from tests.fakes import APP, Fake, cut_list, target, use
from tests.parts import tree

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory
    from exporter.judge.report import Report

NOW = 1_800_000_000.0


def folder(root: Path) -> RegistryStorage:
    return RegistryStorage(str(root))


class Half(RegistryStorage):
    """A storage of which a part cannot be read."""

    def read(self) -> Inventory:
        hidden = Gap(Scope.OBJECT, "tags/v2", Reason.UNREADABLE)
        return replace(super().read(), gaps=(hidden,))


class Gone:
    """A storage that cannot be read."""

    def read(self) -> Inventory:
        raise Unseen("/storage", Reason.UNREADABLE, "permission denied")


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    made = worlds.two_platforms("app")
    tree.write(tmp_path, APP, made, "v1")
    fake = Fake()
    fake.push(made, "v1")
    return fake


async def audited(fake: Fake, storage: object) -> Report:
    uses = Listing((use("app:v1"),))
    return await audit(target(fake, storage=storage), uses, None, NOW)


async def test_it_foretells_what_a_collection_would_break(fake: Fake, tmp_path: Path) -> None:
    report = await audited(fake, folder(tmp_path))

    assert report.storage is not None
    swept = {(each.dialect, each.mode): each.victims for each in report.storage.predictions}
    assert swept["distribution-2", Mode.DELETE_UNTAGGED] == {ReferenceClass.LIVE: 2}
    assert swept["distribution-3", Mode.DELETE_UNTAGGED] == {}
    assert report.snapshot.gaps == ()


async def test_without_storage_it_says_nothing_of_one(fake: Fake) -> None:
    report = await audited(fake, None)

    assert report.storage is None
    assert report.snapshot.gaps == ()


async def test_a_storage_that_cannot_be_read_is_a_gap_and_changes_no_verdict(fake: Fake) -> None:
    report = await audited(fake, Gone())

    assert report.storage is None
    assert [(gap.scope, gap.reason) for gap in report.snapshot.gaps] == [
        (Scope.REGISTRY, Reason.UNREADABLE)
    ]
    assert report.snapshot.blind is None
    assert report.verdicts == (await audited(fake, None)).verdicts


async def test_a_foreign_layout_is_refused_and_named(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "docker" / "registry" / "lockfiles").mkdir(parents=True)
    (tmp_path / "docker" / "registry" / "lockfiles" / "database-in-use").touch()

    report = await audited(fake, folder(tmp_path))

    assert report.storage is None
    assert [gap.reason for gap in report.snapshot.gaps] == [Reason.UNSUPPORTED]


async def test_it_tells_protection_where_the_list_of_tags_was_cut(
    fake: Fake, tmp_path: Path
) -> None:
    fake.spoil("*", cut_list("v1"))
    assert protections(await audited(fake, None)) == {None}

    assert protections(await audited(fake, folder(tmp_path))) == {()}

    child = worlds.two_platforms("app").children[0]
    tree.point(tmp_path, APP, "v1-amd64", child.digest)
    assert protections(await audited(fake, folder(tmp_path))) == {(), ("v1-amd64",)}


async def test_a_tag_that_was_pushed_since_leaves_protection_untold(
    fake: Fake, tmp_path: Path
) -> None:
    fake.spoil("*", cut_list("v1"))
    fake.push(worlds.two_platforms("newer"), "v1")
    assert protections(await audited(fake, folder(tmp_path))) == {None}

    fake.push(worlds.two_platforms("app"), "v1")
    fake.push(worlds.image("app"), "v2")
    fake.spoil("*", cut_list("v1", "v2"))
    assert protections(await audited(fake, folder(tmp_path))) == {None, ("v2",)}

    fake.spoil("v2", Reason.TIMEOUT)
    assert protections(await audited(fake, folder(tmp_path))) == {(), None}


async def test_only_a_tag_that_resolves_overtakes_a_storage(fake: Fake, tmp_path: Path) -> None:
    tree.write(tmp_path, APP, fake.push(worlds.image("newer"), "v2"))
    before = await audited(fake, None)
    fake.spoil("*", cut_list("v1"))
    fake.spoil("v2", Reason.TIMEOUT)
    pin = use(f"app@{worlds.two_platforms('app').digest}")
    uses = Listing((use("app:v1"), use("app:nowhere"), pin))

    told = target(fake, storage=folder(tmp_path))
    report = await audit(told, uses, before, NOW)

    assert report.snapshot.sealed.keys() == {APP}


async def test_a_storage_that_was_not_seen_whole_tells_no_protection(
    fake: Fake, tmp_path: Path
) -> None:
    fake.spoil("*", cut_list("v1"))

    assert protections(await audited(fake, Half(str(tmp_path)))) == {None}


def protections(report: Report) -> set[tuple[str, ...] | None]:
    return {child.protected_by for verdict in report.verdicts for child in verdict.children}
