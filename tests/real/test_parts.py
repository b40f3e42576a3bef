"""Are the tests' own parts true? Their content is taken by real registries, their doors hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from exporter.oci.digest import Digest
from exporter.oci.manifest import schema1_payload
from tests import worlds
from tests.parts import layout, monitoring, tree
from tests.parts.client import Client
from tests.parts.front import front
from tests.parts.http import RESET, Answer, Asked
from tests.parts.process import until
from tests.parts.registry import Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.schema1 import schema1

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.certificates import Authority
    from tests.parts.kubernetes import Kubernetes
    from tests.parts.tokens import Tokens

pytestmark = pytest.mark.real

APP = worlds.image("app")
EVERY_KIND = {
    "attested": worlds.index(APP, worlds.attestation(APP), worlds.image("app", "linux/arm/v7")),
    "docker": worlds.two_platforms("docker", docker=True),
    "nested": worlds.index(worlds.two_platforms("inner"), worlds.image("outer")),
    "buildcache": worlds.build_cache("cache"),
    "windows": worlds.windows("windows"),
    "inline": worlds.inline("inline"),
    "chart": worlds.chart("chart"),
    worlds.signature_tag(APP): worlds.signature(APP),
    "referrer": worlds.referrer(APP),
}


@pytest.mark.parametrize("version", [2, 3])
def test_every_kind_of_content_is_taken_and_served_unchanged(tmp_path: Path, version: int) -> None:
    with registry(tmp_path, Settings(version=version)) as server, server.client("a/b") as client:
        for tag, made in EVERY_KIND.items():
            client.push(made, tag)

        for tag, made in EVERY_KIND.items():
            answer = client.get("manifests", tag)
            assert answer.content == made.body
            assert answer.headers["Docker-Content-Digest"] == made.digest


def test_a_schema_1_manifest_is_taken_and_its_digest_covers_its_payload(tmp_path: Path) -> None:
    old = schema1("old", "a/b", "v1")
    with registry(tmp_path, Settings(schema1=True)) as server, server.client("a/b") as client:
        client.push(old, "v1")

        answer = client.get("manifests", "v1")

        assert answer.headers["Docker-Content-Digest"] == old.digest
        assert Digest.of(schema1_payload(answer.content)) == old.digest


@pytest.mark.parametrize("version", [2, 3])
def test_a_tree_written_to_disk_is_what_a_push_leaves(tmp_path: Path, version: int) -> None:
    made = worlds.two_platforms("app")
    tree.write(tmp_path / "written", "a/b", made, "v1")
    with registry(tmp_path, Settings(version=version)) as server, server.client("a/b") as client:
        client.push(made, "v1")

        assert files(server.root) == files(tmp_path / "written")


def files(root: Path) -> dict[Path, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and "_uploads" not in path.parts)
    return {path.relative_to(root): path.read_bytes() for path in found}


def test_skopeo_pushes_a_layout_through_tls_and_basic_authentication(
    tmp_path: Path, authority: Authority
) -> None:
    made = worlds.two_platforms("app")
    layout.write(tmp_path / "layout", made, "v1")
    settings = Settings(authority=authority, basic=True)
    with registry(tmp_path, settings) as server, server.client("team/app") as client:
        layout.skopeo_push(
            tmp_path / "layout",
            "v1",
            f"{server.host}/team/app:v1",
            f"--dest-creds={USER}:{PASSWORD}",
            f"--dest-cert-dir={authority.certificate.parent}",
        )

        assert client.get("manifests", "v1").content == made.body
        assert client.http.get("manifests/v1", headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("version", [2, 3])
def test_skopeo_is_sent_to_the_token_server(tmp_path: Path, tokens: Tokens, version: int) -> None:
    made = worlds.two_platforms("app")
    layout.write(tmp_path / "layout", made, "v1")
    settings = Settings(version=version, tokens=tokens)
    with registry(tmp_path, settings) as server, server.client("team/app") as client:
        where = f"{server.host}/team/app:v1"
        creds = (f"--dest-creds={USER}:{PASSWORD}", "--dest-tls-verify=false")
        layout.skopeo_push(tmp_path / "layout", "v1", where, *creds)

        assert tokens.asked
        assert client.get("manifests", "v1").content == made.body
        with server.client("team/other") as stranger:
            assert stranger.http.get("../app/manifests/v1").status_code == 401


def test_prometheus_pages_through_alertmanager(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: a, rules: [{alert: Down, expr: up == 0, for: 5m, labels: {of: x}}]}]"
    )
    with monitoring.pager() as pager:
        receiver = {"name": "page", "webhook_configs": [{"url": pager.url}]}
        config = {"route": {"receiver": "page", "group_wait": "0s"}, "receivers": [receiver]}
        scrape = {"static_configs": [{"targets": ["127.0.0.1:1"]}]}
        hurried = monitoring.impatient(rules, tmp_path / "impatient")
        with (
            monitoring.alertmanager(tmp_path / "alertmanager", config) as alertmanager,
            monitoring.prometheus(
                tmp_path / "prometheus", scrape, [hurried], alertmanager.address
            ) as prometheus,
        ):
            page = until(lambda: pager.pages, "a page")[0]

            assert page["alerts"][0]["labels"]["of"] == "x"
            assert prometheus.firing("Down")
            assert prometheus.query("up")[0]["value"][1] == "0"


def test_a_front_repeats_even_the_lies_of_a_registry(tmp_path: Path) -> None:
    app = worlds.two_platforms("app")
    with registry(tmp_path) as server, front(server) as before:
        with server.client("a/b") as client:
            client.push(app, "v1")
            client.bytes_of(app.children[0].layers[0])
            server.collect("--delete-untagged")
        with Client.to(before.url, "a/b", None, None) as client:
            layer = app.children[0].layers[0]

            assert client.get("manifests", "v1").content == app.body
            assert client.bytes_of(layer, last_only=True) == (206, 0)
            assert client.head("blobs", layer.digest).headers["Content-Length"] == "601"
            assert client.get("manifests", app.children[0].digest).status_code == 404
            assert before.count("GET", "/manifests/") == 2


def test_a_front_spoils_what_it_is_told(tmp_path: Path) -> None:
    app = worlds.image("app")
    told = {
        "reset": RESET,
        "short": Answer(200, b"half", announced=8),
        "busy": Answer(429, b"", {"Retry-After": "1"}),
    }

    def spoil(request: Asked) -> Answer | None:
        return told.get(request.target.rpartition("/")[2])

    with registry(tmp_path) as server, front(server, spoil) as before:
        with server.client("a/b") as client:
            client.push(app, "v1")
        with Client.to(before.url, "a/b", None, None) as client:
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                client.get("manifests", "reset")
            with pytest.raises(httpx.RemoteProtocolError):
                client.get("manifests", "short")
            assert client.get("manifests", "busy").headers["Retry-After"] == "1"
            assert client.get("manifests", "v1").content == app.body


def test_an_account_of_the_api_server_may_do_what_a_role_says_and_no_more(
    cluster: Kubernetes,
) -> None:
    namespace = cluster.namespace()
    robot = {"Authorization": f"Bearer {cluster.account(namespace, 'robot')}"}
    where = f"/api/v1/namespaces/{namespace}/pods"
    assert cluster.http.get(where, headers=robot).status_code == httpx.codes.FORBIDDEN

    cluster.grant(namespace, "robot", {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]})

    until(lambda: cluster.http.get(where, headers=robot).is_success, "the role is in force")
    elsewhere = cluster.http.get("/api/v1/pods", headers=robot)
    assert elsewhere.status_code == httpx.codes.FORBIDDEN


def test_what_a_test_made_in_the_api_server_is_gone_after_it(
    kubernetes_server: Kubernetes,
) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}
    kubernetes_server.create(node)

    kubernetes_server.forget()

    assert kubernetes_server.get("/api/v1/nodes")["items"] == []
