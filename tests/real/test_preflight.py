"""Is a real collection foretold, to the file and to the line, before anybody runs it?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts import layout
from tests.parts.product import check, run
from tests.parts.registry import Settings, registry
from tests.sources.storage.bucket import URL, bucket
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.product import Told
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

VERSIONS = pytest.mark.parametrize("version", [2, 3])
APP = two_platforms("app")
SWEEP = "--delete-untagged"


@pytest.fixture
def incident(tmp_path: Path) -> Iterator[Registry]:
    """A two-platform image in use, and an image that a push left without its tag."""
    with registry(tmp_path / "registry") as server:
        layout.write(tmp_path / "layout", APP, "v1")
        where = f"{server.host}/team/app:v1"
        layout.skopeo_push(tmp_path / "layout", "v1", where, "--dest-tls-verify=false")
        with server.client("team/app") as client:
            client.push(image("old"), "moved")
            client.push(image("new"), "moved")
        live = tmp_path / "live.txt"
        live.write_text(f"{where}\n")
        yield server


def preflight(server: Registry, *words: str, collector: str = "distribution-2") -> Told:
    return run("preflight", "--storage", str(server.root), "--gc", collector, *words)


def said(told: Told) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(told.output)
    return document


def files(server: Registry) -> set[str]:
    tree = server.root / "docker" / "registry" / "v2"
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def test_before_it_happens_both_children_of_the_live_image_are_named(
    incident: Registry, tmp_path: Path
) -> None:
    refs = ("--refs", str(tmp_path / "live.txt"), "--registry", incident.host)
    told = preflight(incident, SWEEP, *refs, "--output", "json")

    answer = said(told)
    assert (told.code, answer["verdict"]) == (1, "UNSAFE")
    (hurt,) = answer["victims"]
    assert (hurt["repository"], hurt["tag"], hurt["class"]) == ("team/app", "v1", "live")
    assert hurt["owners"] == [f"{tmp_path / 'live.txt'}:1"]
    assert {(each["platform"], each["digest"]) for each in hurt["broken"]} == {
        (child.platform, child.digest) for child in APP.children
    }
    for broken, child in zip(
        sorted(hurt["broken"], key=lambda each: each["platform"]),
        sorted(APP.children, key=lambda each: str(each.platform)),
        strict=True,
    ):
        lost = {(each["digest"], each["kind"], each["gone"]) for each in broken["lost"]}
        assert lost == {
            (child.digest, "manifest", False),
            (child.config.digest, "config", True),
            *((layer.digest, "layer", True) for layer in child.layers),
        }
        assert broken["size"] == sum(len(blob.body) for blob in child.blobs)


def test_the_same_storage_is_safe_from_distribution_3(incident: Registry, tmp_path: Path) -> None:
    refs = ("--refs", str(tmp_path / "live.txt"))
    told = preflight(incident, SWEEP, *refs, collector="distribution-3")

    assert told.code == 0
    assert told.output.startswith("SAFE: ")


def test_references_that_cannot_be_read_leave_it_incomplete(
    incident: Registry, tmp_path: Path
) -> None:
    refs = ("--refs", str(tmp_path / "unreachable.txt"))
    told = preflight(incident, SWEEP, *refs, collector="distribution-3")

    assert told.code == 3
    assert told.output.startswith("INCOMPLETE: ")
    assert "unreachable.txt: unreadable" in told.output


@pytest.mark.parametrize("flags", [(), (SWEEP,)])
@VERSIONS
def test_a_real_collection_removes_what_was_foretold(
    tmp_path: Path, version: int, flags: tuple[str, ...]
) -> None:
    with registry(tmp_path / "registry", Settings(version=version)) as server:
        with server.client("team/app") as client:
            client.push(APP, "v1")
            client.push(image("old"), "moved")
            client.push(image("new"), "moved")
            client.delete(APP.children[0].digest)
        collector = f"distribution-{version}"
        told = preflight(server, *flags, "--output", "removed", collector=collector)
        before = files(server)
        server.collect(*flags)

        assert told.output.splitlines() == sorted(before - files(server))


def test_a_real_dry_run_is_judged_as_the_collection_itself(incident: Registry) -> None:
    dry_run = incident.collect("--dry-run", SWEEP)

    words = ("preflight", "--storage", str(incident.root), "--output", "json")
    of_plan = said(run(*words, "--plan", "-", typed=dry_run))
    of_collection = said(run(*words, "--gc", "distribution-2", SWEEP))

    assert of_plan["victims"] == of_collection["victims"] != []
    assert of_plan["would_go"] == of_collection["would_go"]
    assert of_plan["gaps"] == []


def test_after_it_happened_nothing_is_left_to_break(incident: Registry) -> None:
    """ "0 eligible" of a second collection says nothing about health: `check` does."""
    incident.collect(SWEEP)

    told = preflight(incident, SWEEP)

    assert told.code == 0
    assert check(f"{incident.host}/team/app:v1", "--plain-http").code == 1


def test_a_kept_snapshot_tells_what_distribution_2_takes(
    incident: Registry, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.snapshot"
    asked = ("--plain-http", "--confirm-after", "0s", "--save", str(kept))
    assert run("check", f"{incident.host}", *asked).code == 0
    words = ("preflight", "--from", str(kept), "--output", "json", "--gc")

    unsafe = run(*words, "distribution-2", SWEEP)
    plain = run(*words, "distribution-2")
    unproven = run(*words, "distribution-3", SWEEP)

    assert (unsafe.code, plain.code, unproven.code) == (1, 0, 3)
    (hurt,) = said(unsafe)["victims"]
    assert {each["platform"] for each in hurt["broken"]} == {"linux/amd64", "linux/arm64"}
    assert "--storage" in said(unproven)["gaps"][0]["detail"]


@VERSIONS
def test_a_deletion_by_digest_takes_the_tags_and_the_next_collection_the_rest(
    tmp_path: Path, version: int
) -> None:
    with registry(tmp_path / "registry", Settings(version=version)) as server:
        with server.client("team/app") as client:
            client.push(APP, "v1", "latest")
        collector = f"distribution-{version}"
        one = f"team/app:v1@{APP.digest}"
        told = preflight(server, SWEEP, "--delete", one, "--output", "json", collector=collector)
        removed = preflight(
            server, SWEEP, "--delete", one, "--output", "removed", collector=collector
        ).output.splitlines()
        with server.client("team/app") as client:
            client.delete(APP.digest)
        before = files(server)
        server.collect(SWEEP)

        (hurt,) = said(told)["victims"]
        assert (hurt["tag"], hurt["tag_gone"]) == ("latest", True)
        assert removed == sorted(before - files(server))


def test_a_registry_in_a_bucket_is_foretold_too(tmp_path: Path) -> None:
    with bucket(tmp_path) as kept:
        kept.push("team/app", APP, "v1")
        options = kept.options
        variables = {
            "AWS_ACCESS_KEY_ID": options["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": options["secret_access_key"],
        }
        where = ("--endpoint", options["endpoint"], "--region", options["region"])
        words = ("preflight", "--storage", URL, *where, "--gc", "distribution-2", SWEEP)
        told = run(*words, variables=variables)
        assert told.code == 1, told.errors
        assert "linux/arm64" in told.output
