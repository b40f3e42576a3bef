"""What does every registry promise, the real ones, the demonstration's and the tests' own?"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from exporter.demo import embedded_registry as demo
from exporter.facts.registry_kind import Collector
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.manifest import parse
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, BlobRead, ManifestBody, Registry, Wrong
from exporter.sources.registry.credentials import FixedLogin, Login
from tests.fakes import Fake
from tests.parts import tree
from tests.parts.gitea import ADMIN, Gitea
from tests.parts.recorded import Conversation, Recording, Replay, asked, replayed
from tests.parts.recorded_kinds import RECORDED_KINDS
from tests.parts.registry import Registry as Running
from tests.parts.registry import Settings, registry
from tests.parts.stand import RecordedKind, RecordedStand
from tests.sources.registry.speaking import registry_at
from tests.worlds import Blob, Made, chart, image, two_platforms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


APP: Final = Repository("team/app")
OTHER: Final = Repository("team/other")
V1: Final = Tag("v1")
INDEX: Final = two_platforms("contract")
IMAGE: Final = image("contract")
NOWHERE: Final = Digest.of(b"never pushed")
KINDS: Final = (
    "2.8 with a cache",
    "2.8 without a cache",
    "3.1 with a cache",
    "3.1 without a cache",
    "gitea",
    *RECORDED_KINDS,
    "demo",
    "fake",
)


class Place(Protocol):
    """A registry, and the hands that fill and damage it."""

    asked: Registry
    collects: Collector
    lies: bool
    """Does it answer for blobs whose bytes are gone, out of its cache?"""
    shares: bool
    """Does a request for a part of a blob bring it over from another repository?"""
    partial: bool
    """Does its catalogue never show that it is whole?"""

    def push(self, made: Made, *tags: str, repository: Repository = APP) -> None: ...
    def lose_manifest(self, digest: Digest) -> None: ...
    def lose_blob(self, digest: Digest) -> None: ...
    def shorten(self, digest: Digest) -> None: ...


@dataclass
class OnDisk:
    """A server before a storage tree."""

    asked: Registry
    collects: Collector
    root: Path
    running: Running | None = None
    lies: bool = False
    shares: bool = False
    partial: bool = False

    def push(self, made: Made, *tags: str, repository: Repository = APP) -> None:
        if self.running is None:
            tree.write(self.root, repository, made, *tags)
            return
        with self.running.client(repository) as client:
            client.push(made, *tags)
            for blob in (blob for each in made.walk() for blob in each.blobs):
                client.head("blobs", blob.digest)  # the cache knows it from now on

    def lose_manifest(self, digest: Digest) -> None:
        if self.running is None:
            tree.revision(self.root, APP, digest).unlink()
            return
        with self.running.client(APP) as client:
            client.delete(digest)

    def lose_blob(self, digest: Digest) -> None:
        tree.data(self.root, digest).unlink()

    def shorten(self, digest: Digest) -> None:
        path = tree.data(self.root, digest)
        path.write_bytes(path.read_bytes()[:-1])


@dataclass
class InMemory:
    """The registry that the other tests use."""

    asked: Fake
    collects: Collector = Collector.DISTRIBUTION_2
    lies: bool = False
    shares: bool = False
    partial: bool = False

    def push(self, made: Made, *tags: str, repository: Repository = APP) -> None:
        for tag in tags or (None,):
            self.asked.push(made, tag, repository)

    def lose_manifest(self, digest: Digest) -> None:
        self.asked.sweep(digest, repository=APP)

    def lose_blob(self, digest: Digest) -> None:
        self.asked.sweep(digest, repository=APP)

    def shorten(self, digest: Digest) -> None:
        self.asked.blobs[APP, digest] = self.asked.blobs[APP, digest][:-1]


@dataclass
class InGitea:
    """A Gitea, which keeps packages for owners."""

    asked: Registry
    running: Gitea
    collects: Collector = Collector.PARENT_PROTECTS
    lies: bool = False
    shares: bool = False
    partial: bool = False

    def push(self, made: Made, *tags: str, repository: Repository = APP) -> None:
        self.running.push(repository, made, *tags)

    def lose_manifest(self, digest: Digest) -> None:
        with self.running.client(APP) as client:
            client.delete(digest)

    def lose_blob(self, digest: Digest) -> None:
        self.running.data(digest).unlink()

    def shorten(self, digest: Digest) -> None:
        path = self.running.data(digest)
        path.write_bytes(path.read_bytes()[:-1])


@dataclass
class OfKind:
    """A registry of a recorded kind."""

    asked: Registry
    kind: RecordedKind

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kind, name)


@dataclass
class Live(OfKind):
    """One that is up, and everything that it answers after each change."""

    running: RecordedStand
    heard: Conversation = field(default_factory=Conversation)
    contents: dict[Repository, dict[str, int]] = field(default_factory=dict)
    """What it may be asked for: sizes by digest."""

    def push(self, made: Made, *tags: str, repository: Repository = APP) -> None:
        self.running.push(repository, made, *tags)
        here = self.contents.setdefault(repository, {NOWHERE: 12})
        for each in made.walk():
            here |= {each.digest: len(each.body)} | {it.digest: len(it.body) for it in each.blobs}
        self.listen()

    def lose_manifest(self, digest: Digest) -> None:
        self.lose_blob(digest)  # these kinds do not delete what an index references

    def lose_blob(self, digest: Digest) -> None:
        self.running.data(APP, digest).unlink()
        self.listen()

    def shorten(self, digest: Digest) -> None:
        stored = self.running.data(APP, digest)
        stored.write_bytes(stored.read_bytes()[:-1])
        self.listen()

    def listen(self) -> None:
        """Ask for everything: each repository for what the others have, too."""
        known = {each: size for here in self.contents.values() for each, size in here.items()}
        asking = dict.fromkeys(self.contents, known) | {Repository("team/nobody"): {}}
        self.heard.stages.append(asked(self.running, asking, ("v1", "v2", "latest")))


@dataclass
class Replayed(OfKind):
    """One that once was asked everything: a change goes on to what it said after that."""

    replay: Replay

    def push(self, *_: object, **__: object) -> None:
        self.replay.stage += 1

    lose_manifest = lose_blob = shorten = push


@pytest.fixture(
    params=[
        pytest.param(kind, marks=pytest.mark.real if kind[0] in "23" or kind == "gitea" else ())
        for kind in KINDS
    ]
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    kind: str = request.param
    if kind == "fake":
        yield InMemory(Fake())
    elif kind in RECORDED_KINDS:
        async with _recorded(RECORDED_KINDS[kind], tmp_path, request) as found:
            yield found
    elif kind == "demo":
        async with _demo(tmp_path) as found:
            yield found
    elif kind == "gitea":
        server: Gitea = request.getfixturevalue("gitea_server")
        with server.owner("team"):
            logins = FixedLogin(
                Login(ADMIN, server.token)
            )  # without one it hides what is not there
            async with registry_at(server.url, logins=logins) as asked:
                await asked.ping()  # as an audit begins: it tells of the token server
                yield InGitea(asked, server)
    else:
        async with _real(tmp_path, int(kind[0]), cache="without" not in kind) as found:
            yield found


@asynccontextmanager
async def _demo(folder: Path) -> AsyncIterator[OnDisk]:
    (folder / "docker/registry/v2/repositories").mkdir(parents=True)
    served = demo.EmbeddedRegistry.of(folder)
    async with demo.served(served) as host, registry_at(f"http://{host}") as asked:
        yield OnDisk(asked, Collector.DISTRIBUTION_2, folder)


@asynccontextmanager
async def _recorded(
    kind: RecordedKind, folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Place]:
    recording: Recording = request.getfixturevalue("recordings")[kind.name]
    name, logins = request.node.name, FixedLogin(kind.login)
    if not kind.program:
        with replayed(recording.conversations[name], recording.anonymous) as replay:
            async with registry_at(replay.url, logins=logins) as told:
                await told.ping()  # as an audit begins: that shows the kind
                yield Replayed(told, kind, replay)
        return
    with kind.stand(folder, (), request.getfixturevalue("stands")) as running:
        async with registry_at(running.url, logins=logins) as told:
            await told.ping()
            place = Live(told, kind, running)
            place.listen()
            yield place
        recording.anonymous = running.anonymous()
    recording.conversations[name] = place.heard


@asynccontextmanager
async def _real(folder: Path, version: int, *, cache: bool) -> AsyncIterator[OnDisk]:
    collects = Collector.DISTRIBUTION_2 if version == 2 else Collector.DISTRIBUTION_3
    with registry(folder, Settings(version=version, cache=cache)) as running:
        async with registry_at(running.url) as asked:
            yield OnDisk(asked, collects, running.root, running, cache)


def described(blob: Blob) -> Descriptor:
    return Descriptor(blob.media_type, blob.digest, len(blob.body))


def whole(blob: Blob) -> BlobRead:
    return BlobRead(blob.body, hashed=True)


def absent(code: str) -> tuple[Absent, Absent]:
    """Return what may be said: the specification's code, or Harbor's own."""
    return Absent(code), Absent("NOT_FOUND")


async def content(place: Place, blob: Descriptor) -> bytes:
    read = await place.asked.read(APP, blob)
    assert isinstance(read, BlobRead)
    return read.content


async def test_it_answers(place: Place) -> None:
    await place.asked.ping()


async def test_what_was_pushed_is_listed(place: Place) -> None:
    place.push(INDEX, "v1", "v2")
    place.push(IMAGE, "latest", repository=OTHER)

    repositories, tags = await place.asked.repositories(), await place.asked.tags(APP)

    # Other tests have others in the same Gitea.
    assert {each for each in repositories.entries if each.startswith("team/")} == {APP, OTHER}
    assert repositories.complete is not place.partial
    assert not isinstance(tags, Absent)
    assert (set(tags.entries), tags.complete) == ({"v1", "v2"}, True)


async def test_a_repository_that_is_not_there_has_no_tags(place: Place) -> None:
    assert await place.asked.tags(Repository("team/nobody")) in absent("NAME_UNKNOWN")


async def test_a_tag_resolves_to_what_it_was_pushed_for(place: Place) -> None:
    place.push(INDEX, "v1")

    assert await place.asked.head(APP, V1) == INDEX.digest
    for child in INDEX.children:
        assert await place.asked.head(APP, child.digest) == child.digest


async def test_a_tag_hands_out_what_it_resolves_to(place: Place) -> None:
    place.push(INDEX, "v1")

    assert await place.asked.verify_tag(APP, V1, INDEX.digest) == INDEX.digest
    assert isinstance(await place.asked.verify_tag(APP, Tag("v2"), INDEX.digest), Absent)


async def test_what_was_never_pushed_is_absent(place: Place) -> None:
    place.push(INDEX, "v1")
    blob = Descriptor("application/octet-stream", NOWHERE, 12)

    assert await place.asked.head(APP, Tag("v2")) in absent("MANIFEST_UNKNOWN")
    for answer in (await place.asked.head(APP, NOWHERE), await place.asked.manifest(APP, NOWHERE)):
        assert isinstance(answer, Absent)
        assert Absent(answer.code) in absent("MANIFEST_UNKNOWN")
    for found in (await place.asked.read(APP, blob), await place.asked.stat(APP, blob)):
        assert found == Absent("BLOB_UNKNOWN")


async def test_a_manifest_comes_as_it_was_pushed(place: Place) -> None:
    place.push(INDEX, "v1")

    for made in INDEX.walk():
        body = await place.asked.manifest(APP, made.digest)
        assert body == ManifestBody(made.digest, made.body)
        assert parse(made.body, made.digest).size == len(made.body)


@pytest.mark.parametrize(
    "made",
    [
        lambda _: IMAGE,
        lambda kind: image("d", docker=True, history=kind == "quay"),
        lambda _: INDEX,
        lambda kind: two_platforms("d", docker=True, history=kind == "quay"),
        lambda _: chart("c"),
    ],
    ids=["OCI image", "Docker image", "OCI index", "Docker list", "chart"],
)
async def test_no_stored_type_is_hidden_by_what_we_accept(
    place: Place, made: Callable[[str], Made], request: pytest.FixtureRequest
) -> None:
    made = made(request.node.callspec.params["place"])
    place.push(made, "v1")

    assert await place.asked.head(APP, V1) == made.digest
    assert await place.asked.manifest(APP, made.digest) == ManifestBody(made.digest, made.body)


async def test_a_blob_is_read_to_its_last_byte(place: Place) -> None:
    place.push(INDEX, "v1")

    for child in INDEX.children:
        for blob in child.blobs:
            assert await content(place, described(blob)) == blob.body[-1:]
            assert await place.asked.stat(APP, described(blob)) == len(blob.body)
        config = described(child.config)
        assert await place.asked.read(APP, config, whole=True) == whole(child.config)


async def test_a_blob_without_a_stated_size_is_read_from_its_end(place: Place) -> None:
    place.push(IMAGE, "v1")
    layer = IMAGE.layers[0]

    assert await content(place, replace(described(layer), size=None)) == layer.body[-1:]


async def test_a_blob_is_granted_by_the_repository_that_it_was_pushed_to(place: Place) -> None:
    place.push(IMAGE, "v1")
    place.push(image("another"), "v1", repository=OTHER)

    answer = await place.asked.read(OTHER, described(IMAGE.config))
    granted = BlobRead(IMAGE.config.body[-1:])  # zot links what another repository has
    assert answer == (granted if place.shares else Absent("BLOB_UNKNOWN"))


async def test_a_manifest_that_is_gone_is_absent(place: Place) -> None:
    place.push(INDEX, "v1")
    child = INDEX.children[0]
    await place.asked.manifest(APP, child.digest)

    place.lose_manifest(child.digest)

    for answer in (
        await place.asked.head(APP, child.digest),
        await place.asked.manifest(APP, child.digest),
    ):
        assert isinstance(answer, Absent)
    assert await place.asked.head(APP, V1) == INDEX.digest


async def test_a_blob_whose_bytes_are_gone_is_never_read(place: Place) -> None:
    place.push(IMAGE, "v1")
    layer = IMAGE.layers[0]
    size = len(layer.body)
    await content(place, described(IMAGE.config))

    place.lose_blob(layer.digest)

    read = await place.asked.read(APP, described(layer))
    if place.lies:
        assert isinstance(read, Wrong)
        assert read.detail.startswith(f"0 of {size} bytes")
        assert await place.asked.stat(APP, described(layer)) == size
    else:
        assert read == await place.asked.stat(APP, described(layer)) == Absent("BLOB_UNKNOWN")


async def test_a_configuration_whose_bytes_are_gone_is_never_read(place: Place) -> None:
    place.push(IMAGE, "v1")
    await content(place, described(IMAGE.layers[0]))

    place.lose_blob(IMAGE.config.digest)

    found = await place.asked.read(APP, described(IMAGE.config), whole=True)
    assert isinstance(found, Wrong if place.lies else Absent)


async def test_a_blob_that_is_shorter_than_stated_is_wrong(place: Place) -> None:
    place.push(IMAGE, "v1")
    layer = IMAGE.layers[0]

    place.shorten(layer.digest)

    denied = Absent if place.shares else Wrong  # zot denies a part of what has another length
    assert isinstance(await place.asked.read(APP, described(layer)), denied)


async def test_its_collector_is_told(place: Place) -> None:
    place.push(IMAGE, "v1")

    assert (await place.asked.kind(APP)).collector is place.collects
