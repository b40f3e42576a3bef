"""What does a preflight say over a storage that is damaged, in use, or not wholly seen?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.judge.gc.outcome import Aborted
from exporter.judge.preflight.from_storage import confirmed, is_to_be_confirmed
from exporter.judge.preflight.prediction import Verdict
from exporter.oci.digest import Digest
from tests.judge.gc.narration import log
from tests.judge.preflight.asking import (
    COLLECTIONS,
    LATER,
    answered,
    codes,
    collection,
    foreseen,
    plan,
    use,
    victims,
)
from tests.parts import tree
from tests.schema1 import schema1
from tests.worlds import Made, attestation, image, index

if TYPE_CHECKING:
    from pathlib import Path

AMD64, ARM64 = image("app", "linux/amd64"), image("app", "linux/arm64")
ATTESTATION = attestation(AMD64)
APP = index(AMD64, ARM64, ATTESTATION)
EVERY = pytest.mark.parametrize("words", COLLECTIONS)
SAFE, UNSAFE, INCOMPLETE = Verdict.SAFE, Verdict.UNSAFE, Verdict.INCOMPLETE


@EVERY
def test_registries_13_a_blob_of_a_push_under_way_is_a_danger_not_a_victim(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    pushed = ARM64.layers[0]
    tree.write(tmp_path, "up", Made("", b"{}", (pushed,)))
    shutil.rmtree(tree.home(tmp_path, "up") / "_manifests")
    now = tree.data(tmp_path, pushed.digest).stat().st_mtime_ns + 40_000_000_000

    young, old = (answered(tmp_path, collection(words), now=when) for when in (now, LATER))

    assert {"young-blobs", "stale-cache"} <= codes(young)
    assert "young-blobs" not in codes(old)
    assert young.verdict is old.verdict is SAFE


def test_registries_14_a_link_without_its_manifest_goes_under_3(tmp_path: Path) -> None:
    tree.write(tmp_path, "aaa", AMD64, "v1")
    tree.write(tmp_path, "bbb", ARM64, "v1")
    mounted = tree.layer_link(tmp_path, "aaa", ARM64.layers[0].digest)
    mounted.parent.mkdir(parents=True)
    mounted.write_text(ARM64.layers[0].digest)

    assert answered(tmp_path, collection("3")).removed.layer_links == 1
    assert answered(tmp_path, collection("2")).removed.layer_links == 0


@EVERY
def test_registries_15_an_empty_manifest_link_stops_it_and_so_nothing_is_lost(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.revision(tmp_path, "app", AMD64.digest).write_bytes(b"")

    answer = answered(tmp_path, collection(words))

    assert answer.verdict is SAFE
    assert {"would-abort", "damaged-link"} <= codes(answer)
    (abort,) = (each.detail for each in answer.hazards if each.code == "would-abort")
    assert abort.startswith("would abort before it removes anything: failed to mark: ")


def test_a_first_push_under_way_looks_like_an_abort_and_is_never_safe(tmp_path: Path) -> None:
    """Its images come before the index with the tag; by the time a collection runs, it is there."""
    tree.write(tmp_path, "app", APP, "v1")
    tree.write(tmp_path, "new", ARM64)
    now = tree.data(tmp_path, AMD64.digest).stat().st_mtime_ns + 40_000_000_000

    young, old = (answered(tmp_path, collection("2 -m"), now=when) for when in (now, LATER))
    tree.point(tmp_path, "new", "v1", ARM64.digest)
    after = answered(tmp_path, collection("2 -m"))

    assert "would-abort" in codes(young) & codes(old)
    assert (young.verdict, old.verdict, after.verdict) == (INCOMPLETE, SAFE, UNSAFE)
    assert [gap.reason for gap in young.gaps] == [Reason.UNCONFIRMED]


def test_an_abort_that_a_second_reading_does_not_foretell_is_not_believed(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.write(tmp_path, "new", ARM64)
    before = foreseen(tmp_path, collection("2 -m"))
    young = foreseen(tmp_path, collection("2 -m"), now=0)
    link = tree.revision(tmp_path, "app", AMD64.digest)
    link.write_bytes(b"")
    otherwise = foreseen(tmp_path, collection("2 -m"))
    link.write_text(AMD64.digest)
    tree.point(tmp_path, "new", "v1", ARM64.digest)
    after = foreseen(tmp_path, collection("2 -m"))

    assert is_to_be_confirmed(before)
    assert is_to_be_confirmed(young)
    assert not is_to_be_confirmed(after)
    assert confirmed(before, before).answer.verdict is SAFE
    assert confirmed(before, otherwise).answer.verdict is INCOMPLETE
    assert confirmed(before, after).answer.verdict is UNSAFE


@pytest.mark.parametrize("words", ["2 -m", "3 -m"])
def test_registries_16_a_tag_without_its_link_lets_its_image_go(tmp_path: Path, words: str) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    link = tree.tag(tmp_path, "app", "v1") / "current" / "link"
    link.unlink()

    lost = answered(tmp_path, collection(words), [use("app", digest=AMD64.digest)])
    link.write_bytes(b"")
    stopped = answered(tmp_path, collection(words))

    assert victims(lost) == {f"app@{AMD64.digest}": {AMD64.digest}}
    assert "dangling-tag" in codes(lost)
    assert {"would-abort", "damaged-link"} <= codes(stopped)


@EVERY
def test_registries_17_a_manifest_cut_short_stops_it(tmp_path: Path, words: str) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.data(tmp_path, AMD64.digest).write_bytes(b"")

    assert {"would-abort", "unreadable-manifest"} <= codes(answered(tmp_path, collection(words)))


@EVERY
def test_registries_18_a_manifest_without_bytes_was_broken_before_and_its_layers_go(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.data(tmp_path, AMD64.digest).unlink()

    answer = answered(tmp_path, collection(words))

    assert (answer.verdict, answer.removed.blobs) == (SAFE, len(AMD64.blobs))
    assert {"dangling-link", "dangling-tag"} <= codes(answer)


@EVERY
def test_registries_19_a_changed_manifest_is_read_as_the_collector_reads_it(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    other = AMD64.body.replace(AMD64.layers[0].digest.encode(), ARM64.layers[0].digest.encode())
    tree.data(tmp_path, AMD64.digest).write_bytes(other)

    assert answered(tmp_path, collection(words)).removed.blobs == 1


@EVERY
def test_registries_20_a_layer_that_is_gone_already_is_no_victim(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.data(tmp_path, AMD64.layers[0].digest).unlink()

    assert answered(tmp_path, collection(words)).verdict is SAFE


def test_registries_21_schema_1_stops_3_and_not_2(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", schema1("old", "app", "v1"), "v1")

    assert {"would-abort", "schema1"} <= codes(answered(tmp_path, collection("3")))
    assert not {"would-abort", "schema1"} & codes(answered(tmp_path, collection("2")))


def test_what_chance_may_take_before_an_abort_counts_as_lost(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, index(AMD64, ARM64), "v1")
    tree.write(tmp_path, "z", AMD64, "keep")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()
    for name in ("p", "q"):  # distribution 3 dies in one of them, among layer links
        other = image(name)
        long = Digest.of(other.layers[0].body, "sha512")
        body = other.body.replace(other.layers[0].digest.encode(), long.encode())
        tree.write(tmp_path, name, Made(other.media_type, body, other.blobs), "v1")
        alias = tree.layer_link(tmp_path, name, long)
        alias.parent.mkdir(parents=True)
        alias.write_text(other.layers[0].digest)

    answer = answered(tmp_path, collection("3 -m"))

    assert victims(answer).keys() == {"b:v1", "p:v1", "q:v1"}
    (abort,) = (each.detail for each in answer.hazards if each.code == "would-abort")
    assert "would abort among layer-links: failed to delete layer link" in abort
    assert abort.endswith(", or one of its kind")


def test_registries_27_a_dry_run_taken_while_somebody_deletes_is_not_trusted(
    tmp_path: Path,
) -> None:
    """It lists live content: what counts is what the plan does to the storage as it is."""
    tree.write(tmp_path, "app", AMD64, "v1")
    gone = [AMD64.digest, *(blob.digest for blob in AMD64.blobs)]
    lines = [f"blob eligible for deletion: {digest}" for digest in gone]
    head = f"app\n\n0 blobs marked, {len(gone)} blobs and 0 manifests eligible for deletion"

    answer = answered(tmp_path, plan("\n".join((head, *lines))))

    assert (answer.verdict, victims(answer)) == (UNSAFE, {"app:v1": {AMD64.digest}})


@EVERY
def test_registries_33_an_abandoned_upload_is_left_and_a_young_one_is_a_danger(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    data = tree.home(tmp_path, "app") / "_uploads" / "0b7e" / "data"
    data.parent.mkdir(parents=True)
    data.write_bytes(b"half")
    begun = data.stat().st_mtime_ns

    young = answered(tmp_path, collection(words), now=begun + 40_000_000_000)
    old = answered(tmp_path, collection(words), now=begun + 7_200_000_000_000)

    assert "uploads-in-flight" in codes(young)
    assert "uploads-in-flight" not in codes(old)
    assert "writes-open" in codes(old)
    assert young.removed.blobs == 0


def test_scenario_22_what_was_pushed_a_moment_ago_is_a_danger(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", ARM64, "v1")
    tree.write(tmp_path, "app", AMD64)
    now = tree.data(tmp_path, AMD64.digest).stat().st_mtime_ns + 40_000_000_000

    answer = answered(tmp_path, collection("2 -m"), now=now)

    assert {"writes-open", "young-blobs"} <= codes(answer)


def test_scenario_23_the_repository_that_would_abort_it_is_named(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.write(tmp_path, "x", ARM64, "v1")
    shutil.rmtree(tree.home(tmp_path, "x") / "_layers")

    answer = answered(tmp_path, collection("3 -m"))

    (named,) = (each for each in answer.hazards if each.code == "no-layers")
    (abort,) = (each for each in answer.hazards if each.code == "would-abort")
    assert named.subject == "x"
    assert "/repositories/x/_layers" in abort.detail


def test_a_gap_of_the_references_is_never_safe_and_takes_nothing_from_a_proven_loss(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    gap = Gap(Scope.REFERENCES, "cluster", Reason.CONNECT)

    assert answered(tmp_path, collection("3 -m"), gaps=[gap]).verdict is INCOMPLETE
    assert answered(tmp_path, collection("2 -m"), gaps=[gap]).verdict is UNSAFE


def test_a_storage_that_was_not_seen_whole_is_never_safe(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    (tree.home(tmp_path, "app") / "_manifests" / "tags" / "v2").symlink_to(tmp_path)

    answer = answered(tmp_path, collection("3"))

    assert answer.verdict is INCOMPLETE
    assert answer.removed is None


def test_a_dry_run_that_gave_up_is_safe_and_says_so(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.write(tmp_path, "solo", AMD64)
    told = foreseen(tmp_path, collection("2 -m"))
    assert isinstance(told.outcome, Aborted)
    lines = [*log(told.inventory, told.outcome)]
    lines.append(f"failed to garbage collect: {told.outcome.messages[0]}")

    answer = answered(tmp_path, plan("\n".join(lines)))

    assert (answer.verdict, codes(answer)) == (SAFE, {"would-abort"})
