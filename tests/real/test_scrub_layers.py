"""Is an image found whose layers are not what its configuration says, and no other image?

Every byte of each is right: an audit and a plain scrub see nothing. `crane validate` says the same
of those that are gzip throughout: it reads no others.
"""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from exporter.resolve.unpacking import library
from tests.parts.needs import asset
from tests.parts.process import PATIENCE, until
from tests.parts.product import Told, check, exporter, run
from tests.parts.registry import Registry, Settings, registry
from tests.worlds import DOCKER_LAYER, OCI_LAYER, Blob, Digest, Made, image, index, noise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

zstd: Final = library()
ZSTD_LAYER: Final = OCI_LAYER.replace("gzip", "zstd")
PLAIN_LAYER: Final = OCI_LAYER.removesuffix("+gzip")
QUICK: Final = ("--plain-http", "--confirm-after", "0s")


def tar(seed: str) -> bytes:
    """A layer of one file, as it is before it is packed."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(f"etc/{seed}")
        entry.size = 3_000
        archive.addfile(entry, io.BytesIO(noise(seed, entry.size)))
    return file.getvalue()


def holding(name: str, *layers: Blob, says: tuple[str, ...], platform: str = "linux/amd64") -> Made:
    """An image of these layers that says that they unpack to these."""
    return image(name, platform, layers, diff_ids=[Digest.of(tar(each)) for each in says])


def gzipped(seed: str, media_type: str = OCI_LAYER) -> Blob:
    return Blob(media_type, gzip.compress(tar(seed), mtime=0))


MEMBERS: Final = Blob(
    OCI_LAYER,
    gzip.compress(tar("members")[:1_000], mtime=0) + gzip.compress(tar("members")[1_000:], mtime=0),
)
FRAMES: Final = Blob(
    ZSTD_LAYER, zstd.compress(tar("frames")[:1_000]) + zstd.compress(tar("frames")[1_000:])
)
CUT: Final = Blob(OCI_LAYER, gzipped("cut").body[:-99])
OTHER: Final = Blob(ZSTD_LAYER, zstd.compress(tar("other")))
GOOD: Final = {
    "gzip": holding("gzip", gzipped("a"), gzipped("b"), says=("a", "b")),
    "docker": holding("docker", gzipped("a", DOCKER_LAYER), says=("a",)),
    "zstd": holding(
        "zstd", gzipped("a"), Blob(ZSTD_LAYER, zstd.compress(tar("z"))), says=("a", "z")
    ),
    "plain": holding("plain", Blob(PLAIN_LAYER, tar("p")), says=("p",)),
    "members": holding("members", MEMBERS, says=("members",)),
    "frames": holding("frames", FRAMES, says=("frames",)),
    "meant": holding("meant", OTHER, says=("other",)),
}
WRONG: Final = {
    "another": (holding("another", gzipped("a"), OTHER, says=("a", "b")), OTHER.digest),
    "cut": (holding("cut", CUT, says=("cut",)), CUT.digest),
    "fewer": ((few := holding("few", gzipped("a"), gzipped("b"), says=("a",))), few.config.digest),
}
"""Images, and what of each is named; OTHER is wrong for one and right for another."""


@contextmanager
def _behind(folder: Path) -> Iterator[tuple[Registry, tuple[str, ...]]]:
    with registry(folder / "registry") as running:
        yield running, ("--storage", str(running.root))


@contextmanager
def _api(folder: Path, version: int) -> Iterator[tuple[Registry, tuple[str, ...]]]:
    with registry(folder / "registry", Settings(version=version)) as running:
        yield running, ()


@pytest.fixture(params=["2.8", "3.1", "folder"])
def site(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Registry, tuple[str, ...]]]:
    opened = {
        "2.8": lambda: _api(tmp_path, 2),
        "3.1": lambda: _api(tmp_path, 3),
        "folder": lambda: _behind(tmp_path),
    }
    with opened[request.param]() as (server, words):
        for name, made in [*GOOD.items(), *((name, made) for name, (made, _) in WRONG.items())]:
            server.push(f"shop/{name}", made, "v1")
        names = [f"{server.host}/shop/{name}:v1\n" for name in (*GOOD, *WRONG)]
        (tmp_path / "running.txt").write_text("".join(names))
        yield server, ("--refs", str(tmp_path / "running.txt"), *words)


def scrub(folder: Path, *words: str) -> Told:
    return run("scrub", *words, *QUICK, "--ledger", str(folder / "ledger.db"), "--output", "json")


def test_only_images_that_are_not_what_they_say_are_found_and_named(
    site: tuple[Registry, tuple[str, ...]], tmp_path: Path
) -> None:
    server, words = site
    audited = check(*words[:2], "--plain-http")
    assert audited.code == 0, "an audit sees nothing"
    plain = scrub(tmp_path, *words)
    assert (plain.code, plain.said.document["findings"]) == (0, []), "every byte is right"

    told = scrub(tmp_path, *words, "--uncompressed")

    assert told.code == 1, told.errors
    found = {each["repository"]: each for each in told.said.found("wrong-diff-id")}
    assert {name: each["digest"] for name, each in found.items()} == {
        f"shop/{name}": digest for name, (_, digest) in WRONG.items()
    }
    assert len(told.said.document["findings"]) == len(WRONG)
    assert {each["severity"] for each in found.values()} == {"critical"}
    expected, actual = Digest.of(tar("b")), Digest.of(tar("other"))
    assert (
        f"unpacks to {actual}, its configuration says {expected}" in found["shop/another"]["detail"]
    )
    assert "cannot be unpacked: it ends within its gzip stream" in found["shop/cut"]["detail"]
    assert "has 1 diff ids for 2 layers" in found["shop/fewer"]["detail"]
    states = {name: told.said.state(f"shop/{name}:v1") for name in (*GOOD, *WRONG)}
    assert states == dict.fromkeys(GOOD, "present") | dict.fromkeys(WRONG, "broken")

    for name, (made, _) in WRONG.items():
        server.push(f"shop/{name}", GOOD["gzip"], "v1")
        assert made.digest != GOOD["gzip"].digest
    repaired = scrub(tmp_path, *words, "--uncompressed")
    assert (repaired.code, repaired.said.document["findings"]) == (0, [])


def test_another_tool_says_the_same_of_what_it_can_read(tmp_path: Path) -> None:
    images = GOOD | {name: made for name, (made, _) in WRONG.items()}
    with registry(tmp_path / "registry") as server:
        for name in ("gzip", "docker", "members", "cut", "fewer"):
            server.push(f"shop/{name}", images[name], "v1")
            command = [asset("crane"), "validate", "--remote", f"{server.host}/shop/{name}:v1"]
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=PATIENCE
            )
            assert (done.returncode == 0) is (name in GOOD), f"{name}: {done.stdout}{done.stderr}"


def test_a_person_is_told_which_layer_and_whom_it_stops(tmp_path: Path) -> None:
    both = index(
        holding("arm", gzipped("a"), says=("a",), platform="linux/arm64"), WRONG["another"][0]
    )
    with registry(tmp_path / "registry") as server:
        server.push("shop/web", both, "v1")
        (tmp_path / "running.txt").write_text(f"{server.host}/shop/web:v1\n")
        refs = str(tmp_path / "running.txt")

        told = run("scrub", "--refs", refs, *QUICK, "--uncompressed")

    assert told.code == 1, told.errors
    assert "reading 1 again that do not match their images" in told.errors
    _, head, lost = told.output.partition("Missing or broken\n")
    assert head
    assert f"layer {OTHER.digest}" in lost
    assert "shop/web:v1 (live) broken" in lost
    assert f"used by {refs}:1" in lost
    assert "arm64" not in lost.partition("At risk")[0]


def test_serve_finds_it_keeps_it_over_a_restart_and_lets_it_go(tmp_path: Path) -> None:
    bomb = Blob(ZSTD_LAYER, zstd.compress(bytes(2_000_000)))
    found = {"check": "wrong-diff-id", "severity": "critical"}
    with registry(tmp_path / "registry") as server:
        server.push("shop/web", WRONG["another"][0], "v1")
        server.push("shop/bomb", holding("bomb", bomb, says=("x",)), "v1")
        names = [f"{server.host}/shop/{name}:v1\n" for name in ("web", "bomb")]
        (tmp_path / "running.txt").write_text("".join(names))
        entry = {"url": server.url, "name": "main", "plain_http": True}
        entry["scrub"] = {"uncompressed": True, "uncompressed_limit": "1MiB"}
        entry["scrub"]["bytes_per_day"] = "1TB"
        settings = {"registries": [entry], "ledger": str(tmp_path / "ledger.db")}
        settings["references"] = [{"file": str(tmp_path / "running.txt")}]

        with exporter(tmp_path / "exporter", settings) as running:
            until(lambda: running.value("pullproof_findings", **found) == 1, "it is found")
            assert running.audited().state("shop/web:v1") == "broken"
            until(lambda: running.report().document["gaps"], "the bomb was met")
            assert running.value("pullproof_scrub_unpacked_bytes_total") > 1_000_000
            report = running.report()
            assert report.state("shop/bomb:v1") == "present", "a bomb is no verdict"
            (gap,) = report.document["gaps"]
            assert (gap["subject"], gap["reason"]) == (f"shop/bomb@{bomb.digest}", "too-large")

        with exporter(tmp_path / "exporter", settings) as again:
            assert again.ready().state("shop/web:v1") == "broken", "a restart forgets nothing"
            server.push("shop/web", GOOD["gzip"], "v1")
            until(lambda: again.report().state("shop/web:v1") == "present", "it is let go")
            assert again.value("pullproof_findings", **found) == 0
