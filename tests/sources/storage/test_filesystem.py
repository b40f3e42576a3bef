"""What does a reading make of folders that are damaged, hostile, or another registry's?"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from exporter.facts.digests import ABSENT
from exporter.facts.gap import Reason
from exporter.facts.inventory import Folder, Unlinked
from exporter.judge.gc.dialect import DIALECTS, Mode
from exporter.judge.gc.outcome import Aborted
from exporter.judge.gc.simulate import simulate
from exporter.oci.digest import Digest
from exporter.ports import Unseen
from exporter.sources.storage.filesystem import contents, read
from tests.parts import tree
from tests.sources.storage.folders import REPOSITORY, gaps, is_refused, v2
from tests.worlds import image, index

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pushed_image_is_seen_with_its_sizes_links_and_tags(tmp_path: Path) -> None:
    made = index(image("amd64"), image("arm64"))
    tree.write(tmp_path, REPOSITORY, made, "v1")

    inventory = read(str(tmp_path))

    number = inventory.digests.number(made.digest)
    assert inventory.gaps == ()
    assert inventory.repositories == (REPOSITORY,)
    assert inventory.sizes[number] == len(made.body)
    assert inventory.modified[number] == tree.data(tmp_path, made.digest).stat().st_mtime_ns
    assert inventory.tags.names == ("v1",)
    assert list(inventory.tags.current) == list(inventory.tags.history) == [number]
    assert {inventory.digests.text(each) for each in inventory.revisions.paths} == {
        manifest.digest for manifest in made.walk()
    }
    children = inventory.graph.links(inventory.tags.current)
    assert [inventory.digests.text(each) for each in children] == [
        manifest.digest for manifest in made.walk() if manifest is not made
    ]


def test_an_upload_is_counted_with_its_bytes_and_its_age(root: Path) -> None:
    upload = v2(root) / "repositories" / REPOSITORY / "_uploads" / "0b7e"
    upload.mkdir(parents=True)
    (upload / "data").write_bytes(b"half")
    os.utime(upload / "data", ns=(5, 5))

    (seen,) = read(str(root)).uploads

    assert (seen.repository, seen.identifier, seen.size, seen.modified) == (
        *(REPOSITORY, "0b7e", 4, 5),
    )


def test_a_revision_whose_link_was_deleted_is_not_a_manifest(root: Path) -> None:
    made = index(image("amd64"), image("arm64"))
    tree.revision(root, REPOSITORY, made.digest).unlink()

    inventory = read(str(root))

    at = list(inventory.revisions.paths).index(inventory.digests.number(made.digest))
    assert inventory.revisions.targets[at] == Unlinked.ABSENT == ABSENT
    assert inventory.gaps == ()


def test_folders_that_are_not_there_are_told_from_empty_ones(root: Path) -> None:
    (v2(root) / "repositories" / "empty" / "_layers").mkdir(parents=True)

    inventory = read(str(root))

    assert inventory.repositories == ("empty", REPOSITORY)
    assert inventory.has(0, Folder.LAYERS)
    assert not inventory.has(0, Folder.MANIFESTS)
    assert inventory.has(1, Folder.TAGS)


def test_a_file_that_no_registry_writes_is_counted_and_disturbs_nothing(root: Path) -> None:
    (v2(root) / "repositories" / "README").write_bytes(b"not ours")

    inventory = read(str(root))

    assert (inventory.strays.files, inventory.strays.size) == (1, 8)
    assert inventory.gaps == ()


def test_a_link_of_ten_megabytes_is_a_gap_and_no_digest(root: Path) -> None:
    link = tree.tag(root, REPOSITORY, "v1") / "current" / "link"
    link.write_bytes(b"sha256:" + b"a" * 10_000_000)

    inventory = read(str(root))

    assert (str(link.relative_to(v2(root))), Reason.MALFORMED) in gaps(inventory)
    assert list(inventory.tags.current) == [Unlinked.LENGTH]


@pytest.mark.parametrize("text", ["../../../../etc/passwd", "", "sha256:" + "/" * 64])
def test_a_link_that_names_a_path_is_a_gap_and_no_path(root: Path, text: str) -> None:
    link = tree.tag(root, REPOSITORY, "v1") / "current" / "link"
    link.write_text(text)

    inventory = read(str(root))

    assert (str(link.relative_to(v2(root))), Reason.MALFORMED) in gaps(inventory)


@pytest.mark.parametrize("kind", ["_layers", "_manifests/revisions"])
def test_a_link_that_says_what_its_path_does_and_is_no_digest_is_a_gap(
    root: Path, kind: str
) -> None:
    links = v2(root) / "repositories" / REPOSITORY / kind / "sha256"
    text = f"sha256:{'AB' * 32}"
    (links / text[7:]).mkdir()
    (links / text[7:] / "link").write_text(text)

    inventory = read(str(root))

    assert [gap.reason for gap in inventory.gaps] == [Reason.MALFORMED]
    outcome = simulate(inventory, DIALECTS["distribution-3"], Mode.PLAIN)
    assert isinstance(outcome, Aborted)
    assert outcome.messages[0].endswith("invalid checksum digest format")


def test_a_named_pipe_in_a_links_place_does_not_keep_us_waiting(root: Path) -> None:
    link = tree.tag(root, REPOSITORY, "v1") / "current" / "link"
    link.unlink()
    os.mkfifo(link)

    assert is_refused(read(str(root)))


def test_a_folder_in_a_links_place_is_a_gap(root: Path) -> None:
    link = tree.tag(root, REPOSITORY, "v1") / "current" / "link"
    link.unlink()
    link.mkdir()

    assert is_refused(read(str(root)))


@pytest.mark.parametrize("path", ["index", "index/sha256"])
def test_a_file_where_a_tag_keeps_its_history_is_a_gap(root: Path, path: str) -> None:
    """`--delete-untagged` looks for a manifest below it, and gives up."""
    history = tree.tag(root, REPOSITORY, "v1") / path
    shutil.rmtree(history)
    history.write_bytes(b"")

    assert is_refused(read(str(root)))


@pytest.mark.parametrize("kind", ["_layers", "_manifests/revisions"])
def test_a_folder_that_no_path_of_a_registry_has_is_a_gap(root: Path, kind: str) -> None:
    """A collector walks into it, and gives up at the first link."""
    links = v2(root) / "repositories" / REPOSITORY / kind
    (links / "sha256").rename(links / "sha 256")

    assert is_refused(read(str(root)))


@pytest.mark.parametrize("kind", ["_layers", "_manifests"])
def test_a_repository_that_has_no_name_is_a_gap(root: Path, kind: str) -> None:
    (v2(root) / "repositories" / kind).mkdir()

    inventory = read(str(root))

    assert gaps(inventory) == {("repositories", Reason.UNSUPPORTED)}
    assert is_refused(inventory)


@pytest.mark.parametrize("place", ["sha512/sha256", "sha256/sha512"])
def test_a_blob_of_whose_path_a_collector_tells_another_digest_is_a_gap(
    root: Path, place: str
) -> None:
    """It would be removed from where that digest belongs, where nothing is."""
    encoded = hashlib.new(place.rpartition("/")[2], b"odd").hexdigest()
    folder = v2(root) / "blobs" / place / encoded
    folder.mkdir(parents=True)
    (folder / "data").write_bytes(b"odd")

    assert is_refused(read(str(root)))


def test_a_blob_whose_folder_has_one_letter_stops_every_collector(root: Path) -> None:
    encoded = hashlib.sha256(b"odd").hexdigest()
    folder = v2(root) / "blobs" / "sha256" / encoded[0] / encoded
    folder.mkdir(parents=True)
    (folder / "data").write_bytes(b"odd")

    inventory = read(str(root))

    for dialect in DIALECTS.values():
        outcome = simulate(inventory, dialect, Mode.PLAIN)
        assert isinstance(outcome, Aborted)
        assert outcome.messages[0].endswith("unsupported digest algorithm")


def test_a_name_that_is_not_utf8_is_a_gap_that_can_be_printed(root: Path) -> None:
    links = v2(root) / "repositories" / REPOSITORY / "_layers" / "sha256"
    (links / os.fsdecode(b"\xff\xfe")).mkdir()

    (gap,) = read(str(root)).gaps

    assert gap.subject.endswith("/_layers/sha256/\\xff\\xfe")


def test_a_repositorys_name_that_is_not_utf8_stops_every_collector(root: Path) -> None:
    strange = v2(root) / "repositories" / os.fsdecode(b"\xff")
    (strange / "_layers").mkdir(parents=True)
    (strange / "_manifests").mkdir()

    inventory = read(str(root))

    assert gaps(inventory) == {("repositories/\\xff", Reason.MALFORMED)}
    for dialect in DIALECTS.values():
        outcome = simulate(inventory, dialect, Mode.PLAIN)
        assert isinstance(outcome, Aborted)
        assert "failed to parse repo name" in outcome.messages[0]


def test_a_manifest_nested_as_deep_as_json_allows_is_a_gap(root: Path) -> None:
    made = index(image("amd64"), image("arm64"))
    half = b"[" * (2 << 20)
    nested = b'{"schemaVersion":2,"more":%s}' % (half + b"]" * len(half))
    tree.data(root, made.digest).write_bytes(nested[: 4 << 20])

    inventory = read(str(root))

    path = str(tree.data(root, made.digest).relative_to(v2(root)))
    assert (path, Reason.UNREADABLE) in gaps(inventory)
    assert is_refused(inventory)


def test_of_a_manifest_that_is_not_plain_nothing_is_predicted(root: Path) -> None:
    body = b'{"schemaVersion":2,"config":{"digest":"c"},"Config":{"size":1}}'
    digest = Digest.of(body)
    for file, content in (
        (tree.data(root, digest), body),
        (tree.revision(root, REPOSITORY, digest), digest.encode()),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    inventory = read(str(root))

    path = str(tree.data(root, digest).relative_to(v2(root)))
    assert gaps(inventory) == {(path, Reason.UNREADABLE)}
    assert is_refused(inventory)


def test_a_manifest_past_any_registrys_limit_is_not_read_whole(root: Path) -> None:
    made = index(image("amd64"), image("arm64"))
    with tree.data(root, made.digest).open("wb") as data:
        data.truncate(1 << 30)

    path = str(tree.data(root, made.digest).relative_to(v2(root)))
    assert (path, Reason.TOO_LARGE) in gaps(read(str(root)))


def test_a_manifest_that_names_a_path_as_its_child_leads_nowhere(root: Path) -> None:
    body = b'{"schemaVersion":2,"manifests":[{"digest":"..:/../../../../etc"}]}'
    digest = Digest.of(body)
    for file, content in (
        (tree.data(root, digest), body),
        (tree.revision(root, REPOSITORY, digest), digest.encode()),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    inventory = read(str(root))

    assert inventory.gaps == ()
    assert "..:/../../../../etc" in inventory.digests.others


def test_a_manifest_with_other_bytes_than_its_digest_names_is_noted(root: Path) -> None:
    made = index(image("amd64"), image("arm64"))
    tree.data(root, made.digest).write_bytes(made.body + b" ")

    path = str(tree.data(root, made.digest).relative_to(v2(root)))
    assert gaps(read(str(root))) == {(path, Reason.MALFORMED)}


def test_folders_deeper_than_any_name_are_a_gap(root: Path) -> None:
    (v2(root) / "repositories" / "/".join("d" * 200)).mkdir(parents=True)

    reasons = {reason for _, reason in gaps(read(str(root)))}

    assert reasons == {Reason.TOO_LARGE}


@pytest.mark.parametrize(
    "path",
    [
        "docker/registry/lockfiles/database-in-use",
        "app/oci-layout",
        "team/app/oci-layout",
        "a/b/c/d/e/oci-layout",
        "something/else",
    ],
)
def test_another_registrys_storageis_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("")

    inventory = read(str(tmp_path))

    assert {gap.reason for gap in inventory.gaps} == {Reason.UNSUPPORTED}
    assert is_refused(inventory)


def test_gitlabs_database_modeis_refused_although_the_layout_is_the_same(root: Path) -> None:
    lock = root / "docker" / "registry" / "lockfiles" / "database-in-use"
    lock.parent.mkdir()
    lock.write_text("")

    assert is_refused(read(str(root)))


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_root_that_is_no_folder_is_unseen(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unseen) as caught:
        read(str(tmp_path / name))

    assert caught.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("below", ["", "docker"])
def test_what_a_root_lacks_is_not_looked_for_in_the_working_directory(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    monkeypatch.chdir(root / "docker" / ("registry" if below else ""))
    empty = tmp_path / "empty"
    (empty / below).mkdir(parents=True)

    some = [path.parent.name for path in v2(root).glob("blobs/sha256/*/*/data")][:1]
    assert some
    assert contents(str(empty), [f"sha256:{some[0]}"], 1 << 20) == [None]
