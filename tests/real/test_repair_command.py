"""Does `repair` restore what real registries lost, whatever their caches believe?"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts import layout, tree
from tests.parts.http import Asked, serving
from tests.parts.needs import program
from tests.parts.process import PATIENCE, until
from tests.parts.product import Told, run
from tests.parts.registry import Registry, Settings, registry
from tests.parts.store import Store
from tests.parts.tokens import PASSWORD, USER
from tests.sources.storage.bucket import bucket
from tests.worlds import image, index, layer, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.certificates import Authority
    from tests.parts.http import Answer
    from tests.parts.tokens import Tokens
    from tests.worlds import Made

pytestmark = pytest.mark.real

APP: Final = two_platforms("app")
NAME: Final = "team/app"
QUICK: Final = ("--plain-http", "--confirm-after", "0s")
VERSIONS: Final = (2, 3)


def warm(server: Registry, made: Made = APP, repository: str = NAME) -> None:
    """Let the registry's cache know everything of an image."""
    with server.client(repository) as client:
        for each in made.walk():
            assert client.head("manifests", each.digest).is_success
            assert all(client.head("blobs", blob.digest).is_success for blob in each.blobs)


def repair(server: Registry, *words: str, name: str = f"{NAME}:v1", typed: str = "") -> Told:
    return run("repair", f"{server.host}/{name}".rstrip("/"), *QUICK, *words, typed=typed)


def pulls(server: Registry, name: str = f"{NAME}:v1") -> bool:
    return run("check", f"{server.host}/{name}".rstrip("/"), *QUICK).code == 0


def tags(server: Registry, repository: str = NAME) -> dict[str, str]:
    """Every tag, and what its own file says."""
    folder = tree.tag(server.root, repository, "x").parent
    return {each.name: (each / "current/link").read_text() for each in folder.iterdir()}


def files(server: Registry) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in server.root.rglob("data") if each.is_file()}


def test_every_kind_of_source_restores_a_collected_image_under_a_warm_cache(
    tmp_path: Path,
) -> None:
    layout.write(tmp_path / "layout", APP, "v1")
    with tarfile.open(tmp_path / "image.tar", "w") as tar:
        tar.add(tmp_path / "layout", ".")
    tree.write(tmp_path / "backup", "other/name", APP, "v1")
    with (
        registry(tmp_path / "registry") as server,
        registry(tmp_path / "mirror") as mirror,
    ):
        server.push(NAME, APP, "v1")
        mirror.push("copies/app", APP, "v9")
        mirror.push(NAME, APP, "v1")
        for source in (
            f"oci:{tmp_path / 'layout'}:v1",
            f"oci-archive:{tmp_path / 'image.tar'}",
            f"docker-archive:{tmp_path / 'image.tar'}",
            f"storage:{tmp_path / 'backup'}",
            f"{mirror.host}/copies/app:v9",
            mirror.host,
        ):
            warm(server)
            before = tags(server)
            server.collect("--delete-untagged")
            done = repair(server, "--source", source, "--apply")

            assert done.code == 0, source + done.output + done.errors
            assert "1 tag can be pulled" in done.output
            assert tags(server) == before


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plan_writes_nothing_and_a_repair_leaves_nothing_to_do(
    tmp_path: Path, version: int
) -> None:
    layout.write(tmp_path / "layout", APP, "v1")
    source = ("--source", f"oci:{tmp_path / 'layout'}:v1")
    with registry(tmp_path / "registry", Settings(version=version)) as server:
        server.push(NAME, APP, "v1")
        warm(server)
        for lost in (APP.children[0].layers[0], APP.children[1]):
            tree.data(server.root, lost.digest).unlink()
        before = files(server)
        plan = repair(server, *source)
        assert (plan.code, "To restore" in plan.output) == (1, True), plan.output + plan.errors
        assert files(server) == before

        assert repair(server, *source, "--apply").code == 0

        assert pulls(server)
        assert "nothing to repair" in repair(server, *source).output


@pytest.mark.parametrize("version", VERSIONS)
def test_one_layer_of_many_tags_is_uploaded_once_and_mounted(tmp_path: Path, version: int) -> None:
    shared, repositories = layer("shared"), ("team/a", "team/b", "other/c")
    with registry(tmp_path / "registry", Settings(version=version)) as server:
        for number in range(500):
            made = image(f"app {number}", layers=(shared, layer(f"own {number}")))
            tree.write(server.root, repositories[number % 3], made, f"v{number}")
        tree.write(tmp_path / "backup", "x", image("app 0", layers=(shared,)))
        for repository in repositories:
            with server.client(repository) as client:
                assert client.head("blobs", shared.digest).is_success
        tree.data(server.root, shared.digest).unlink()
        before = files(server)
        words = ("--cause", str(shared.digest), "--source", f"storage:{tmp_path / 'backup'}")

        vain = repair(server, "--cause", str(shared.digest), "--apply", name="")
        assert vain.code == 1
        assert "No source has it" in vain.output
        assert "--source looks in another registry" in vain.output, "the way out"
        typo = repair(server, "--cause", str(layer("typo").digest), "--apply", name="")
        assert (typo.code, typo.output) == (2, "")
        assert "no audited tag references it" in typo.errors

        done = repair(server, *words, "--apply", "--output", "json", name="")

        assert done.code == 0, done.output + done.errors
        (entry,) = json.loads(done.output)["registries"]
        assert [each["way"] for each in entry["steps"]] == ["upload", "mount", "mount"]
        assert entry["upload_bytes"] == len(shared.body)
        assert [each["after"] for each in entry["tags"]] == ["present"] * 500
        assert pulls(server, "")
        assert before.items() <= files(server).items()
        log = (tmp_path / "registry" / "registry.log").read_text()
        put = r'"PUT /v2/\S+/blobs/uploads/\S+ HTTP/1.1" 201'
        assert len(re.findall(put, log)) == 1


def test_what_another_repository_still_has_is_read_and_mounted(tmp_path: Path) -> None:
    made = APP.children[0]
    with registry(tmp_path / "registry", Settings(cache=False)) as server:
        server.push(NAME, made, "v1")
        server.push("other/app", made, "v1")
        for blob in made.blobs:
            tree.layer_link(server.root, NAME, blob.digest).unlink()

        done = run("repair", server.host, *QUICK, "--apply", "--output", "json")

        (entry,) = json.loads(done.output)["registries"]
        assert done.code == 0, done.output + done.errors
        assert {each["way"] for each in entry["steps"]} == {"mount"}
        assert {each["source"] for each in entry["steps"]} == {f"{server.host}/other/app"}


def test_a_file_cut_short_is_no_success_until_it_is_moved_aside(tmp_path: Path) -> None:
    cut = APP.children[0].layers[0]
    layout.write(tmp_path / "layout", APP, "v1")
    words = ("--source", f"oci:{tmp_path / 'layout'}", "--apply")
    with registry(tmp_path / "registry") as server:
        server.push(NAME, APP, *(f"v{number}" for number in range(100)))
        warm(server)
        file = tree.data(server.root, cut.digest)
        file.write_bytes(cut.body[:100])

        failed = repair(server, *words)

        assert failed.code == 1
        assert "distribution overwrites no file" in failed.output
        (named,) = re.findall(r"blobs/sha256/\w+/\w+/data", failed.output)
        assert str(file).endswith(named)
        all_tags = repair(server, *words, name="").output
        assert named in all_tags
        assert "… and 90 more" in all_tags
        assert len(all_tags.splitlines()) < 25, "the reason stays on the screen"
        file.rename(tmp_path / "aside")
        assert repair(server, *words).code == 0
        assert pulls(server)


def test_corrupt_bytes_are_found_by_a_scrub_and_their_repair_is_proven_by_one(
    tmp_path: Path,
) -> None:
    wrong = APP.children[0].layers[0]
    layout.write(tmp_path / "layout", APP, "v1")
    words = ("--source", f"oci:{tmp_path / 'layout'}", "--apply")
    with registry(tmp_path / "registry") as server:
        server.push(NAME, APP, "v1")
        file = tree.data(server.root, wrong.digest)
        file.write_bytes(b"?" + wrong.body[1:])

        assert "nothing to repair" in repair(server, *words).output
        assert repair(server, "--scrub", *words).code == 1
        file.rename(tmp_path / "aside")

        assert repair(server, "--scrub", *words).code == 0


@pytest.mark.parametrize("secure", [True, False])
def test_a_login_is_for_its_registry_and_for_no_source(
    tmp_path: Path, authority: Authority, tokens: Tokens, *, secure: bool
) -> None:
    """Behind TLS and Basic authentication, and behind a token server."""
    store, asked, lost = Store(), list[Asked](), APP.children[1].layers[0]
    store.push(APP, "v1")

    def listening(request: Asked) -> Answer:
        asked.append(request)
        return store(request)

    given = Settings(authority=authority, basic=True) if secure else Settings(tokens=tokens)
    with registry(tmp_path / "registry", given) as server, serving(listening) as url:
        server.push(NAME, APP, "v1")
        server.collect("--delete-untagged")
        trust = ("--ca-file", str(authority.certificate)) if secure else ("--plain-http",)
        login = ("--username", USER, "--password-stdin", "--confirm-after", "0s")
        words = ("repair", f"{server.host}/{NAME}:v1", *trust, *login)
        words += ("--source", f"{url}/app:v1", "--apply")

        done = run(*words, typed=PASSWORD)

        assert done.code == 0, done.output + done.errors
        assert asked
        assert not any("Authorization" in each.headers for each in asked)
        tree.data(server.root, lost.digest).unlink()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {}}))
        nobody = ("--push-docker-config", str(tmp_path / "config.json"))
        told = run(*words, *nobody, typed=PASSWORD)
        assert (told.code, told.output.count("FAILED")) == (1, 1), told.output + told.errors


def test_on_s3_it_works_too(tmp_path: Path) -> None:
    layout.write(tmp_path / "layout", APP, "v1")
    with (
        bucket(tmp_path / "s3") as store,
        registry(tmp_path / "registry", Settings(bucket=store.driver)) as server,
    ):
        server.push(NAME, APP, "v1")
        for lost in (APP.children[0].layers[0], APP.children[1]):
            tree.data(store.root, lost.digest).unlink()

        done = repair(server, "--source", f"oci:{tmp_path / 'layout'}", "--apply")

        assert done.code == 0, done.output + done.errors
        assert pulls(server)


def test_killed_in_the_middle_and_repeated_it_ends_the_same(tmp_path: Path) -> None:
    large = layer("large", 24 << 20)
    made = index(image("large", layers=(large, layer("small"))), image("x", "linux/arm64"))
    layout.write(tmp_path / "layout", made, "v1")
    with registry(tmp_path / "registry") as server:
        server.push(NAME, made, "v1")
        tree.data(server.root, large.digest).unlink()
        server.collect("--delete-untagged")
        words = ["--source", f"oci:{tmp_path / 'layout'}", "--apply"]
        command = [sys.executable, "-m", "exporter", "repair", f"{server.host}/{NAME}:v1"]
        began = subprocess.Popen([*command, *QUICK, *words], stdout=subprocess.DEVNULL)
        uploads = tree.home(server.root, NAME) / "_uploads"
        until(lambda: began.poll() is not None or any(uploads.glob("*")), "an upload begins")
        began.send_signal(signal.SIGKILL)
        began.wait(PATIENCE)

        done = repair(server, *words)

        assert done.code == 0, done.output + done.errors
        assert pulls(server)
        assert [*tags(server)] == ["v1"]


def test_keep_tags_are_added_only_where_they_are_asked_for(tmp_path: Path) -> None:
    layout.write(tmp_path / "layout", APP, "v1")
    words = ("--source", f"oci:{tmp_path / 'layout'}", "--apply")
    with registry(tmp_path / "registry") as server:
        server.push(NAME, APP, "v1")
        server.collect("--delete-untagged")

        done = repair(server, *words, "--keep-tags")

        assert done.code == 0, done.output + done.errors
        assert {*tags(server)} == {"v1", *(f"keep-{c.digest.encoded[:12]}" for c in APP.children)}
        server.collect("--delete-untagged")
        assert pulls(server)


def test_a_source_that_lies_is_refused_in_one_line_and_nothing_is_uploaded(tmp_path: Path) -> None:
    lost = APP.children[0].layers[0]
    layout.write(tmp_path / "layout", APP, "v1")
    (tmp_path / "layout/blobs/sha256" / lost.digest.encoded).write_bytes(b"x" * len(lost.body))
    (tmp_path / "cut.tar").write_bytes(b"x" * 700)
    with registry(tmp_path / "registry") as server:
        server.push(NAME, APP, "v1")
        tree.data(server.root, lost.digest).unlink()
        before = files(server)

        told = repair(server, "--source", f"oci:{tmp_path / 'layout'}", "--apply")
        broken = repair(server, "--source", f"oci-archive:{tmp_path / 'cut.tar'}", "--apply")

        assert told.code == 1
        assert f"{lost.digest.short}: hashes to sha256:" in told.output
        assert "No source has it" in told.output
        assert (broken.code, broken.errors.count("\n")) == (2, 1)
        assert files(server) == before


def test_what_skopeo_writes_is_a_source(tmp_path: Path) -> None:
    made = image("one")
    layout.write(tmp_path / "layout", made, "v1")
    command = [program("skopeo"), "copy", "--preserve-digests", f"oci:{tmp_path / 'layout'}:v1"]
    written = f"oci-archive:{tmp_path / 'image.tar'}"
    into = f"{written}:team/app:v1"
    subprocess.run([*command, into], check=True, capture_output=True, timeout=PATIENCE)
    with registry(tmp_path / "registry") as server:
        server.push(NAME, made, "v1")
        tree.data(server.root, made.layers[0].digest).unlink()

        assert repair(server, "--source", written, "--apply").code == 0
