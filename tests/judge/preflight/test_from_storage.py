"""Does a preflight over a storage say who would be hurt? By the names of the scenarios."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from exporter.judge.gc.outcome import Completed
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.judge.preflight.prediction import Verdict
from exporter.oci.digest import Digest
from tests.judge.gc.narration import log
from tests.judge.preflight.asking import (
    COLLECTIONS,
    answered,
    codes,
    collection,
    deletion,
    foreseen,
    plan,
    use,
    victims,
)
from tests.parts import tree
from tests.worlds import Made, attestation, fallback_tag, image, index, referrer, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

AMD64, ARM64 = image("app", "linux/amd64"), image("app", "linux/arm64")
ATTESTATION = attestation(AMD64)
APP = index(AMD64, ARM64, ATTESTATION)
CHILDREN = {AMD64.digest, ARM64.digest, ATTESTATION.digest}
EVERY = pytest.mark.parametrize("words", COLLECTIONS)
SAFE, UNSAFE, INCOMPLETE = Verdict.SAFE, Verdict.UNSAFE, Verdict.INCOMPLETE


def test_scenario_2_the_same_state_is_safe_from_3_and_loses_all_children_to_2(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", APP, "v1")

    by_3, by_2 = (answered(tmp_path, collection(words)) for words in ("3 -m", "2 -m"))

    assert (by_3.verdict, victims(by_3)) == (SAFE, {})
    assert (by_2.verdict, victims(by_2)) == (UNSAFE, {"app:v1": CHILDREN})


def test_registries_1_what_is_lost_of_each_child_is_told_piece_by_piece(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")

    ((broken, *_),) = (
        sorted(each.broken, key=lambda child: child.digest != AMD64.digest)
        for each in answered(tmp_path, collection("2 -m")).victims
    )

    assert {(each.digest, each.kind, each.size, each.removed) for each in broken.lost} == {
        (AMD64.digest, "manifest", len(AMD64.body), False),
        (AMD64.config.digest, "config", len(AMD64.config.body), True),
        *((each.digest, "layer", len(each.body), True) for each in AMD64.layers),
    }
    assert broken.size == sum(len(blob.body) for blob in AMD64.blobs)


def test_registries_2_without_delete_untagged_nothing_goes(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")

    for words in ("2", "3"):
        answer = answered(tmp_path, collection(words))
        assert (answer.verdict, answer.removed.blobs) == (SAFE, 0)


@pytest.mark.parametrize("words", ["2", "3"])
def test_registries_3_a_child_deleted_by_digest_is_hurt_by_the_deletion(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", index(AMD64, ARM64), "v1")

    before = answered(tmp_path, deletion(f"app@{AMD64.digest}", then=words))

    assert victims(before) == {"app:v1": {AMD64.digest}}
    assert before.removed.blobs == len(AMD64.blobs)
    tree.revision(tmp_path, "app", AMD64.digest).unlink()
    after = answered(tmp_path, collection(words))
    assert (after.verdict, after.removed.blobs) == (SAFE, len(AMD64.blobs))


def test_registries_4_after_it_happened_a_second_collection_breaks_nothing_more(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    for child in APP.children:
        shutil.rmtree(tree.revision(tmp_path, "app", child.digest).parent)
        for blob in child.blobs:
            tree.data(tmp_path, blob.digest).unlink()

    answer = answered(tmp_path, collection("2 -m"))

    assert (answer.verdict, answer.removed.blobs, answer.removed.manifests) == (SAFE, 0, 0)


def test_registries_5_a_repository_without_tags_stops_2_and_is_swept_by_3(tmp_path: Path) -> None:
    tree.write(tmp_path, "solo", AMD64)
    tree.write(tmp_path, "zz", ARM64, "t")

    stopped = answered(tmp_path, collection("2 -m"))
    swept = answered(tmp_path, collection("3 -m"), [use("solo", digest=AMD64.digest)])

    assert stopped.verdict is SAFE
    assert {"would-abort", "no-tags"} <= codes(stopped)
    assert any("unknown repository name=solo" in each.detail for each in stopped.hazards)
    assert victims(swept) == {f"solo@{AMD64.digest}": {AMD64.digest}}
    assert "no-tags" in codes(swept)


def test_registries_6_a_repository_with_an_empty_folder_of_tags_is_reclaimed(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "solo", AMD64, "t")
    shutil.rmtree(tree.tag(tmp_path, "solo", "t"))

    for words in ("2 -m", "3 -m"):
        answer = answered(tmp_path, collection(words))
        assert (answer.verdict, answer.removed.manifests) == (SAFE, 1)
        assert answer.removed.blobs == 1 + len(AMD64.blobs)


def test_registries_7_a_hole_in_one_repository_breaks_the_tag_of_another_under_3(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, index(AMD64, ARM64), "v1")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()

    answer = answered(tmp_path, collection("3 -m"))

    assert victims(answer) == {"b:v1": {AMD64.digest}}
    assert "sparse-shared-index" in codes(answer)


def test_registries_8_the_same_swapped_breaks_nothing_under_3_and_a_under_2(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, index(AMD64, ARM64), "v1")
    tree.revision(tmp_path, "b", AMD64.digest).unlink()

    assert answered(tmp_path, collection("3 -m")).verdict is SAFE
    assert AMD64.digest in victims(answered(tmp_path, collection("2 -m")))["a:v1"]


def test_registries_9_links_alone_may_be_lost_while_the_bytes_stay(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tree.write(tmp_path, name, index(AMD64, ARM64), "v1")
    tree.write(tmp_path, "z", AMD64, "keep")
    tree.revision(tmp_path, "a", AMD64.digest).unlink()

    answer = answered(tmp_path, collection("3 -m"))

    (broken,) = answer.victims[0].broken
    pieces = {(each.kind, each.removed) for each in broken.lost}
    assert pieces == {("config", False), ("layer", False)}
    assert broken.size == 0
    assert answer.victims[0].image.name == "b:v1"


def test_registries_10_a_pinned_digest_whose_links_3_takes_is_hurt(tmp_path: Path) -> None:
    tree.write(tmp_path, "a", AMD64, "old")
    tree.write(tmp_path, "a", ARM64, "old")
    tree.write(tmp_path, "b", AMD64, "t")
    pinned = use("a", digest=AMD64.digest)

    by_3, by_2 = (answered(tmp_path, collection(words), [pinned]) for words in ("3 -m", "2 -m"))

    assert {each.kind for each in by_3.victims[0].broken[0].lost} == {"config", "layer"}
    assert {each.kind for each in by_2.victims[0].broken[0].lost} == {"manifest"}


@pytest.mark.parametrize(("words", "blobs"), [("2", 0), ("3", 0), ("2 -m", 4), ("3 -m", 4)])
def test_registries_11_a_moved_tags_old_image_goes_only_with_delete_untagged(
    tmp_path: Path, words: str, blobs: int
) -> None:
    tree.write(tmp_path, "a", AMD64, "t")
    tree.write(tmp_path, "a", ARM64, "t")

    answer = answered(tmp_path, collection(words))

    assert (answer.verdict, answer.removed.blobs) == (SAFE, blobs)
    assert ("pins-not-considered" in codes(answer)) is bool(blobs)


def test_scenario_11_a_live_pin_on_what_a_tag_left_behind_is_hurt(tmp_path: Path) -> None:
    old = two_platforms("old")
    tree.write(tmp_path, "app", old, "latest")
    tree.write(tmp_path, "app", APP, "latest")

    answer = answered(tmp_path, collection("2 -m"), [use("app", digest=old.digest)])

    assert victims(answer)[f"app@{old.digest}"] == {
        old.digest,
        *(child.digest for child in old.children),
    }
    assert answer.victims[0].image.name == f"app@{old.digest}"
    assert "pins-not-considered" not in codes(answer)


def test_registries_12_a_repository_that_2_cannot_see_loses_everything_even_plain(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "aa", AMD64, "v1")
    shutil.rmtree(tree.home(tmp_path, "aa") / "_layers")

    by_2, by_3 = (answered(tmp_path, collection(words)) for words in ("2", "3"))

    assert victims(by_2) == {"aa:v1": {AMD64.digest}}
    assert (by_3.verdict, "would-abort" in codes(by_3)) == (SAFE, True)
    assert "no-layers" in codes(by_2) & codes(by_3)


def test_registries_22_the_leaf_of_a_nested_index_is_lost_to_2(tmp_path: Path) -> None:
    inner = index(AMD64)
    tree.write(tmp_path, "top", index(inner), "v1")

    by_2, by_3 = (answered(tmp_path, collection(words)) for words in ("2 -m", "3 -m"))

    assert victims(by_2) == {"top:v1": {inner.digest, AMD64.digest}}
    assert by_3.verdict is SAFE


def test_registries_23_a_referrer_below_its_fallback_tag_is_lost_to_2_and_kept_by_3(
    tmp_path: Path,
) -> None:
    listed, loose = referrer(AMD64, "listed"), referrer(AMD64, "loose")
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.write(tmp_path, "app", loose)
    tree.write(tmp_path, "app", index(listed), fallback_tag(AMD64))

    by_2, by_3 = (answered(tmp_path, collection(words)) for words in ("2 -m", "3 -m"))

    assert victims(by_2) == {f"app:{fallback_tag(AMD64)}": {listed.digest}}
    assert (by_3.verdict, by_3.removed.manifests) == (SAFE, 1)


@EVERY
def test_registries_24_content_named_by_sha512_is_a_victim_of_any_collection(
    tmp_path: Path, words: str
) -> None:
    blob = AMD64.layers[0]
    long = Digest.of(blob.body, "sha512")
    made = Made(
        AMD64.media_type, AMD64.body.replace(blob.digest.encode(), long.encode()), AMD64.blobs
    )
    tree.write(tmp_path, "app", made, "v1")
    alias = tree.layer_link(tmp_path, "app", long)
    alias.parent.mkdir(parents=True)
    alias.write_text(blob.digest)

    answer = answered(tmp_path, collection(words))

    assert (answer.verdict, victims(answer)) == (UNSAFE, {"app:v1": {made.digest}})
    assert "sha512" in codes(answer)


def test_a_manifest_that_goes_with_its_bytes_is_told_once(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64)
    tree.write(tmp_path, "app", ARM64, "v1")

    answer = answered(tmp_path, collection("2 -m"), [use("app", digest=AMD64.digest)])

    kinds = [(each.kind, each.removed) for each in answer.victims[0].broken[0].lost]
    assert kinds.count(("manifest", True)) == 1
    assert ("manifest", False) not in kinds


@pytest.mark.parametrize("words", ["2 -m", "3 -m"])
def test_registries_31_a_tagged_child_of_an_untagged_index_is_kept(
    tmp_path: Path, words: str
) -> None:
    tree.write(tmp_path, "app", index(AMD64, ARM64))
    tree.point(tmp_path, "app", "amd64", AMD64.digest)

    answer = answered(tmp_path, collection(words))

    assert (answer.verdict, answer.removed.manifests) == (SAFE, 2)
    assert answer.removed.blobs == 2 + len(ARM64.blobs)


def test_scenario_3_a_script_that_removes_folders_leaves_the_tag_and_breaks_the_child(
    tmp_path: Path,
) -> None:
    old, new = index(image("old"), ARM64), index(image("new"), ARM64)
    tree.write(tmp_path, "app", old, "old")
    tree.write(tmp_path, "app", new, "v1")
    folders = tree.tag(tmp_path, "app", "old"), tree.revision(tmp_path, "app", ARM64.digest).parent

    before = answered(
        tmp_path, deletion("app:old", f"app@{ARM64.digest}", method=DeletionMethod.FOLDER, then="2")
    )
    for folder in folders:
        shutil.rmtree(folder)
    after = answered(tmp_path, collection("2"), [use("app", tag="v1")])

    assert victims(before) == {"app:v1": {ARM64.digest}}
    assert before.victims[0].broken[0].size > 0
    assert after.verdict is SAFE
    assert after.removed.blobs == len(ARM64.blobs)


def test_scenario_21_a_tool_that_takes_every_child_of_one_tag_hurts_the_other(
    tmp_path: Path,
) -> None:
    first, second = index(AMD64, image("one", "linux/arm64")), index(AMD64, ARM64)
    tree.write(tmp_path, "app", first, "v1")
    tree.write(tmp_path, "app", second, "v2")

    listed = [f"app:v1@{first.digest}", *(f"app@{child.digest}" for child in first.children)]
    answer = answered(tmp_path, deletion(*listed))

    assert victims(answer) == {"app:v2": {AMD64.digest}}


def test_scenario_24_what_another_repository_refers_to_stays_and_the_rest_is_counted_once(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.write(tmp_path, "other", ARM64, "v1")
    orphans = [image(f"orphan {at}") for at in range(20)]
    for each in orphans:
        for blob in each.blobs:
            tree._file(tree.data(tmp_path, blob.digest), blob.body)  # noqa: SLF001 - a blob alone
    sizes = {blob.digest: len(blob.body) for each in orphans for blob in each.blobs}

    answer = answered(tmp_path, collection("2"))

    assert answer.verdict is SAFE
    assert (answer.removed.blobs, answer.removed.size) == (len(sizes), sum(sizes.values()))


def test_what_matters_most_comes_first(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "a-tag", "z-tag")

    answer = answered(tmp_path, collection("2 -m"), [use("app", tag="z-tag")])

    assert [each.image.name for each in answer.victims] == ["app:z-tag", "app:a-tag"]
    assert answer.checked.uses == 1


def test_a_use_that_names_nothing_here_is_counted_and_hurt_by_nothing(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")

    answer = answered(tmp_path, collection("2 -m"), [use("app", tag="no"), use("nope", tag="v1")])

    assert (answer.verdict, answer.checked.uses, answer.checked.uses_elsewhere) == (SAFE, 0, 2)


def test_a_dry_run_that_is_read_is_judged_as_the_collection_that_wrote_it(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.write(tmp_path, "team/web", image("web"), "moved")
    tree.write(tmp_path, "team/web", image("web 2"), "moved")
    for words in COLLECTIONS:
        told = foreseen(tmp_path, collection(words))
        assert isinstance(told.outcome, Completed)

        answer = answered(tmp_path, plan("\n".join(log(told.inventory, told.outcome))))

        assert answer.victims == told.answer.victims
        assert answer.removed == told.answer.removed
        assert answer.gaps == ()


def test_a_plan_about_another_registry_is_incomplete(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")

    answer = answered(tmp_path, plan("other:v1\nanother:v1"))

    assert (answer.verdict, codes(answer)) == (INCOMPLETE, {"plan-differs"})
