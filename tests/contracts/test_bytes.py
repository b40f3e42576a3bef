"""What does every way of reading promise: over the API of real registries, a folder, a bucket?"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Bytes, Unseen, Wrong
from exporter.wiring.registry_storage import RegistryStorage
from tests.parts import tree
from tests.parts.registry import Registry as Running
from tests.parts.registry import Settings, registry
from tests.sources.registry.speaking import registry_at
from tests.sources.storage.bucket import URL, bucket
from tests.worlds import Blob, image, layer, noise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.real

APP: Final = Repository("team/app")
LARGE: Final = Blob("application/octet-stream", noise("large", 5_000_000))
IMAGE: Final = image("contract", layers=(layer("small"), LARGE))
SMALL: Final = IMAGE.layers[0]
OTHER: Final = noise("other algorithm")
SHA512: Final = Digest.of(OTHER, "sha512")
NOWHERE: Final = Digest.of(b"never pushed")
KINDS: Final = ("api of 2.8", "api of 3.1", "folder", "bucket")


@dataclass
class Drain:
    """Hashes what comes and keeps nothing; implements `exporter.ports.Sink`."""

    largest: int = 0
    size: int = 0
    begun: int = 0
    seen: object = field(default_factory=hashlib.sha256)

    def begin(self) -> None:
        self.begun += 1
        self.size, self.seen = 0, hashlib.sha256()

    async def take(self, chunk: bytes) -> None:
        self.largest = max(self.largest, len(chunk))
        self.size += len(chunk)
        self.seen.update(chunk)  # type: ignore[attr-defined] # a hash


@dataclass(frozen=True)
class Place:
    """Content in a storage, and a way to read it whole."""

    source: Bytes
    root: Path
    """The root directory, where files may be damaged."""

    async def prove(self, digest: Digest, size: int | None, kind: str = "") -> object:
        media_type = kind or "application/octet-stream"
        target = Descriptor(media_type, digest, size)
        answers = {
            again: await self.source.prove(APP, target, Drain(), again=again)
            for again in (False, True)
        }
        assert answers[False] == answers[True], "a second read, past caches, says the same"
        return answers[True]

    def write(self, digest: Digest, body: bytes) -> None:
        """Put other bytes in a blob's place."""
        tree.data(self.root, digest).write_bytes(body)


@dataclass(frozen=True)
class Site:
    """Where content is, for as long as these tests last."""

    root: Path
    running: Running | None = None
    stored: RegistryStorage | None = None


@pytest.fixture(scope="module", params=KINDS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    kind, folder = request.param, tmp_path_factory.mktemp("site")
    if kind == "bucket":
        with bucket(folder) as store:
            with registry(folder / "registry", Settings(bucket=store.driver)) as running:
                _push(running)
            yield Site(store.root, stored=RegistryStorage(URL, store.options, plain_http=True))
        return
    settings = Settings(version=3 if "3.1" in kind else 2)
    with registry(folder, settings) as running:
        _push(running)
        stored = RegistryStorage(str(running.root)) if kind == "folder" else None
        yield Site(running.root, running, stored)


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    if site.stored or not site.running:
        assert site.stored
        yield Place(site.stored, site.root)
    else:
        async with registry_at(site.running.url) as asked:
            yield Place(asked, site.root)
    bodies = (*(blob.body for blob in IMAGE.blobs), OTHER)
    for body in bodies:
        tree.data(site.root, Digest.of(body)).write_bytes(body)


def _push(running: Running) -> None:
    running.push(APP, IMAGE, "v1")
    kind = {"Content-Type": "application/octet-stream"}
    with running.client(APP) as client:
        begun = client.http.post("blobs/uploads/").raise_for_status()
        where = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": SHA512})
        client.http.put(where, content=OTHER, headers=kind).raise_for_status()


async def test_bytes_that_the_digest_names_are_right(place: Place) -> None:
    for blob in IMAGE.blobs:
        assert await place.prove(blob.digest, len(blob.body)) is None
    assert await place.prove(IMAGE.digest, len(IMAGE.body), IMAGE.media_type) is None


async def test_sha512_is_hashed_as_sha512(place: Place) -> None:
    size = len(OTHER)

    assert await place.prove(SHA512, size) is None

    place.write(Digest.of(OTHER), bytes(size))
    answer = await place.prove(SHA512, size)
    assert isinstance(answer, Wrong)
    assert answer.mismatch
    assert "sha512:" in answer.detail


async def test_a_blob_of_any_size_is_taken_in_small_pieces_and_whole(place: Place) -> None:
    drain = Drain()
    target = Descriptor("application/octet-stream", LARGE.digest, len(LARGE.body))

    assert await place.source.prove(APP, target, drain) is None

    assert (drain.begun, drain.size) == (1, len(LARGE.body))
    assert drain.seen.hexdigest() == LARGE.digest.encoded  # type: ignore[attr-defined] # a hash
    assert drain.largest <= 1_000_000


@pytest.mark.parametrize("damage", ["a flipped bit", "zeros", "another blob"])
async def test_other_bytes_of_the_right_size_are_a_mismatch(place: Place, damage: str) -> None:
    size = len(LARGE.body)
    flipped = bytearray(LARGE.body)
    flipped[size // 2] ^= 1
    bodies = {"a flipped bit": bytes(flipped), "zeros": bytes(size)}
    body = bodies.get(damage, noise("another", size))
    place.write(LARGE.digest, body)

    answer = await place.prove(LARGE.digest, size)

    assert answer == Wrong(f"hashes to {Digest.of(body)}", mismatch=True)


async def test_short_bytes_are_wrong_and_no_mismatch(place: Place) -> None:
    place.write(SMALL.digest, SMALL.body[:-1])

    answer = await place.prove(SMALL.digest, len(SMALL.body))

    assert isinstance(answer, Wrong)
    assert not answer.mismatch


async def test_more_bytes_than_there_should_be_are_wrong_where_they_are_handed_out(
    place: Place,
) -> None:
    place.write(SMALL.digest, SMALL.body + b"more")

    answer = await place.prove(SMALL.digest, len(SMALL.body))

    # A registry sends as many as its cache says that there are, and those are the right ones.
    assert answer == (Wrong(f"more than {len(SMALL.body)} bytes") if place.source.shared else None)


async def test_a_longer_blob_in_the_place_of_another_is_a_mismatch(place: Place) -> None:
    body = noise("another", len(SMALL.body) + 5)
    place.write(SMALL.digest, body)

    answer = await place.prove(SMALL.digest, len(SMALL.body))

    handed_out = body if place.source.shared else body[: len(SMALL.body)]
    assert answer == Wrong(f"hashes to {Digest.of(handed_out)}", mismatch=True)


async def test_right_bytes_of_another_size_than_is_said_are_no_mismatch(place: Place) -> None:
    answer = await place.prove(SMALL.digest, len(SMALL.body) - 1)

    assert isinstance(answer, Wrong)
    assert not answer.mismatch


async def test_without_a_stated_size_all_that_is_there_counts(place: Place) -> None:
    assert await place.prove(SMALL.digest, None) is None

    place.write(SMALL.digest, SMALL.body[:-1])
    answer = await place.prove(SMALL.digest, None)
    assert isinstance(answer, Wrong)
    assert answer.mismatch


async def test_what_is_not_there_is_absent(place: Place) -> None:
    assert isinstance(await place.prove(NOWHERE, 5), Absent)


async def test_a_repaired_blob_is_right_again(place: Place) -> None:
    place.write(SMALL.digest, bytes(len(SMALL.body)))
    assert isinstance(await place.prove(SMALL.digest, len(SMALL.body)), Wrong)

    place.write(SMALL.digest, SMALL.body)

    assert await place.prove(SMALL.digest, len(SMALL.body)) is None


@asynccontextmanager
async def _nobody() -> AsyncIterator[Bytes]:
    async with registry_at("http://127.0.0.1:9") as asked:
        yield asked


async def test_a_source_that_is_away_is_unseen(tmp_path: Path) -> None:
    target = Descriptor("application/octet-stream", SMALL.digest, 1)
    async with _nobody() as asked:
        for source in (asked, RegistryStorage(str(tmp_path / "none"))):
            with pytest.raises(Unseen):
                await source.prove(APP, target, Drain())


async def test_of_a_storage_that_is_not_mounted_nothing_is_absent(tmp_path: Path) -> None:
    target = Descriptor("application/octet-stream", SMALL.digest, 1)
    with bucket(tmp_path / "store") as store:
        elsewhere = f"{URL.rstrip('/')}/elsewhere"
        for source in (
            RegistryStorage(str(tmp_path)),
            RegistryStorage(elsewhere, store.options, plain_http=True),
            RegistryStorage("s3://none", store.options, plain_http=True),
        ):
            with pytest.raises(Unseen):
                await source.prove(APP, target, Drain())


async def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    tree.write(tmp_path, APP, IMAGE, "v1")
    outside = tmp_path / "outside"
    outside.write_bytes(SMALL.body)
    data = tree.data(tmp_path, SMALL.digest)
    data.unlink()
    data.symlink_to(outside)
    target = Descriptor("application/octet-stream", SMALL.digest, len(SMALL.body))

    with pytest.raises(Unseen, match="symbolic link"):
        await RegistryStorage(str(tmp_path)).prove(APP, target, Drain())

    data.unlink()
    bucket_of_it = data.parent
    elsewhere = tmp_path / "elsewhere"
    bucket_of_it.rename(elsewhere)
    (elsewhere / "data").write_bytes(SMALL.body)
    bucket_of_it.symlink_to(elsewhere)
    with pytest.raises(Unseen, match="Not a directory"):
        await RegistryStorage(str(tmp_path)).prove(APP, target, Drain())
