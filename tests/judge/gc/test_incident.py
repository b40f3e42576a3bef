"""Does a prediction say what the incidents were? By the scenarios' names, on storages made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.judge.gc.breakage import PullTarget, losses, sole_protectors, tag_targets
from exporter.judge.gc.dialect import DISTRIBUTION_2, DISTRIBUTION_3, Dialect, Mode
from exporter.judge.gc.outcome import Aborted, Completed, Stage
from exporter.judge.gc.paths import removed
from exporter.judge.gc.simulate import simulate
from exporter.sources.storage.filesystem import read
from tests.parts import tree
from tests.worlds import Made, image, index

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.inventory import Inventory

_AMD64 = image("app", "linux/amd64")
_ARM64 = image("app", "linux/arm64")
_BOTH = index(_AMD64, _ARM64)


def _plan(inventory: Inventory, dialect: Dialect, mode: Mode = Mode.DELETE_UNTAGGED) -> Completed:
    plan = simulate(inventory, dialect, mode)
    assert isinstance(plan, Completed)
    return plan


def _hurt(inventory: Inventory, plan: Completed) -> set[tuple[str, str, str]]:
    """The repository, the tag and the child of every victim."""
    return {
        (
            inventory.repositories[victim.target.repository],
            victim.target.name,
            inventory.digests.text(victim.manifest),
        )
        for victim in losses(inventory, plan.removal, tag_targets(inventory))
    }


def _unlink(root: Path, repository: str, made: Made) -> None:
    """What an API DELETE by digest leaves."""
    tree.revision(root, repository, made.digest).unlink()


def test_the_incident_breaks_both_children_under_distribution_2(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", _BOTH, "v1")

    inventory = read(str(tmp_path))
    plan = _plan(inventory, DISTRIBUTION_2)

    assert _hurt(inventory, plan) == {
        ("app", "v1", _AMD64.digest),
        ("app", "v1", _ARM64.digest),
    }
    assert int(plan.kept.sum()) == 3
    assert len(plan.removal.blobs) == 6


@pytest.mark.parametrize(
    ("dialect", "mode"),
    [
        (DISTRIBUTION_2, Mode.PLAIN),
        (DISTRIBUTION_3, Mode.PLAIN),
        (DISTRIBUTION_3, Mode.DELETE_UNTAGGED),
    ],
)
def test_the_incident_is_harmless_elsewhere(tmp_path: Path, dialect: Dialect, mode: Mode) -> None:
    tree.write(tmp_path, "app", _BOTH, "v1")

    inventory = read(str(tmp_path))

    assert list(removed(inventory, _plan(inventory, dialect, mode).removal)) == []


def test_a_child_deleted_by_digest_was_broken_before_and_is_no_victim(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", _BOTH, "v1")
    _unlink(tmp_path, "app", _AMD64)

    inventory = read(str(tmp_path))
    plan = _plan(inventory, DISTRIBUTION_3, Mode.PLAIN)

    assert len(plan.removal.blobs) == 3
    assert _hurt(inventory, plan) == set()


def test_a_child_marked_as_a_blob_elsewhere_is_not_descended_into(tmp_path: Path) -> None:
    for repository in ("a", "b"):
        tree.write(tmp_path, repository, _BOTH, "v1")
    _unlink(tmp_path, "a", _AMD64)

    inventory = read(str(tmp_path))

    assert _hurt(inventory, _plan(inventory, DISTRIBUTION_3)) == {("b", "v1", _AMD64.digest)}


def test_the_same_with_the_repositories_swapped_hurts_nobody(tmp_path: Path) -> None:
    for repository in ("a", "b"):
        tree.write(tmp_path, repository, _BOTH, "v1")
    _unlink(tmp_path, "b", _AMD64)

    inventory = read(str(tmp_path))

    assert _hurt(inventory, _plan(inventory, DISTRIBUTION_3)) == set()


def test_lost_layer_links_alone_break_a_tag_whose_bytes_stay(tmp_path: Path) -> None:
    for repository in ("a", "b"):
        tree.write(tmp_path, repository, _BOTH, "v1")
    tree.write(tmp_path, "z", _AMD64, "keep")
    _unlink(tmp_path, "a", _AMD64)

    inventory = read(str(tmp_path))
    plan = _plan(inventory, DISTRIBUTION_3)

    assert len(plan.removal.blobs) == 0
    assert _hurt(inventory, plan) == {("b", "v1", _AMD64.digest)}


def test_a_repository_pushed_by_digest_only_stops_one_collector_and_is_swept_by_the_other(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "solo", _AMD64)
    tree.write(tmp_path, "zz", _ARM64, "t")

    inventory = read(str(tmp_path))
    stopped = simulate(inventory, DISTRIBUTION_2, Mode.DELETE_UNTAGGED)
    swept = _plan(inventory, DISTRIBUTION_3)

    assert isinstance(stopped, Aborted)
    assert stopped.stage is Stage.MARK
    assert stopped.messages[0].endswith("failed to retrieve tags unknown repository name=solo")
    assert len(swept.removal.blobs) == 4
    assert swept.removal.manifests == ()


def test_a_digest_that_somebody_pins_is_a_victim_although_no_tag_is(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", _AMD64)
    tree.write(tmp_path, "app", _ARM64, "v1")

    inventory = read(str(tmp_path))
    pinned = PullTarget(0, inventory.digests.number(_AMD64.digest), _AMD64.digest)
    (victim,) = losses(inventory, _plan(inventory, DISTRIBUTION_2).removal, [pinned])

    assert victim.unlinked
    assert len(victim.lost) == 4


def test_a_repository_without_layer_links_is_invisible_to_distribution_2(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", _AMD64, "v1")
    layers = tree.home(tmp_path, "app") / "_layers"
    layers.rename(tmp_path / "gone")

    inventory = read(str(tmp_path))
    blind = _plan(inventory, DISTRIBUTION_2, Mode.PLAIN)
    stopped = simulate(inventory, DISTRIBUTION_3, Mode.PLAIN)

    assert _hurt(inventory, blind) == {("app", "v1", _AMD64.digest)}
    assert isinstance(stopped, Aborted)
    assert stopped.messages[0].endswith(
        "Path not found: /docker/registry/v2/repositories/app/_layers"
    )


def test_the_leaf_of_a_nested_index_is_a_victim_under_distribution_2(tmp_path: Path) -> None:
    inner = index(_AMD64)
    tree.write(tmp_path, "top", index(inner), "v1")

    inventory = read(str(tmp_path))

    assert ("top", "v1", _AMD64.digest) in _hurt(inventory, _plan(inventory, DISTRIBUTION_2))
    assert _hurt(inventory, _plan(inventory, DISTRIBUTION_3)) == set()


def test_a_tag_on_a_child_is_its_sole_protector(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", _BOTH, "v1")
    tree.point(tmp_path, "app", "v1-amd64", _AMD64.digest)

    inventory = read(str(tmp_path))

    assert sole_protectors(inventory) == {("app", "v1-amd64"): 1}
