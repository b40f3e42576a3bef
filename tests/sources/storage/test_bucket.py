"""What does a bucket hold? Read from a real S3 server to which a real registry wrote."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.store import MemoryStore

from exporter.facts.gap import Reason
from exporter.facts.inventory import Driver, Folder, Unlinked
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.link_walk import visited
from exporter.judge.gc.outcome import Aborted, Completed
from exporter.judge.gc.simulate import simulate
from exporter.oci.digest import Digest
from exporter.ports import Unseen
from exporter.sources.storage import filesystem
from exporter.sources.storage.bucket import Bucket
from exporter.sources.storage.object_store import Key, Objects
from tests.judge.gc.collections import DIALECTS
from tests.judge.gc.narration import log
from tests.parts import tree
from tests.sources.storage import bucket as bucket_server
from tests.sources.storage.bucket import URL, bucket
from tests.worlds import image, index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.facts.inventory import Inventory

_NAMES = ("foo", "foo-bar", "foo/bar", "foo/1bar")
_BOTH = index(image("app", "linux/amd64"), image("app", "linux/arm64"))
_ROOT = "docker/registry/v2/"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bucket_server.Bucket]:
    with bucket(tmp_path_factory.mktemp("bucket")) as made:
        for name in _NAMES:
            made.push(name, _BOTH, "v1")
            made.push(name, image(f"former {name}"), "moved")
            made.push(name, image(f"present {name}"), "moved")
        yield made


@pytest.mark.real
@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("mode", list(Mode))
def test_the_simulator_agrees_with_real_collectors_on_s3(
    filled: bucket_server.Bucket, version: str, mode: Mode
) -> None:
    flags = ["--delete-untagged"] if mode is Mode.DELETE_UNTAGGED else []

    inventory = Bucket.at(URL, filled.options, plain_http=True).read()
    outcome = simulate(inventory, DIALECTS[version], mode)
    real = filled.dry_run(version, *flags)

    assert inventory.gaps == ()
    assert isinstance(outcome, Completed)
    assert real.returncode == 0, real.stderr
    foretold, printed = list(log(inventory, outcome)), real.stdout.splitlines()
    summary = foretold.index("") + 2
    assert foretold[:summary] == printed[:summary]
    assert sorted(foretold[summary:]) == sorted(printed[summary:])


@pytest.mark.real
def test_only_the_flat_listing_puts_a_dash_before_the_end_of_a_name(
    filled: bucket_server.Bucket,
) -> None:
    inventory = Bucket.at(URL, filled.options, plain_http=True).read()

    orders = {
        version: [inventory.repositories[each] for each in visited(inventory, dialect)]
        for version, dialect in DIALECTS.items()
    }

    assert orders == {
        "2": ["foo/1bar", "foo", "foo/bar", "foo-bar"],
        "3": ["foo-bar", "foo/1bar", "foo", "foo/bar"],
    }


@pytest.mark.real
def test_a_bucket_that_is_not_there_is_unseen(filled: bucket_server.Bucket) -> None:
    with pytest.raises(Unseen):
        Bucket.at("s3://elsewhere/below", filled.options, plain_http=True).read()


@pytest.mark.real
def test_wrong_credentials_are_named_as_such(filled: bucket_server.Bucket) -> None:
    wrong = filled.options | {"secret_access_key": "another"}

    with pytest.raises(Unseen) as caught:
        Bucket.at(URL, wrong, plain_http=True).read()

    assert caught.value.reason in (Reason.DENIED, Reason.UNAUTHORIZED)
    assert "another" not in str(caught.value)


@pytest.mark.parametrize("name", ["_catalog", "_x/app", "team/_x/app"])
def test_collectors_look_at_nothing_below_a_name_with_an_underscore(root: Path, name: str) -> None:
    key = f"repositories/{name}/_manifests/revisions/sha256/{'ab' * 32}/link"

    inventory = _in_memory(root, **{key: b"sha256:" + b"ab" * 32})

    assert inventory.repositories == ("team/app",)


def test_a_tag_that_has_nothing_but_a_stray_is_a_tag_that_points_at_nothing(root: Path) -> None:
    inventory = _in_memory(root, **{"repositories/team/app/_manifests/tags/v2/note": b"?"})

    assert inventory.tags.names == ("v1", "v2")
    assert inventory.tags.current[1] == Unlinked.ABSENT
    assert (inventory.gaps, inventory.strays.files) == ((), 1)


@dataclass(frozen=True, slots=True)
class _Tagged(Objects):
    """Shows, as S3 does, the MD5 of each object as its ETag."""

    def keys(self, prefix: str) -> Iterator[Key]:
        for key in Objects.keys(self, prefix):
            content = bytes(obstore.get(self.store, key.path).bytes())
            yield replace(key, etag=hashlib.md5(content, usedforsecurity=False).hexdigest())


def _in_memory(root: Path, kind: type[Objects] = Objects, **more: bytes) -> Inventory:
    """A tree from a folder, put into a store whose ETags say nothing about contents."""
    store = MemoryStore()
    for path in root.rglob("*"):
        if path.is_file():
            obstore.put(store, path.relative_to(root).as_posix(), path.read_bytes())
    for path, content in more.items():
        obstore.put(store, _ROOT + path, content)
    return Bucket(kind(store, "memory"), Driver.S3).read()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree.write(tmp_path, "team/app", _BOTH, "v1")
    return tmp_path


def _facts(inventory: Inventory) -> tuple[object, ...]:
    """Everything that does not depend on where it was read."""
    text = inventory.digests.text
    return (
        inventory.repositories,
        {text(int(at)): int(inventory.sizes[at]) for at in inventory.stored.nonzero()[0]},
        [text(each) for each in inventory.revisions.targets],
        [text(each) for each in inventory.layers.targets],
        inventory.tags.names,
        [text(each) for each in inventory.tags.current],
        [text(each) for each in inventory.graph.targets],
        inventory.gaps,
    )


def test_a_bucket_and_a_folder_with_the_same_content_give_the_same_facts(root: Path) -> None:
    assert _facts(_in_memory(root)) == _facts(filesystem.read(str(root)))


def test_a_folder_without_keys_is_not_there(root: Path) -> None:
    inventory = _in_memory(root, **{"repositories/up/_layers/sha256/x/link": b""})

    assert inventory.has(1, Folder.LAYERS)
    assert not inventory.has(1, Folder.MANIFESTS)


@pytest.mark.parametrize("content", [b"", b"garbage", b"sha256:" + b"a" * 1000])
def test_a_damaged_link_is_a_gap_and_stops_collectors(root: Path, content: bytes) -> None:
    link = f"repositories/team/app/_manifests/revisions/sha256/{'0' * 64}/link"

    inventory = _in_memory(root, **{link: content})

    assert [(gap.subject, gap.reason) for gap in inventory.gaps] == [(link, Reason.MALFORMED)]
    outcome = simulate(inventory, DIALECTS["2"], Mode.PLAIN)
    assert isinstance(outcome, Aborted)
    assert outcome.messages[0].startswith("failed to mark: s3aws: s3aws: invalid checksum")


def test_a_link_that_says_what_its_path_does_and_is_no_digest_stops_collectors(root: Path) -> None:
    text = f"sha256:{'AB' * 32}"
    link = f"repositories/team/app/_manifests/revisions/{text.replace(':', '/')}/link"

    inventory = _in_memory(root, _Tagged, **{link: text.encode()})

    assert [gap.reason for gap in inventory.gaps] == [Reason.MALFORMED]


@pytest.mark.parametrize(
    "path",
    [
        "repositories/_layers/sha256/aa/link",
        "repositories/team/app/_layers/sha 256/aa/link",
        f"blobs/sha512/sha256/{'ab' * 32}/data",
        f"blobs/sha256/sha512/{'ab' * 64}/data",
    ],
)
def test_what_is_not_where_a_registry_puts_it_is_a_gap(root: Path, path: str) -> None:
    inventory = _in_memory(root, **{path: b""})

    assert [gap.reason for gap in inventory.blind] == [Reason.UNSUPPORTED]


@pytest.mark.parametrize("path", ["_layers", "_manifests", "_manifests/tags/v2"])
def test_a_file_in_a_folders_place_is_a_gap_unless_it_only_marks_the_folder(
    root: Path, path: str
) -> None:
    key = f"repositories/team/other/{path}"

    full, empty = (_in_memory(root, **{key: content}) for content in (b"?", b""))

    assert [gap.reason for gap in full.blind] == [Reason.UNSUPPORTED]
    assert (empty.blind, empty.strays.files) == ((), 1)


def test_a_tag_without_a_current_link_points_at_nothing(root: Path) -> None:
    digest = Digest.of(b"former")
    path = f"repositories/team/app/_manifests/tags/old/index/sha256/{digest.encoded}/link"

    inventory = _in_memory(root, **{path: digest.encode()})

    assert inventory.tags.names == ("old", "v1")
    assert inventory.tags.current[0] == Unlinked.ABSENT


def test_uploads_and_strays_are_counted(root: Path) -> None:
    inventory = _in_memory(
        root,
        **{
            "repositories/team/app/_uploads/0b7e/data": b"half",
            "repositories/team/app/_uploads/0b7e/startedat": b"now",
            "repositories/team/README": b"not ours",
            "blobs/README": b"nor this",
        },
    )

    assert [(each.identifier, each.size) for each in inventory.uploads] == [("0b7e", 7)]
    assert (inventory.strays.files, inventory.strays.size) == (2, 16)
    assert inventory.gaps == ()


@pytest.mark.parametrize("path", ["docker/registry/lockfiles/database-in-use", "app/index.json"])
def test_another_registrys_bucket_is_refused(path: str) -> None:
    store = MemoryStore()
    obstore.put(store, path, b"x")

    inventory = Bucket(Objects(store, "memory"), Driver.S3).read()

    assert [gap.reason for gap in inventory.gaps] == [Reason.UNSUPPORTED]


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(Unseen) as caught:
        Bucket.at("ftp://somewhere").read()

    assert caught.value.reason is Reason.UNSUPPORTED
