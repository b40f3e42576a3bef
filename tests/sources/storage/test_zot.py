"""What is told of zot's storage: a layout for each repository, with hard links between them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter import cli
from exporter.facts.holdings import holdings
from exporter.judge.gc.breakage import lacking_content
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Unseen, Wrong
from exporter.repair.spool import NoSink
from exporter.sources.storage.filesystem import read
from exporter.wiring.registry_storage import RegistryStorage
from tests.parts import layout
from tests.worlds import Blob, Made, image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APP, OTHER = Repository("team/app"), Repository("other")
MADE: Final = two_platforms("zot")
LOOSE: Final = image("loose")
_EVER: Final = 2**62


def file(root: Path, repository: str, digest: str) -> Path:
    return root / repository / "blobs" / digest.replace(":", "/", 1)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Two repositories with one image, whose files zot links; in one an untagged image beside."""
    root = tmp_path / "zot"
    for repository in (APP, OTHER):
        layout.write(root / repository, MADE, "v1")
        entries(root, repository, *MADE.children)
    for each in MADE.walk():
        for digest in (each.digest, *(blob.digest for blob in each.blobs)):
            file(root, OTHER, digest).unlink()
            os.link(file(root, APP, digest), file(root, OTHER, digest))
    for digest, body in ((LOOSE.digest, LOOSE.body), *((b.digest, b.body) for b in LOOSE.blobs)):
        file(root, APP, digest).write_bytes(body)
    entries(root, APP, LOOSE)
    (root / "cache.db").write_bytes(b"a database")
    return root


def entries(root: Path, repository: str, *made: Made, **more: object) -> None:
    """Add untagged entries to an `index.json`."""
    path = root / repository / "index.json"
    document = json.loads(path.read_text())
    document["manifests"] += [each.descriptor | more for each in made]
    path.write_text(json.dumps(document))


def size(*made: Made) -> int:
    manifests = [each for one in made for each in one.walk()]
    return sum(len(each.body) + sum(len(b.body) for b in each.blobs) for each in manifests)


def test_what_repositories_share_is_counted_once(storage: Path) -> None:
    inventory = read(str(storage))
    held = holdings(inventory)

    assert (inventory.gaps, inventory.repositories) == ((), (OTHER, APP))
    assert held.stored_bytes == held.referenced_bytes == size(MADE, LOOSE)
    assert held.reclaimable(_EVER, _EVER).untagged == size(LOOSE)
    assert {each.repository: each.exclusive for each in held.shares()} == {
        OTHER: 0,
        APP: size(LOOSE),
    }


def test_a_shared_file_is_no_orphan_as_long_as_one_repository_needs_it(storage: Path) -> None:
    (storage / OTHER / "index.json").write_text('{"manifests": []}')

    reclaimable = holdings(read(str(storage))).reclaimable(_EVER, _EVER)

    assert (reclaimable.untagged, reclaimable.orphaned) == (size(LOOSE), 0)


def test_a_file_that_one_repository_lost_is_lacking_there_alone(storage: Path) -> None:
    file(storage, APP, MADE.children[0].layers[0].digest).unlink()
    assert lacking_content(read(str(storage))) == 1

    file(storage, OTHER, MADE.children[0].digest).unlink()
    assert lacking_content(read(str(storage))) == 2


async def proven(root: Path, repository: Repository, blob: Blob) -> object:
    target = Descriptor(blob.media_type, blob.digest, len(blob.body))
    return await RegistryStorage(str(root)).prove(repository, target, NoSink())


async def test_a_scrub_reads_the_file_of_the_repository(storage: Path) -> None:
    layer = MADE.children[0].layers[0]
    assert await proven(storage, APP, layer) is None
    path = file(storage, APP, layer.digest)
    path.unlink()
    assert isinstance(await proven(storage, APP, layer), Absent)
    path.write_bytes(b"other" + layer.body[5:])
    assert isinstance(await proven(storage, APP, layer), Wrong)
    assert await proven(storage, OTHER, layer) is None
    with pytest.raises(Unseen):
        await proven(storage, Repository("nobody"), layer)


@pytest.fixture
def preflight(
    storage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    def run(*words: str, used: str = "") -> tuple[int, Any]:
        (tmp_path / "refs").write_text(used)
        refs = ("--refs", str(tmp_path / "refs")) if used else ()
        code = cli.main(["preflight", "--storage", str(storage), *words, *refs, "--output", "json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_its_collection_takes_an_untagged_image_that_somebody_pins(
    preflight: Callable[..., tuple[int, Any]],
) -> None:
    code, said = preflight("--gc", "zot")
    assert (code, said["verdict"], said["would_go"]["size"]) == (0, "SAFE", size(LOOSE))
    code, said = preflight("--gc", "zot", used=f"r.example/{APP}@{LOOSE.digest}\n")
    assert (code, said["verdict"]) == (1, "UNSAFE")


@pytest.mark.parametrize("way", ["--gc distribution-2", "--delete team/app:v1", "--gc other"])
def test_what_is_not_known_of_it_is_never_safe(
    way: str, storage: Path, preflight: Callable[..., tuple[int, Any]]
) -> None:
    if way == "--gc other":
        (storage / OTHER / "index.json").write_text('{"manifests": [{"dig')
        way = "--gc zot"
    code, said = preflight(*way.split())
    assert (code, said["verdict"]) == (3, "INCOMPLETE")


def test_an_entry_that_its_collector_does_not_follow_is_never_safe(
    storage: Path, preflight: Callable[..., tuple[int, Any]]
) -> None:
    entries(storage, OTHER, LOOSE, mediaType="application/vnd.example")
    assert preflight("--gc", "zot")[0] == 3
