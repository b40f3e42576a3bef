"""Do protect's tags carry an image through a real collection, and does diff tell with and without?

Debian's registry 2.8, `garbage-collect --delete-untagged` under the running server; then 3.1.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.parts import layout
from tests.parts.needs import program
from tests.parts.process import PATIENCE
from tests.parts.product import Told, run
from tests.parts.registry import Registry, Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.worlds import attestation, image, index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.tokens import Tokens

pytestmark = pytest.mark.real

AMD64, ARM64 = image("app", "linux/amd64"), image("app", "linux/arm64")
APP = index(AMD64, ARM64, attestation(AMD64))
QUICK = ("--plain-http", "--confirm-after", "0s")
SWEEP = "--delete-untagged"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Registry]:
    with registry(tmp_path / "registry") as running:
        push(tmp_path, running)
        yield running


def push(folder: Path, server: Registry, *options: str) -> None:
    layout.write(folder / "layout", APP, "v1")
    where = f"{server.host}/team/app:v1"
    layout.skopeo_push(folder / "layout", "v1", where, "--dest-tls-verify=false", *options)


def keep(folder: Path, server: Registry, name: str) -> str:
    """Keep a snapshot of the whole registry."""
    path = str(folder / name)
    told = run("snapshot", path, server.host, *QUICK)
    assert told.code == 0, told.output + told.errors
    return path


def protect(server: Registry, *words: str, subject: str = "/team/app:v1", typed: str = "") -> Told:
    return run("protect", f"{server.host}{subject}", *QUICK, *words, typed=typed)


def pull(folder: Path, server: Registry) -> subprocess.CompletedProcess[str]:
    """Pull every platform into a folder."""
    source = f"docker://{server.host}/team/app:v1"
    options = ["--all", "--src-tls-verify=false", "--preserve-digests"]
    command = [program("skopeo"), "copy", *options, source, f"dir:{folder / 'pulled'}"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)


def test_scenario_25_after_protect_a_real_collection_breaks_nothing(
    server: Registry, tmp_path: Path
) -> None:
    plan = protect(server)
    assert plan.code == 1
    for child in APP.children:
        name = f"keep-{child.digest.encoded[:12]}"
        by_hand = f"crane tag {server.host}/team/app@{child.digest} {name}"
        assert by_hand in plan.output
    assert "cannot delete a tag alone" in plan.output
    assert "a retention policy that keeps the newest N" in " ".join(plan.output.split())

    applied = protect(server, "--apply")
    assert applied.code == 0, applied.output + applied.errors
    server.push("team/app", image("another build", "linux/arm64"), "latest-arm64")
    assert protect(server).code == 0, "digest-derived names are nobody else's to move"
    before = keep(tmp_path, server, "before")
    server.collect(SWEEP)
    after = keep(tmp_path, server, "after")

    done = pull(tmp_path, server)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pulled" / "manifest.json").read_bytes() == APP.body
    with server.client("team/app") as client:
        assert client.get("manifests", "v1").content == APP.body
        for child in APP.children:
            assert client.get("manifests", child.digest).content == child.body
    told = run("diff", before, after)
    assert (told.code, "Nothing broke." in told.output) == (0, True), told.output


def test_without_it_diff_proves_the_collateral_damage(server: Registry, tmp_path: Path) -> None:
    before = keep(tmp_path, server, "before")
    server.collect(SWEEP)
    after = keep(tmp_path, server, "after")

    told = run("diff", before, after, "--output", "json")

    assert pull(tmp_path, server).returncode != 0
    said = json.loads(told.output)
    assert (told.code, said["outcome"]) == (1, "collateral")
    (shift,) = said["shifts"]
    assert (shift["kind"], shift["tag"]) == ("broken", "v1")
    assert {child["digest"] for child in shift["children"]} == {str(c.digest) for c in APP.children}
    assert run("diff", before, after, "--output", "markdown").output.count("collateral") == 1


def test_a_child_that_a_deletion_took_along_is_told_apart_from_the_tag(tmp_path: Path) -> None:
    """Scenario 21: v1 and v2 share a child; a tool deletes v1 and every child of it."""
    other = index(AMD64, image("other", "linux/arm64"))
    with registry(tmp_path / "registry") as server, server.client("team/app") as client:
        client.push(APP, "v1")
        client.push(other, "v2")
        before = keep(tmp_path, server, "before")
        for made in (APP, *APP.children):
            client.delete(made.digest)
        after = keep(tmp_path, server, "after")

    told = run("diff", before, after, "--output", "json")

    shifts = {shift["tag"]: shift for shift in json.loads(told.output)["shifts"]}
    assert told.code == 1
    assert {tag: shift["kind"] for tag, shift in shifts.items()} == {
        "v1": "gone",
        "v2": "broken",
    }
    assert [child["digest"] for child in shifts["v2"]["children"]] == [str(AMD64.digest)]


def test_a_whole_registry_protects_latest_and_with_all_every_tag(tmp_path: Path) -> None:
    with registry(tmp_path / "registry") as server, server.client("team/app") as client:
        client.push(APP, "v1")
        assert protect(server, subject="").code == 0
        assert protect(server, "--all", subject="").code == 1
        client.put(APP, "latest").raise_for_status()

        assert protect(server, "--apply", subject="").code == 0

        assert protect(server, "--all", subject="").code == 0


def test_a_login_is_used_to_read_and_to_set(tmp_path: Path) -> None:
    with registry(tmp_path / "registry", Settings(basic=True)) as server:
        push(tmp_path, server, f"--dest-creds={USER}:{PASSWORD}")
        login = ("--username", USER, "--password-stdin")

        assert protect(server, "--apply", *login, typed=PASSWORD).code == 0


def test_a_token_is_fetched_that_grants_the_push(tmp_path: Path, tokens: Tokens) -> None:
    with registry(tmp_path / "registry", Settings(tokens=tokens)) as server:
        with server.client("team/app") as client:
            client.push(APP, "v1")
        login = ("--username", USER, "--password-stdin")

        told = protect(server, "--apply", *login, typed=PASSWORD)

        assert told.code == 0, told.output + told.errors
        assert protect(server, *login, typed=PASSWORD).code == 0


def test_on_distribution_3_only_a_pin_that_no_tag_references_needs_a_keep_tag(
    tmp_path: Path,
) -> None:
    pinned = image("pinned")
    with registry(tmp_path / "registry", Settings(version=3)) as server:
        push(tmp_path, server)
        server.push("team/app", pinned)

        assert protect(server).code == 0
        bare = f"/team/app@{pinned.digest}"
        assert protect(server, subject=bare).code == 1
        assert protect(server, "--apply", subject=bare).code == 0
        server.collect(SWEEP)

        assert pull(tmp_path, server).returncode == 0
        with server.client("team/app") as client:
            assert client.head("manifests", pinned.digest).is_success


def test_explain_answers_the_incidents_three_questions(server: Registry, tmp_path: Path) -> None:
    with server.client("team/app") as client:
        client.put(AMD64, "0_build").raise_for_status()
    live = tmp_path / "live.txt"
    live.write_text(f"{server.host}/team/app:v1\n")
    build = f"{server.host}/team/app:0_build"

    told = run("explain", build, *QUICK, "--refs", str(live), "--output", "json")
    alone = run("explain", build, *QUICK, "--output", "json")
    kept = keep(tmp_path, server, "kept")
    layer = run("explain", str(AMD64.blobs[1].digest), "--from", kept, "--output", "markdown")

    (said,) = json.loads(told.output)["explained"]
    assert told.code == 0, told.errors
    assert (said["latest"], said["used"], said["sole_protector"]) == ("no", "yes", "yes")
    assert said["protected_by"] == ["0_build"]
    (v1,) = (each for each in said["dependents"] if each["tag"] == "v1")
    assert (v1["straight"], v1["platforms"]) == (False, ["linux/amd64"])
    assert json.loads(alone.output)["explained"][0]["used"] == "unknown"
    assert layer.code == 0
    assert "team/app:v1" in layer.output
