"""Is a storage on paper, after a deletion, the storage that the deletion leaves?"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.inventory import Driver, Folder, Unlinked
from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import DISTRIBUTION_2, DISTRIBUTION_3, Mode
from exporter.judge.gc.outcome import Aborted, Completed
from exporter.judge.gc.paths import removed
from exporter.judge.gc.simulate import simulate
from exporter.judge.plans.deletion import Deletion, DeletionKind, parse_deletion
from exporter.judge.preflight.deletions import Deleted, DeletionMethod, StorageContents
from exporter.judge.preflight.prediction import NeededImage, Verdict
from exporter.sources.storage.filesystem import read
from tests.judge.gc.narration import log
from tests.judge.preflight.asking import (
    COLLECTIONS,
    answered,
    codes,
    collection,
    deletion,
    use,
    victims,
)
from tests.parts import tree
from tests.worlds import image, index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exporter.facts.inventory import Inventory

AMD64, ARM64 = image("app", "linux/amd64"), image("app", "linux/arm64")
APP = index(AMD64, ARM64)


def intended(text: str) -> Deletion:
    found = parse_deletion(text)
    assert found is not None
    return found


def collected(inventory: Inventory) -> list[tuple[list[str], set[str]]]:
    """What all four collections would print and remove: it depends on every link and tag."""
    outcomes = [simulate(inventory, *each) for each in COLLECTIONS.values()]
    plans = [each for each in outcomes if isinstance(each, Completed)]
    assert len(plans) == len(outcomes)
    return [(list(log(inventory, each)), set(removed(inventory, each.removal))) for each in plans]


def deleted(inventory: Inventory, *deletions: Deletion) -> Deleted:
    return StorageContents(inventory).delete(deletions, DeletionMethod.API)


def after(
    inventory: Inventory, *deletions: Deletion, method: DeletionMethod = DeletionMethod.API
) -> Inventory:
    contents = StorageContents(inventory)
    done = contents.delete(deletions, method)
    assert not done.unmatched
    return contents.without(done, method)


def by_api(root: Path) -> None:
    tree.revision(root, "app", APP.digest).unlink()
    for name in ("v1", "latest"):
        shutil.rmtree(tree.tag(root, "app", name))


def by_folder(root: Path) -> None:
    shutil.rmtree(tree.revision(root, "app", APP.digest).parent)


def the_tag(root: Path) -> None:
    shutil.rmtree(tree.tag(root, "app", "v1"))


@pytest.mark.parametrize(
    ("text", "method", "really"),
    [
        (f"app@{APP.digest}", DeletionMethod.API, by_api),
        (f"app@{APP.digest}", DeletionMethod.FOLDER, by_folder),
        ("app:v1", DeletionMethod.API, the_tag),
        ("app:v1", DeletionMethod.FOLDER, the_tag),
    ],
)
def test_what_is_left_on_paper_is_what_is_left_on_the_disk(
    tmp_path: Path, text: str, method: DeletionMethod, really: Callable[[Path], None]
) -> None:
    tree.write(tmp_path, "app", APP, "v1", "latest")
    tree.write(tmp_path, "app", image("moved"), "moved")
    tree.write(tmp_path, "app", image("moved on"), "moved")
    tree.write(tmp_path, "other", APP, "v1")

    left = after(read(str(tmp_path)), intended(text), method=method)
    really(tmp_path)

    assert collected(left) == collected(read(str(tmp_path)))


def test_a_script_takes_the_folder_that_the_api_leaves(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    inventory = read(str(tmp_path))
    one = intended(f"app@{AMD64.digest}")

    by_request, by_script = (after(inventory, one, method=method) for method in DeletionMethod)
    in_bucket = after(replace(inventory, driver=Driver.S3), one)

    assert by_request.revisions.targets.tolist() == [Unlinked.ABSENT]
    assert len(by_script.revisions.paths) == len(in_bucket.revisions.paths) == 0


def test_what_was_deleted_before_is_a_stranger(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    tree.revision(tmp_path, "app", AMD64.digest).unlink()
    one = intended(f"app@{AMD64.digest}")

    assert deleted(read(str(tmp_path)), one).unmatched == [one]


def test_a_deletion_from_a_storage_that_was_not_seen_whole_is_incomplete(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    (tree.tag(tmp_path, "app", "v1").parent / "v2").symlink_to(tmp_path)

    assert answered(tmp_path, deletion("app:v1")).verdict is Verdict.INCOMPLETE


def test_a_deletion_by_digest_takes_every_tag_and_a_script_leaves_them_dangling(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", APP, "v1", "latest")
    one = f"app:v1@{APP.digest}"

    by_digest, by_script = (
        answered(tmp_path, deletion(one, method=method)) for method in DeletionMethod
    )

    assert {each.image.name: each.tag_removed for each in by_digest.victims} == {"app:latest": True}
    assert {each.image.name: each.tag_removed for each in by_script.victims} == {
        "app:latest": False,
        "app:v1": False,
    }
    assert by_digest.removed.tags == 2
    assert by_script.removed.tags == 0


def test_a_tag_that_is_meant_to_go_hurts_only_those_who_use_it(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")

    unused = answered(tmp_path, deletion("app:v1"))
    used = answered(tmp_path, deletion("app:v1"), [use("app", tag="v1")])

    assert unused.verdict is Verdict.SAFE
    (hurting,) = used.victims
    assert (hurting.image.name, hurting.tag_removed, hurting.broken) == ("app:v1", True, ())


def test_a_deleted_tag_hurts_whoever_pins_what_the_next_collection_takes(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    pin = use("app", digest=APP.digest)

    now = answered(tmp_path, deletion("app:v1"), [pin])
    then = answered(tmp_path, deletion("app:v1", then="3 -m"), [pin])

    assert now.verdict is Verdict.SAFE
    assert victims(then) == {
        f"app@{APP.digest}": {APP.digest, AMD64.digest, ARM64.digest},
    }


def test_a_sole_protector_that_is_deleted_hurts_the_other_tag_by_the_next_collection(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    for child, name in ((AMD64, "v1-amd64"), (ARM64, "v1-arm64")):
        tree.point(tmp_path, "app", name, child.digest)

    assert answered(tmp_path, collection("2 -m")).verdict is Verdict.SAFE
    assert answered(tmp_path, deletion("app:v1-arm64")).verdict is Verdict.SAFE
    both = answered(tmp_path, deletion("app:v1-arm64", then="2 -m"))
    assert victims(both) == {"app:v1": {ARM64.digest}}
    assert "tag-deletion-refused" in codes(both)
    other = answered(tmp_path, deletion("app:v1-arm64", then="3 -m"))
    assert "tag-deletion-refused" not in codes(other)


def test_on_2_a_child_deleted_by_digest_hurts_the_tag_above_it_at_once(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    tree.point(tmp_path, "app", "v1-arm64", ARM64.digest)

    answer = answered(tmp_path, deletion(f"app:v1-arm64@{ARM64.digest}"))

    assert victims(answer) == {"app:v1": {ARM64.digest}}


def test_a_digest_without_its_repository_is_meant_wherever_it_is(tmp_path: Path) -> None:
    tree.write(tmp_path, "a", APP, "v1")
    tree.write(tmp_path, "b", APP, "v1")

    answer = answered(tmp_path, deletion(AMD64.digest))

    assert victims(answer) == {"a:v1": {AMD64.digest}, "b:v1": {AMD64.digest}}


def test_a_digest_that_is_no_manifest_is_a_blob(tmp_path: Path) -> None:
    tree.write(tmp_path, "a", AMD64, "v1")

    answer = answered(tmp_path, deletion(AMD64.layers[0].digest))

    assert [each.kind for each in answer.victims[0].broken[0].lost] == ["layer"]


def test_a_tool_that_leaves_the_owner_out_means_the_repository_that_ends_so(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "me/app", AMD64, "v1", "v2")
    inventory = read(str(tmp_path))

    done = deleted(inventory, Deletion(DeletionKind.VERSION, "app", tag="v1"))

    assert done.tags == {("me/app", "v1"), ("me/app", "v2")}
    assert done.intended == {("me/app", "v1")}


def test_what_is_not_there_is_a_stranger(tmp_path: Path) -> None:
    tree.write(tmp_path, "app", AMD64, "v1")
    absent = [intended(text) for text in ("app:v2", "web:v1", f"app@{ARM64.digest}")]
    layer = Deletion(DeletionKind.LAYER_LINK, "app", ARM64.digest)

    done = deleted(read(str(tmp_path)), *absent, layer, intended("app:v1"))

    assert done.unmatched == [*absent, layer]


def test_registries_32_in_a_bucket_the_folder_of_tags_goes_with_the_last_tag(
    tmp_path: Path,
) -> None:
    tree.write(tmp_path, "ma", APP, "v1")
    bucket = replace(read(str(tmp_path)), driver=Driver.S3)

    left = after(bucket, intended(f"ma@{APP.digest}"))
    by_2 = simulate(left, DISTRIBUTION_2, Mode.DELETE_UNTAGGED)
    by_3 = simulate(left, DISTRIBUTION_3, Mode.DELETE_UNTAGGED)

    assert not left.has(0, Folder.TAGS)
    assert left.has(0, Folder.MANIFESTS | Folder.LAYERS)
    assert isinstance(by_2, Aborted)
    assert by_2.messages == (
        "failed to mark: s3aws: s3aws: failed to retrieve tags unknown repository name=ma",
    )
    assert isinstance(by_3, Completed)
    assert by_3.removal.manifests == ()
    assert len(by_3.removal.blobs) == 3 + len(AMD64.blobs) + len(ARM64.blobs)


def test_a_needed_tag_and_digest_are_named_as_people_write_them() -> None:
    tag = NeededImage("app", "v1", "", ReferenceClass.LATEST)
    pin = NeededImage("app", "", AMD64.digest, ReferenceClass.LIVE)

    assert (tag.name, pin.name) == ("app:v1", f"app@{AMD64.digest}")
