"""Is it said beforehand what a collector stumbles over, or loses without a word?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given

from exporter.judge.gc.breakage import losses, tag_targets
from exporter.judge.gc.dialect import DISTRIBUTION_2, DISTRIBUTION_3, Dialect, Mode
from exporter.judge.gc.outcome import Aborted, Completed, Stage
from exporter.judge.gc.preconditions import Effect, PreconditionCode, holes, preconditions
from exporter.judge.gc.simulate import simulate
from exporter.oci.digest import Digest
from exporter.sources.storage.filesystem import read
from tests.judge.gc.inventories import World, worlds
from tests.judge.gc.narration import log
from tests.parts import tree
from tests.schema1 import schema1
from tests.worlds import encoded, image, index

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.inventory import Inventory

AMD64, ARM64 = image("app", "linux/amd64"), image("app", "linux/arm64")
BOTH = index(AMD64, ARM64)
DIALECTS = pytest.mark.parametrize("dialect", [DISTRIBUTION_2, DISTRIBUTION_3])


def found(root: Path, dialect: Dialect) -> set[tuple[PreconditionCode, str, Effect]]:
    inventory = read(str(root))
    return {(each.code, each.repository, each.effect) for each in preconditions(inventory, dialect)}


@DIALECTS
def test_a_sound_storage_has_none(tmp_path: Path, dialect: Dialect) -> None:
    tree.write(tmp_path, "app", BOTH, "v1")
    tree.write(tmp_path, "other", BOTH, "v1")

    assert found(tmp_path, dialect) == set()


def test_registries_5_digests_without_tags_stop_one_and_are_lost_to_the_other(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "solo", AMD64)

    assert found(tmp_path, DISTRIBUTION_2) == {(PreconditionCode.NO_TAGS, "solo", Effect.STOPS)}
    assert found(tmp_path, DISTRIBUTION_3) == {(PreconditionCode.NO_TAGS, "solo", Effect.LOSES)}


def test_registries_12_a_repository_without_layer_links_is_lost_to_one_and_stops_the_other(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    shutil.rmtree(tree.home(tmp_path, "app") / "_layers")

    assert found(tmp_path, DISTRIBUTION_2) == {(PreconditionCode.NO_LAYERS, "app", Effect.LOSES)}
    assert found(tmp_path, DISTRIBUTION_3) == {(PreconditionCode.NO_LAYERS, "app", Effect.STOPS)}


def test_registries_7_a_hole_in_an_earlier_repository_costs_a_later_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, BOTH, "v1")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()

    assert found(tmp_path, DISTRIBUTION_2) == set()
    assert found(tmp_path, DISTRIBUTION_3) == {
        (PreconditionCode.SPARSE_SHARED_INDEX, "b", Effect.LOSES)
    }


def test_registries_8_a_hole_in_a_later_repository_costs_nobody(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, BOTH, "v1")
    tree.revision(tmp_path, "b", AMD64.digest).unlink()

    assert found(tmp_path, DISTRIBUTION_3) == set()


def test_a_tag_on_the_child_takes_the_danger_from_another_repositorys_hole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, BOTH, "v1")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()
    tree.point(tmp_path, "b", "v1-amd64", AMD64.digest)

    inventory = read(str(tmp_path))
    plan = simulate(inventory, DISTRIBUTION_3, Mode.DELETE_UNTAGGED)

    assert preconditions(inventory, DISTRIBUTION_3) == ()
    assert isinstance(plan, Completed)
    assert not [*losses(inventory, plan.removal, tag_targets(inventory))]


def test_the_hole_may_be_in_another_index_of_the_same_child(tmp_path: Path) -> None:
    tree.write(tmp_path, "a", index(AMD64), "v1")
    tree.write(tmp_path, "b", BOTH, "v1")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()

    inventory = read(str(tmp_path))
    plan = simulate(inventory, DISTRIBUTION_3, Mode.DELETE_UNTAGGED)

    assert isinstance(plan, Completed)
    assert {each.manifest for each in losses(inventory, plan.removal, tag_targets(inventory))} == {
        inventory.digests.number(AMD64.digest)
    }
    assert found(tmp_path, DISTRIBUTION_3) == {
        (PreconditionCode.SPARSE_SHARED_INDEX, "b", Effect.LOSES)
    }


def test_a_repository_that_was_followed_before_the_hole_keeps_the_child_for_all(
    tmp_path: Path,
) -> None:
    for name in ("0", "a", "b"):
        tree.write(tmp_path, name, BOTH, "v1")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()

    assert found(tmp_path, DISTRIBUTION_3) == set()


def test_a_hole_below_an_index_that_no_tag_leads_to_costs_nobody(tmp_path: Path) -> None:
    tree.write(tmp_path, "a", image("other"), "v1")
    for name in ("a", "b"):
        tree.write(tmp_path, name, BOTH)
    tree.point(tmp_path, "b", "v1", BOTH.digest)
    tree.revision(tmp_path, "a", AMD64.digest).unlink()

    assert found(tmp_path, DISTRIBUTION_3) == set()


@given(worlds())
def test_every_child_lost_to_a_hole_is_foretold(world: World) -> None:
    """A tag's child that distribution 3 spares, and whose content it takes, is always a hole."""
    inventory = world.inventory()
    plan = simulate(inventory, DISTRIBUTION_3, Mode.DELETE_UNTAGGED)
    if not isinstance(plan, Completed):
        return

    lost = {
        (each.target.repository, each.manifest)
        for each in losses(inventory, plan.removal, tag_targets(inventory))
        if each.manifest != each.target.manifest
    }

    known = {(repository, child) for repository, child, _ in holes(inventory, DISTRIBUTION_3)}
    assert lost <= known | {
        (repository, below) for repository, hole in known for below in _below(inventory, hole)
    }


def _below(inventory: Inventory, manifest: int) -> list[int]:
    """What only a hole leads to is lost with it."""
    return np.flatnonzero(inventory.graph.reach(np.array([manifest]))).tolist()


@DIALECTS
def test_registries_15_a_damaged_manifest_link_stops_any(tmp_path: Path, dialect: Dialect) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.revision(tmp_path, "app", AMD64.digest).write_bytes(b"")

    assert (PreconditionCode.DAMAGED_LINK, "app", Effect.STOPS) in found(tmp_path, dialect)


@DIALECTS
def test_registries_16_a_tag_without_its_link_protects_nothing(
    tmp_path: Path, dialect: Dialect
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    link = tree.tag(tmp_path, "app", "v1") / "current" / "link"
    link.unlink()
    assert found(tmp_path, dialect) == {(PreconditionCode.DANGLING_TAG, "app", Effect.LOSES)}

    link.write_bytes(b"")
    assert found(tmp_path, dialect) == {(PreconditionCode.DAMAGED_LINK, "app", Effect.STOPS)}


@DIALECTS
def test_registries_17_a_manifest_cut_short_stops_any(tmp_path: Path, dialect: Dialect) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.data(tmp_path, AMD64.digest).write_bytes(AMD64.body[:20])

    assert found(tmp_path, dialect) == {(PreconditionCode.UNREADABLE_MANIFEST, "app", Effect.STOPS)}


@DIALECTS
def test_registries_18_a_manifest_without_bytes_protects_nothing(
    tmp_path: Path, dialect: Dialect
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.data(tmp_path, AMD64.digest).unlink()

    codes = {code for code, _, effect in found(tmp_path, dialect) if effect is Effect.LOSES}
    assert codes == {PreconditionCode.DANGLING_LINK, PreconditionCode.DANGLING_TAG}


def test_registries_21_schema_1_stops_distribution_3(tmp_path: Path) -> None:
    old = schema1("old", "app", "v1")
    tree.write(tmp_path, "app", old, "v1")

    assert found(tmp_path, DISTRIBUTION_2) == set()
    assert (PreconditionCode.SCHEMA1, "app", Effect.STOPS) in found(tmp_path, DISTRIBUTION_3)


@DIALECTS
def test_registries_24_content_named_by_sha512_is_lost_to_any(
    tmp_path: Path, dialect: Dialect
) -> None:
    layer = AMD64.layers[0]
    long = Digest.of(layer.body, "sha512")
    body = AMD64.body.replace(layer.digest.encode(), long.encode())
    made = type(AMD64)(AMD64.media_type, body, AMD64.blobs)
    tree.write(tmp_path, "app", made, "v1")

    assert found(tmp_path, dialect) == {(PreconditionCode.SHA512, "app", Effect.LOSES)}


@DIALECTS
def test_a_name_that_no_registry_takes_stops_any(tmp_path: Path, dialect: Dialect) -> None:
    tree.write(tmp_path, "App", AMD64, "v1")

    assert found(tmp_path, dialect) == {(PreconditionCode.UNUSABLE_NAME, "App", Effect.STOPS)}


def test_a_name_is_too_long_for_distribution_2_with_its_first_part(tmp_path: Path) -> None:
    tree.write(tmp_path, f"{'x' * 128}/{'y' * 127}", AMD64, "v1")

    assert {code for code, _, _ in found(tmp_path, DISTRIBUTION_2)} == {
        PreconditionCode.UNUSABLE_NAME
    }
    assert found(tmp_path, DISTRIBUTION_3) == set()


@DIALECTS
def test_a_dry_run_does_not_come_as_far_as_a_summary_past_a_blob_out_of_place(
    tmp_path: Path, dialect: Dialect
) -> None:
    tree.write(tmp_path, "app", AMD64)
    tree.write(tmp_path, "app", ARM64)
    tree.point(tmp_path, "app", "gone", BOTH.digest)
    tree.revision(tmp_path, "app", ARM64.digest).write_text(AMD64.digest)  # so it is deleted twice
    stray = tmp_path / "docker" / "registry" / "v2" / "blobs" / "sha256" / "ab" / "abc" / "data"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(encoded({}))
    inventory = read(str(tmp_path))

    outcome = simulate(inventory, dialect, Mode.DELETE_UNTAGGED)

    assert isinstance(outcome, Aborted)
    assert outcome.stage is Stage.MANIFESTS
    assert not any("blobs marked" in line for line in log(inventory, outcome))


@DIALECTS
def test_a_blob_out_of_place_stops_any(tmp_path: Path, dialect: Dialect) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    stray = tmp_path / "docker" / "registry" / "v2" / "blobs" / "sha256" / "ab" / "abc" / "data"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(encoded({}))

    assert found(tmp_path, dialect) == {(PreconditionCode.MISPLACED_BLOB, "", Effect.STOPS)}
