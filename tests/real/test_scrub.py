"""Are bytes that rot found, named, and let go again once they are repaired?"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts import tree
from tests.parts.front import front
from tests.parts.http import RESET
from tests.parts.process import PATIENCE, until
from tests.parts.product import Told, check, exporter, run
from tests.parts.registry import Registry, Settings, registry
from tests.sources.storage.bucket import URL, bucket
from tests.worlds import image, index, layer, noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.http import Answer, Asked
    from tests.parts.product import Json

pytestmark = pytest.mark.real

DAMAGES: Final = ("flipped", "zeros", "truncated", "swapped")
IMAGES: Final = {name: image(name) for name in (*DAMAGES, "sound")}
LIVE: Final = index(
    image("live", "linux/amd64", tuple(layer(f"live {n}", 900 + n) for n in range(8))),
    image("live", "linux/arm64"),
)
BLOBS: Final = {blob.digest for made in LIVE.walk() for blob in made.blobs}
QUICK: Final = ("--plain-http", "--confirm-after", "0s")


@dataclass(frozen=True, slots=True)
class Site:
    """A registry, where its bytes are, and how they are read whole."""

    registry: Registry
    root: Path
    folder: Path
    words: tuple[str, ...] = ()
    """What makes `scrub` read from the storage."""
    variables: dict[str, str] = field(default_factory=dict)

    def damage(self) -> None:
        """Damage one layer of each image but the sound one, each in its own way."""
        for name in DAMAGES:
            layer = IMAGES[name].layers[0]
            body = bytearray(layer.body)
            body[len(body) // 2] ^= 1
            bodies = {
                "flipped": bytes(body),
                "zeros": bytes(len(layer.body)),
                "truncated": layer.body[:-1],
                "swapped": noise("another blob", len(layer.body)),
            }
            tree.data(self.root, layer.digest).write_bytes(bodies[name])

    def repair(self) -> None:
        """Put the true bytes back."""
        for made in IMAGES.values():
            layer = made.layers[0]
            tree.data(self.root, layer.digest).write_bytes(layer.body)

    def scrub(self, *words: str) -> Told:
        """Read everything that the list of running images names."""
        ledger = ("--ledger", str(self.folder / "ledger.db"))
        refs = ("--refs", str(self.folder / "running.txt"))
        return run("scrub", *refs, *QUICK, *ledger, *self.words, *words, variables=self.variables)


@contextmanager
def _api(folder: Path, version: int) -> Iterator[Site]:
    with registry(folder / "registry", Settings(version=version)) as running:
        yield Site(running, running.root, folder)


@contextmanager
def _behind(folder: Path) -> Iterator[Site]:
    with registry(folder / "registry") as running:
        yield Site(running, running.root, folder, ("--storage", str(running.root)))


@contextmanager
def _bucket(folder: Path) -> Iterator[Site]:
    with (
        bucket(folder) as store,
        registry(folder / "registry", Settings(bucket=store.driver)) as running,
    ):
        known = store.options
        words = ("--storage", URL, "--endpoint", known["endpoint"], "--region", known["region"])
        keys = {
            "AWS_ACCESS_KEY_ID": known["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": known["secret_access_key"],
        }
        yield Site(running, store.root, folder, words, keys)


@pytest.fixture(params=["2.8", "3.1", "folder", "bucket"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    opened = {
        "2.8": lambda: _api(tmp_path, 2),
        "3.1": lambda: _api(tmp_path, 3),
        "folder": lambda: _behind(tmp_path),
        "bucket": lambda: _bucket(tmp_path),
    }
    with opened[request.param]() as here:
        for name, made in IMAGES.items():
            here.registry.push(f"shop/{name}", made, "v1")
        names = (f"{here.registry.host}/shop/{name}:v1\n" for name in IMAGES)
        (tmp_path / "running.txt").write_text("".join(names))
        yield here


def test_a_scrub_finds_what_an_audit_cannot_and_lets_go_of_what_was_repaired(site: Site) -> None:
    site.damage()
    refs = str(site.folder / "running.txt")

    audited = check("--refs", refs, "--plain-http").said
    states = {name: audited.state(f"shop/{name}:v1") for name in IMAGES}
    assert states == dict.fromkeys(IMAGES, "present") | {"truncated": "broken"}

    told = site.scrub()
    assert told.code == 1, told.errors
    for name in ("flipped", "zeros", "swapped"):
        assert f"layer {IMAGES[name].layers[0].digest}" in told.output
        line = list(IMAGES).index(name) + 1
        assert f"shop/{name}:v1 (live) broken" in told.output
        assert f"used by {refs}:{line}" in told.output, told.output

    said = site.scrub("--output", "json").said
    states = {name: said.state(f"shop/{name}:v1") for name in IMAGES}
    assert states == dict.fromkeys(IMAGES, "broken") | {"sound": "present"}
    found = {each["repository"]: each for each in said.found("digest-mismatch")}
    assert found.keys() == {"shop/flipped", "shop/zeros", "shop/swapped"}
    for name in ("flipped", "zeros", "swapped"):
        assert found[f"shop/{name}"]["digest"] == IMAGES[name].layers[0].digest
        assert found[f"shop/{name}"]["severity"] == "critical"

    site.repair()
    told = site.scrub("--output", "json")
    assert told.code == 0, told.output
    assert told.said.found("digest-mismatch") == []


def test_a_manifest_that_the_registry_cannot_parse_any_more_is_broken_by_its_api_and_its_storage(
    tmp_path: Path,
) -> None:
    child = LIVE.children[1]
    with _behind(tmp_path) as here:
        here.registry.push("shop/live", LIVE, "v1")
        (tmp_path / "running.txt").write_text(f"{here.registry.host}/shop/live:v1\n")
        tree.data(here.root, child.digest).write_bytes(child.body.replace(b"}", b"{", 1))

        audited = check("--refs", str(tmp_path / "running.txt"), "--plain-http").said
        assert audited.states("shop/live:v1")["linux/arm64"] == "broken", (
            "it answers 500 and says why"
        )
        told = here.scrub("--output", "json")

    assert told.code == 1
    assert told.said.states("shop/live:v1")["linux/arm64"] == "broken"
    found = [each for each in told.said.document["findings"] if each["digest"] == child.digest]
    assert {each["platform"] for each in found} == {"linux/arm64"}


def test_a_longer_blob_in_the_place_of_another_is_found_where_the_registry_remembers_its_length(
    tmp_path: Path,
) -> None:
    layer = IMAGES["swapped"].layers[0]
    with _behind(tmp_path) as here:
        here.registry.push("shop/swapped", IMAGES["swapped"], "v1")
        (tmp_path / "running.txt").write_text(f"{here.registry.host}/shop/swapped:v1\n")
        tree.data(here.root, layer.digest).write_bytes(noise("another", len(layer.body) + 5))

        audited = check("--refs", str(tmp_path / "running.txt"), "--plain-http").said
        assert audited.state("shop/swapped:v1") == "present", "its last byte seems to be there"
        told = here.scrub("--output", "json")

    assert told.code == 1
    (found,) = told.said.found("digest-mismatch")
    assert found["digest"] == layer.digest


@dataclass(slots=True)
class Valve:
    """Counts whole reads of blobs that were answered, and holds one of them back."""

    hold_at: int
    held: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)
    read: Counter[str] = field(default_factory=Counter)
    begun: int = 0

    def __call__(self, asked: Asked) -> Answer | None:
        if asked.method != "GET" or "/blobs/" not in asked.target or "Range" in asked.headers:
            return None
        self.begun += 1
        if self.begun == self.hold_at:
            self.held.set()
            self.open.wait()
            return RESET  # whoever asked for it was killed
        self.read[asked.target.rpartition("/")[2]] += 1
        return None


@pytest.fixture
def valve() -> Iterator[Valve]:
    valve = Valve(hold_at=6)
    try:
        yield valve
    finally:
        valve.open.set()


@pytest.fixture
def watched(tmp_path: Path, valve: Valve) -> Iterator[tuple[Registry, Json]]:
    """A registry behind the valve, and the settings of an exporter that scrubs it."""
    with registry(tmp_path / "registry") as server, front(server, valve) as before:
        server.push("shop/live", LIVE, "latest")
        entry = {"url": before.url, "name": "main", "plain_http": True, "timeout": "1h"}
        entry["scrub"] = {"period": "1h", "bytes_per_day": "1TB"}
        (tmp_path / "running.txt").write_text(f"{before.host}/shop/live:latest\n")
        settings = {"registries": [entry], "ledger": str(tmp_path / "ledger.db")}
        settings["references"] = [{"file": str(tmp_path / "running.txt")}]
        yield server, settings


def test_killed_within_a_read_it_goes_on_and_reads_no_blob_twice(
    watched: tuple[Registry, Json], valve: Valve, tmp_path: Path
) -> None:
    _, settings = watched
    with exporter(tmp_path / "exporter", settings) as first:
        until(valve.held.is_set, "a read is under way")
        first.server.kill()
    assert 0 < len(valve.read) < len(BLOBS)
    valve.open.set()

    with exporter(tmp_path / "exporter", settings) as second:
        ratio = "pullproof_scrub_proven_ratio"
        until(lambda: second.value(ratio, registry="main") == 1.0, "all is proven")
        second.audited()
        second.audited()

    assert valve.read == Counter(BLOBS)


def test_serve_finds_rotten_bytes_tells_them_apart_and_lets_them_go(
    watched: tuple[Registry, Json], valve: Valve, tmp_path: Path
) -> None:
    server, settings = watched
    valve.hold_at = 0
    rotten = LIVE.children[0].layers[3]
    tree.data(server.root, rotten.digest).write_bytes(bytes(len(rotten.body)))
    found = {"check": "digest-mismatch", "severity": "critical"}
    with exporter(tmp_path / "exporter", settings) as running:
        until(lambda: running.value("pullproof_findings", **found) == 1, "it is found")
        until(lambda: running.report().state("shop/live:latest") == "broken", "it breaks its tag")
        (finding,) = running.report().found("digest-mismatch")
        assert (finding["digest"], finding["platform"]) == (rotten.digest, "linux/amd64")
        assert running.value("pullproof_scrub_blobs_total", outcome="mismatch") >= 1
        assert running.value("pullproof_scrub_bytes_total") > 0
        running.audited()
        assert running.report().state("shop/live:latest") == "broken", "its last byte is there"

    with exporter(tmp_path / "exporter", settings) as again:
        assert again.ready().state("shop/live:latest") == "broken", "a restart forgets nothing"
        assert again.audited().state("shop/live:latest") == "broken"

        tree.data(server.root, rotten.digest).write_bytes(rotten.body)

        until(lambda: again.report().state("shop/live:latest") == "present", "it is let go")
        assert again.value("pullproof_findings", **found) == 0


def test_it_stops_at_once_while_a_read_is_under_way(
    watched: tuple[Registry, Json], valve: Valve, tmp_path: Path
) -> None:
    _, settings = watched
    with exporter(tmp_path / "exporter", settings) as running:
        until(valve.held.is_set, "a read is under way")

        running.server.process.send_signal(signal.SIGTERM)

        assert running.server.process.wait(PATIENCE) == 0, "it does not wait for the read's end"
