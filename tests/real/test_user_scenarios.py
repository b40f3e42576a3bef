"""Do the stories that users tell come out right, on real registries? Numbered as they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import worlds
from tests.parts import tree
from tests.parts.certificates import authority as new_authority
from tests.parts.front import front
from tests.parts.http import Answer, Asked
from tests.parts.process import until
from tests.parts.product import Told, ask, check
from tests.parts.registry import Settings, registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.certificates import Authority
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

APP, V1 = "team/app", "team/app:v1"
SWEEP = "--delete-untagged"
AMD64, ARM64 = worlds.image("app"), worlds.image("app", "linux/arm64")
NOTE = worlds.attestation(AMD64)
ATTESTED = worlds.index(AMD64, ARM64, NOTE)


def configured(url: str, folder: Path, *references: dict[str, Any], **keys: Any) -> Told:
    """Ask for all tags, with more said of the registry than words can say."""
    entry = {"url": url, "plain_http": True, "tags": {"select": ["*"]}, **keys}
    config = folder / "pullproof.yml"
    config.write_text(json.dumps({"registries": [entry], "references": references}))
    return check("--config", str(config))


def test_scenario_01_an_attestation_that_is_swept_too_weighs_less(tmp_path: Path) -> None:
    with registry(tmp_path) as server:
        server.push(APP, ATTESTED, "v1")
        server.collect(SWEEP)

        told = ask(server, V1)

    assert told.code == 1
    assert told.said.state(V1) == "broken"
    found = {each["digest"]: each["severity"] for each in told.said.found("missing-child")}
    critical = dict.fromkeys((AMD64.digest, ARM64.digest), "critical")
    assert found == critical | {NOTE.digest: "info"}


def test_scenario_04_an_empty_200_is_broken_and_passes_only_where_headers_are_believed(
    tmp_path: Path,
) -> None:
    with registry(tmp_path) as server:
        server.push(APP, AMD64, "v1")
        gone = AMD64.layers[0]
        tree.data(server.root, gone.digest).unlink()
        with server.client(APP) as client:
            assert client.head("blobs", gone.digest).headers["Content-Length"] == "601"
            assert client.bytes_of(gone) == (200, 0)

        told, believed = ask(server, V1), ask(server, V1, "--head-only")

    (child,) = told.said.tag(V1)["children"]
    assert (told.code, child["state"]) == (1, "broken")
    (lack,) = child["lacks"]
    assert (lack["digest"], lack["detail"]) == (gone.digest, "0 of 601 bytes")
    (child,) = believed.said.tag(V1)["children"]
    assert (believed.code, child["state"], child["proof"]) == (0, "present", "head")


def stale(server: Registry, *, denials: int) -> Told:
    """Ask behind a cache that still resolves the tag of a manifest that is (or seems) gone."""
    left = [AMD64.digest] * denials

    def spoil(asked: Asked) -> Answer | None:
        if asked.target.endswith("/manifests/v1"):
            headers = {"Docker-Content-Digest": AMD64.digest, "Content-Type": AMD64.media_type}
            return Answer(200, AMD64.body, headers)
        if asked.target.endswith(AMD64.digest) and left:
            body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"","detail":null}]}'
            left.pop()
            return Answer(404, body, {"Content-Type": "application/json"})
        return None

    with front(server, spoil) as before:
        return check(f"{before.host}/{V1}", "--plain-http")


def test_scenario_06_a_tag_that_only_a_cache_resolves_is_missing(tmp_path: Path) -> None:
    with registry(tmp_path) as server:
        server.push(APP, AMD64, "v1")
        flapping = stale(server, denials=1)
        with server.client(APP) as client:
            client.delete(AMD64.digest)

        told = stale(server, denials=0)

    assert flapping.code == 0
    entry = told.said.tag(V1)
    assert (told.code, entry["state"], entry["digest"]) == (1, "missing", AMD64.digest)
    (child,) = entry["children"]
    assert (child["digest"], child["state"], child["required"]) == (AMD64.digest, "missing", True)


@pytest.mark.parametrize("version", [2, 3])
def test_scenario_08_a_lost_attestation_breaks_no_pull(tmp_path: Path, version: int) -> None:
    with registry(tmp_path, Settings(version=version)) as server:
        server.push(APP, ATTESTED, "v1")
        with server.client(APP) as client:
            client.delete(NOTE.digest)

        told = ask(server, V1)

    assert (told.code, told.said.state(V1)) == (0, "present")
    (finding,) = told.said.found("missing-child")
    assert (finding["digest"], finding["severity"]) == (NOTE.digest, "info")


def test_scenario_14_a_company_authority_is_added_to_the_system_s(
    tmp_path: Path, authority: Authority
) -> None:
    public = new_authority(tmp_path / "public")
    system = {"SSL_CERT_FILE": str(public.certificate)}
    with (
        registry(tmp_path / "ours", Settings(authority=authority)) as ours,
        registry(tmp_path / "theirs", Settings(authority=public)) as theirs,
    ):
        for server in (ours, theirs):
            server.push(APP, AMD64, "v1")
        names = tuple(f"{server.host}/{V1}" for server in (ours, theirs))

        both = check(*names, "--ca-file", str(authority.certificate), variables=system)
        without = check(*names, variables=system)

    assert (both.code, without.code) == (0, 3)
    reasons = {each["registry"]: each["reason"] for each in without.said.document["gaps"]}
    assert reasons == {ours.host: "tls"}


def test_scenario_15_a_pull_through_cache_is_partial_and_is_left_so(tmp_path: Path) -> None:
    with registry(tmp_path / "origin") as origin, front(origin) as upstream:
        origin.push(APP, ATTESTED, "v1")
        mirror = Settings(mirror_of=upstream.url)
        with registry(tmp_path / "mirror", mirror) as server:
            with server.client(APP) as client:
                client.get("manifests", "v1").raise_for_status()
                client.get("manifests", AMD64.digest).raise_for_status()
                assert all(client.bytes_of(blob)[0] == 200 for blob in AMD64.blobs)
            links = [tree.layer_link(server.root, APP, blob.digest) for blob in AMD64.blobs]
            until(lambda: all(link.exists() for link in links), "what was pulled is kept")
            kept = files(server)
            upstream.asked.clear()

            with front(server) as before:
                told = configured(before.url, tmp_path, role="proxy")

            assert files(server) == kept
            assert {each.target for each in before.asked} == {"/v2/"}
            assert not upstream.asked

    assert told.code == 0
    assert not told.said.document["findings"]
    assert not told.said.document["tags"]


def files(server: Registry) -> set[Path]:
    """What a registry keeps."""
    found = (*server.root.rglob("link"), *server.root.rglob("data"))
    return {path for path in found if "_uploads" not in path.parts}


def test_scenario_16_what_a_sparse_mirror_leaves_out_is_no_loss(tmp_path: Path) -> None:
    sparse = {"role": "sparse", "platforms": ["linux/amd64"]}
    with registry(tmp_path) as server, server.client(APP) as client:
        client.push(ATTESTED, "v1")
        client.delete(ARM64.digest)
        whole = configured(server.url, tmp_path, **sparse)
        wanted = {"images": [f"{server.host}/{V1}"], "platforms": ["linux/arm64"]}
        left_out = configured(server.url, tmp_path, wanted, **sparse)
        client.delete(AMD64.digest)

        lost = configured(server.url, tmp_path, **sparse)

    assert (whole.code, whole.said.state(V1)) == (0, "present")
    (warning,) = left_out.said.found("missing-platform")
    assert (warning["platform"], warning["severity"]) == ("linux/arm64", "warning")
    assert not left_out.said.found("missing-child")
    assert (lost.code, lost.said.state(V1)) == (1, "broken")
    (finding,) = lost.said.found("missing-child")
    assert finding["digest"] == AMD64.digest


def test_scenario_17_a_build_cache_is_walked_as_blobs(tmp_path: Path) -> None:
    cache = worlds.build_cache("cache")
    with registry(tmp_path, Settings(cache=False)) as server:
        server.push(APP, cache, "v1")
        whole = ask(server, V1)
        tree.data(server.root, cache.blobs[1].digest).unlink()

        swept = ask(server, V1)

    assert whole.code == 0
    assert set(whole.said.states(V1).values()) == {"present"}
    assert (swept.code, swept.said.state(V1)) == (0, "present")
    (finding,) = swept.said.found("missing-child")
    assert (finding["digest"], finding["severity"]) == (cache.blobs[1].digest, "info")


ODD = {
    "windows": worlds.windows("windows"),
    "chart": worlds.chart("chart"),
    "inline": worlds.inline("inline"),
    "attested": ATTESTED,
    "referrer": worlds.referrer(AMD64),
    "docker": worlds.two_platforms("docker", docker=True),
}


@pytest.mark.parametrize("version", [2, 3])
def test_scenario_18_foreign_layers_and_artifacts_are_sound(tmp_path: Path, version: int) -> None:
    with registry(tmp_path, Settings(version=version)) as server:
        for tag, made in ODD.items():
            server.push(APP, made, tag)

        told = check(server.host, "--plain-http")

    assert (told.code, told.said.document["gaps"]) == (0, [])
    states = {each["tag"]: each["state"] for each in told.said.document["tags"]}
    assert states == dict.fromkeys(ODD, "present")
    assert not [each for each in told.said.document["findings"] if each["severity"] == "critical"]


def test_scenario_19_a_nested_index_that_is_gone_counts_once(tmp_path: Path) -> None:
    inner = worlds.index(AMD64, ARM64)
    outer = worlds.index(inner, worlds.image("beside", "linux/s390x"))
    with registry(tmp_path) as server, server.client(APP) as client:
        client.push(outer, "v1")
        whole = ask(server, V1)
        client.delete(inner.digest)

        told = ask(server, V1)

    assert whole.code == 0
    assert set(whole.said.states(V1)) == {"linux/amd64", "linux/arm64", "linux/s390x"}
    assert told.code == 1
    assert told.said.states(V1) == {inner.digest: "missing", "linux/s390x": "present"}
    (finding,) = told.said.found("missing-child")
    assert finding["digest"] == inner.digest


def test_scenario_20_a_swept_signature_is_told_and_breaks_no_pull(tmp_path: Path) -> None:
    signed = worlds.referrer(AMD64, "signature")
    fallback = worlds.fallback_tag(AMD64)
    with registry(tmp_path) as server:
        server.push(APP, AMD64, "v1")
        server.push(APP, worlds.index(signed), fallback)
        server.collect(SWEEP)

        told = check(server.host, "--plain-http")

    assert told.code == 0
    assert told.said.state(V1) == "present"
    (finding,) = told.said.found("missing-child")
    assert (finding["tag"], finding["digest"]) == (fallback, signed.digest)
    assert finding["severity"] == "info"


def test_scenario_22_a_tag_that_is_pushed_anew_meanwhile_has_lost_nothing(tmp_path: Path) -> None:
    newer = worlds.two_platforms("newer")
    moved: list[Asked] = []

    def release(asked: Asked) -> None:
        """While the old image is looked at, push the new one, and sweep the old."""
        if asked.target.endswith(ATTESTED.digest) and not moved:
            moved.append(asked)
            with server.client(APP) as client:
                client.push(newer, "v1")
                for n, child in enumerate(newer.children):
                    client.put(child, f"keep-{n}").raise_for_status()
            server.collect(SWEEP)

    with registry(tmp_path) as server:
        server.push(APP, ATTESTED, "v1")
        with front(server, release) as before:
            during = check(f"{before.host}/{V1}", "--plain-http")
            after = check(f"{before.host}/{V1}", "--plain-http")

    assert moved
    assert (during.code, during.said.state(V1)) == (0, "present")
    assert during.said.tag(V1)["digest"] == newer.digest
    assert not during.said.found("missing-child")
    entry = after.said.tag(V1)
    assert (after.code, entry["state"], entry["digest"]) == (0, "present", newer.digest)
