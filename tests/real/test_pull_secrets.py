"""Is a namespace with a dead pull secret seen, on a real API server and a registry that asks?"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.parts.product import run
from tests.parts.registry import Registry, Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.parts.workloads import RBAC, SHIPPED, Site
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real

ALLOWED: Final = (*SHIPPED, *RBAC["pullSecrets"])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Registry]:
    with registry(tmp_path / "registry", Settings(basic=True)) as server:
        for repository in ("shop/web", "shop/api", "shop/job"):
            server.push(repository, two_platforms(repository), "v1")
        yield server


@pytest.fixture
def shop(cluster: Kubernetes, guarded: Registry) -> Site:
    """Two Deployments and a Job: a right secret, a wrong one of their account, and none."""
    site = Site(cluster, cluster.namespace(), guarded.host)
    site.node("x1", "amd64")
    secret(site, "right", PASSWORD)
    secret(site, "expired", "the one before")
    site.controller("Deployment", "web", "shop/web:v1", pod=pulls("gone", "expired", "right"))
    account = {"imagePullSecrets": [{"name": "expired"}]}
    site.make("v1", "ServiceAccount", "robot", None, **account)
    site.controller("Deployment", "api", "shop/api:v1", pod={"serviceAccountName": "robot"})
    site.job("job", "shop/job:v1")
    return site


def pulls(*names: str) -> dict[str, Any]:
    return {"imagePullSecrets": [{"name": name} for name in names]}


def secret(site: Site, name: str, password: str) -> None:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    document = json.dumps({"auths": {site.registry: {"auth": auth}}}).encode()
    data = {".dockerconfigjson": base64.b64encode(document).decode()}
    site.make("v1", "Secret", name, None, type="kubernetes.io/dockerconfigjson", data=data)


def told(site: Site, guarded: Registry, folder: Path, *rules: dict[str, Any]) -> dict[str, Any]:
    """What a check says with the exporter's own password, by an account with these rights."""
    config = folder / "pullproof.yml"
    kubeconfig = site.api.kubeconfig(folder / "kubeconfig", site.account("pullproof", *rules))
    own = {"url": guarded.url, "plain_http": True, "username": USER, "password_env": "OWN"}
    reached = {"name": "prod", "kubeconfig": str(kubeconfig), "pull_secrets": True}
    config.write_text(json.dumps({"registries": [own], "clusters": [reached]}))
    said = run("check", "--config", str(config), "--output", "json", variables={"OWN": PASSWORD})
    assert PASSWORD not in said.output + said.errors
    document: dict[str, Any] = json.loads(said.output)
    return document


def refused(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = [each for each in document["findings"] if each["check"] == "refused-login"]
    return [(each["repository"], each["severity"], each["detail"]) for each in found]


def test_a_namespace_with_a_dead_pull_secret_is_seen_and_the_others_are_left_in_peace(
    shop: Site, guarded: Registry, tmp_path: Path
) -> None:
    document = told(shop, guarded, tmp_path, *ALLOWED)

    dead = f"prod {shop.namespace}: expired: the login is refused"
    assert refused(document) == [("shop/api", "warning", dead)]
    assert document["gaps"] == []


def test_without_the_right_to_read_secrets_nothing_is_said_of_them(
    shop: Site, guarded: Registry, tmp_path: Path
) -> None:
    document = told(shop, guarded, tmp_path, *SHIPPED, RBAC["pullSecrets"][0])

    assert refused(document) == []
    seen = {gap["subject"] for gap in document["gaps"]}
    assert seen == {f"prod: secrets in {shop.namespace}"}
    assert {gap["reason"] for gap in document["gaps"]} == {"denied"}
