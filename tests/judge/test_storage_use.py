"""What a storage means, read from disk as a registry leaves it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.holdings import Grace
from exporter.facts.proof import HEADER
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.outcome import Unpredictable
from exporter.judge.storage_use import CollectorForecast, StorageUse, storage_use
from exporter.oci.reference import Repository, Tag
from exporter.sources.storage import filesystem
from tests import worlds
from tests.parts import tree

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.digest import Digest

NOW = 1_800_000_000.0
DAY = 86_400.0
APP = Repository("team/app")
LATER = Grace(blobs=0.0, uploads=0.0)


def root(name: str, digest: Digest, reference: ReferenceClass = ReferenceClass.LIVE) -> Root:
    return Root(APP, Tag(name), digest, HEADER, reference)


def taken(folder: Path, *roots: Root, grace: Grace = LATER) -> StorageUse:
    found = storage_use(filesystem.read(str(folder)), roots, Collector.DISTRIBUTION_2, grace, NOW)
    assert isinstance(found, StorageUse)
    return found


def prediction(storage: StorageUse, dialect: str, mode: Mode) -> CollectorForecast:
    (found,) = [p for p in storage.predictions if (p.dialect, p.mode) == (dialect, mode)]
    return found


def age(folder: Path, seconds: float) -> None:
    """Let everything in a folder be as old as that."""
    for path in folder.rglob("*"):
        os.utime(path, (NOW - seconds, NOW - seconds))


def test_the_incident_is_foretold_for_the_collector_that_causes_it(tmp_path: Path) -> None:
    made = worlds.two_platforms("app")
    tree.write(tmp_path, APP, made, "v1")

    storage = taken(tmp_path, root("v1", made.digest))

    swept = prediction(storage, "distribution-2", Mode.DELETE_UNTAGGED)
    assert swept.victims == {ReferenceClass.LIVE: 2}
    assert swept.reclaimable_bytes > 0
    assert prediction(storage, "distribution-2", Mode.PLAIN).victims == {}
    assert prediction(storage, "distribution-3", Mode.DELETE_UNTAGGED).victims == {}
    assert not any(each.abort for each in storage.predictions)


def test_a_tag_that_is_out_of_scope_counts_as_selected(tmp_path: Path) -> None:
    tree.write(tmp_path, APP, worlds.two_platforms("app"), "v1")

    swept = prediction(taken(tmp_path), "distribution-2", Mode.DELETE_UNTAGGED)

    assert swept.victims == {ReferenceClass.SELECTED: 2}


def test_a_child_under_two_tags_counts_once_under_the_higher_class(tmp_path: Path) -> None:
    made = worlds.two_platforms("app")
    tree.write(tmp_path, APP, made, "v1", "latest")

    storage = taken(
        tmp_path,
        root("v1", made.digest),
        root("latest", made.digest, ReferenceClass.LATEST),
    )

    swept = prediction(storage, "distribution-2", Mode.DELETE_UNTAGGED)
    assert swept.victims == {ReferenceClass.LIVE: 2}


def test_a_digest_that_somebody_pins_is_a_victim_where_no_tag_holds_it(tmp_path: Path) -> None:
    pinned = worlds.image("pinned")
    tree.write(tmp_path, APP, pinned)
    tree.write(tmp_path, APP, worlds.image("other"), "v1")
    wanted = Root(APP, None, pinned.digest, HEADER, ReferenceClass.LIVE)

    for dialect in ("distribution-2", "distribution-3"):
        swept = prediction(taken(tmp_path, wanted), dialect, Mode.DELETE_UNTAGGED)
        assert swept.victims == {ReferenceClass.LIVE: 1}


def test_each_byte_that_nothing_needs_has_one_reason(tmp_path: Path) -> None:
    kept, left = worlds.image("kept"), worlds.image("left")
    tree.write(tmp_path, APP, kept, "v1")
    tree.write(tmp_path, APP, left)
    stray = worlds.layer("stray", 123)
    blob = tree.data(tmp_path, stray.digest)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(stray.body)
    age(tmp_path, 2 * DAY)

    storage = taken(tmp_path, root("v1", kept.digest), grace=Grace(blobs=DAY))

    of_left = len(left.body) + sum(len(each.body) for each in left.blobs)
    of_kept = len(kept.body) + sum(len(each.body) for each in kept.blobs)
    assert storage.reclaimable.untagged == of_left
    assert storage.reclaimable.orphaned == 123
    assert storage.stored_bytes == of_left + of_kept + 123
    assert storage.referenced_bytes == of_left + of_kept
    assert (storage.orphaned_blobs, storage.orphaned_manifests) == (1, 1)


def test_what_is_young_is_on_its_way_and_not_left_over(tmp_path: Path) -> None:
    tree.write(tmp_path, APP, worlds.image("just pushed"))
    age(tmp_path, 60.0)

    storage = taken(tmp_path, grace=Grace(blobs=DAY))

    assert storage.reclaimable.untagged == 0
    assert storage.orphaned_manifests == 0


def test_a_tag_that_alone_protects_anothers_child_is_named(tmp_path: Path) -> None:
    made = worlds.two_platforms("app")
    amd64 = made.children[0]
    tree.write(tmp_path, APP, made, "v1")
    tree.point(tmp_path, APP, "v1-amd64", amd64.digest)

    assert taken(tmp_path).sole_protectors == {(APP, "v1-amd64"): 1}


def test_a_storage_that_was_not_seen_whole_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    found = storage_use(filesystem.read(str(tmp_path)), (), Collector.DISTRIBUTION_2, LATER, NOW)

    assert isinstance(found, Unpredictable)
    assert [gap.reason for gap in found.gaps] == [Reason.UNSUPPORTED]


@pytest.mark.parametrize("collector", [Collector.PARENT_PROTECTS, Collector.NONE])
def test_no_dialect_stumbles_where_no_distribution_collects(
    tmp_path: Path, collector: Collector
) -> None:
    tree.write(tmp_path, APP, worlds.image("digest only"))

    found = storage_use(filesystem.read(str(tmp_path)), (), collector, LATER, NOW)

    assert isinstance(found, StorageUse)
    assert found.preconditions == ()
