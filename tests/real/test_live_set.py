"""Does what a cluster said stand while it is away: through audits, a reload and a restart?

A real registry, a real API server behind a door that can be shut, and the exporter as a process.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts.front import before
from tests.parts.helm import DEFAULT, rendered
from tests.parts.http import RESET, Answer, Asked
from tests.parts.kubernetes import Kubernetes
from tests.parts.monitoring import Watch, watch
from tests.parts.process import until
from tests.parts.product import Exporter, Said, exporter, run
from tests.parts.registry import Registry, registry
from tests.parts.workloads import SHIPPED, Site
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.parts.certificates import Authority

pytestmark = pytest.mark.real

NO_LOGINS = {".dockerconfigjson": base64.b64encode(b'{"auths": {}}').decode()}
PROD, EDGE, BROKEN = two_platforms("prod"), two_platforms("edge"), two_platforms("broken")


@dataclass(frozen=True, slots=True)
class World:
    """A registry, and two clusters that want one image each: `prod` behind a door, and `edge`."""

    registry: Registry
    settings: dict[str, Any]
    kubeconfig: Path
    """Of somebody who may see everything; its context is `test`."""
    shut: list[bool]
    edge: Site

    @contextmanager
    def serving(self, folder: Path, **more: str) -> Iterator[Exporter]:
        with exporter(folder, self.settings | more) as serving:
            serving.ready()
            yield serving


@pytest.fixture
def world(cluster: Kubernetes, authority: Authority, tmp_path: Path) -> Iterator[World]:
    shut: list[bool] = []

    def door(_: Asked) -> Answer | None:
        return RESET if shut else None

    with (
        registry(tmp_path / "registry") as server,
        before(cluster.url, door, cluster.authority, authority.sign("front")) as front,
    ):
        server.push("shop/prod", PROD, "v1")
        server.push("shop/edge", EDGE, "v1")
        clusters = []
        for name, url in (("prod", front.url), ("edge", cluster.url)):
            site = Site(cluster, cluster.namespace(), server.host)
            site.controller("Deployment", "web", f"shop/{name}:v1")
            token = site.account("pullproof", *SHIPPED[:-1], everywhere=False)
            path = cluster.kubeconfig(tmp_path / name, token, url)
            known = {"kubeconfig": str(path), "namespaces": [site.namespace], "timeout": "5m"}
            clusters.append({"name": name, **known})
        registries = [{"url": server.url, "plain_http": True, "tags": {"select": ["*"]}}]
        ledger = str(tmp_path / "ledger.db")
        settings = {"registries": registries, "clusters": clusters, "ledger": ledger}
        yield World(server, settings, cluster.kubeconfig(tmp_path / "admin"), shut, site)


def live(said: Said) -> dict[str, str]:
    """The class of each tag."""
    return {name: said.tag(f"{name}:v1")["class"] for name in ("shop/prod", "shop/edge")}


BOTH = {"shop/prod": "live", "shop/edge": "live"}


def test_a_cluster_that_goes_away_keeps_its_images_live_and_the_other_ones_verdicts_stand(
    world: World, tmp_path: Path
) -> None:
    with world.serving(tmp_path / "exporter") as serving:
        assert live(serving.audited()) == BOTH

        world.shut.append(True)
        with world.registry.client("shop/edge") as client:
            client.delete(EDGE.children[0].digest)
        away = serving.audited()

        assert live(away) == BOTH
        assert away.state("shop/prod:v1") == "present"
        assert away.state("shop/edge:v1") == "broken"
        up = "pullproof_reference_source_up"
        assert (serving.value(up, source="prod"), serving.value(up, source="edge")) == (0, 1)
        assert serving.value("pullproof_reference_source_references", source="prod") == 1

        assert serving.post("/-/reload").is_success
        assert live(serving.audited()) == BOTH

    with world.serving(tmp_path / "exporter") as restarted:
        assert live(restarted.audited()) == BOTH


def test_a_change_of_what_runs_is_judged_at_once_and_asks_only_for_what_is_new(
    world: World, tmp_path: Path
) -> None:
    """The next audit is an hour away."""
    for repository in ("shop/broken", "shop/unlisted"):
        world.registry.push(repository, BROKEN, "v1")
        with world.registry.client(repository) as client:
            client.delete(BROKEN.children[0].digest)
    world.settings["registries"][0]["repositories"] = {"leave_out": ["shop/unlisted"]}
    site = world.edge

    with world.serving(tmp_path / "exporter", interval="1h") as serving:
        until(lambda: serving.report().tag("shop/broken:v1")["class"] == "selected", "it is seen")
        audits = serving.values("pullproof_audits_total")
        before = serving.value("pullproof_registry_requests_total", resource="blob")

        site.controller("Deployment", "late", "shop/broken:v1")
        until(lambda: serving.report().tag("shop/broken:v1")["class"] == "live", "it is live")
        assert serving.report().state("shop/broken:v1") == "broken"
        asked = serving.value("pullproof_registry_requests_total", resource="blob") - before

        site.pod("bare", "shop/unlisted:v1")
        until(lambda: len(serving.report().document["tags"]) == 4, "a new one is resolved")
        assert serving.report().state("shop/unlisted:v1") == "broken"
        assert serving.values("pullproof_audits_total") == audits
        assert asked < before / 2, "of that image alone, and not of the others in scope"


def test_a_cluster_that_goes_away_raises_its_own_alert_and_no_other_ones(
    world: World, tmp_path: Path
) -> None:
    alert = "RegistryLiveSetSourceDown"
    seldom = "10s"  # what was read two and a half intervals ago is old: a scrape takes less
    with (
        world.serving(tmp_path / "exporter", interval=seldom) as serving,
        watch(tmp_path, serving.address) as watching,
    ):
        serving.audited()
        up = "pullproof_reference_source_up == 1"
        until(lambda: len(watching.prometheus.query(up)) == len(BOTH), "both clusters are seen")
        assert watching.prometheus.firing(alert) == []

        world.shut.append(True)
        serving.audited()
        (fired,) = until(lambda: watching.prometheus.firing(alert), "the alert fires")

    assert fired["labels"]["source"] == "prod"


Right = tuple[str, str, str]
FEATURES: dict[str, Any] = {
    **dict.fromkeys(("helm_history", "pull_secrets", "node_pools"), True),
    "custom_resources": [
        {
            "group": "argoproj.io",
            "version": "v1alpha1",
            "resource": "rollouts",
            "images": ["spec.template.spec.containers[*].image"],
        }
    ],
}
"""Everything for which the chart grants a right."""


@cache
def granted(*, watched: bool = True) -> tuple[Right, ...]:
    """The rights of the ClusterRole that helm renders, with watches or without.

    Without watches, kinds are listed at every audit.
    """
    config = {"clusters": [{"in_cluster": True, **FEATURES}]}
    roles = rendered(f"--values={DEFAULT}", values={"config": config})
    (role,) = (each for (kind, _), each in roles.items() if kind == "ClusterRole")
    return tuple(
        dict.fromkeys(
            (verb, group, plural)
            for rule in role["rules"]
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for plural in rule["resources"]
            if watched or verb != "watch"
        )
    )


@dataclass(frozen=True, slots=True)
class Audited:
    """A cluster whose auditor has some rights, and the shipped rules on it."""

    cluster: Kubernetes
    role: str
    exporter: Exporter
    watch: Watch

    def allow(self, *rights: Right) -> None:
        """Give the auditor these rights and no others."""
        allow(self.cluster, self.role, rights)

    def named(self, alert: str) -> set[str]:
        """The kinds that an alert names now."""
        return {str(each["labels"].get("kind")) for each in self.watch.prometheus.firing(alert)}


def allow(cluster: Kubernetes, role: str, rights: Iterable[Right]) -> None:
    rules = [{"verbs": [v], "apiGroups": [g], "resources": [r]} for v, g, r in rights]
    cluster.replace(role, cluster.get(role) | {"rules": rules})


def kind_of(right: Right) -> str:
    """A kind as metrics name it."""
    _, group, plural = right
    return f"{plural}.{group}".rstrip(".")


@pytest.fixture
def audited(cluster: Kubernetes, tmp_path: Path) -> Iterator[Audited]:
    """A cluster that is listed, and not watched."""
    site = Site(cluster, cluster.namespace(), "registry.example")
    site.make("v1", "Secret", "pull", None, type="kubernetes.io/dockerconfigjson", data=NO_LOGINS)
    site.pod("web", "shop/web:1", spec={"imagePullSecrets": [{"name": "pull"}]})
    cluster.define("karpenter.sh/v1", "NodePool", "Cluster")
    cluster.define("argoproj.io/v1alpha1", "Rollout")
    token = cluster.account(site.namespace, "auditor")
    role = cluster.grant(site.namespace, "auditor", everywhere=True)
    kubeconfig = cluster.kubeconfig(tmp_path / "auditor", token)
    allow(cluster, role, granted(watched=False))
    with registry(tmp_path / "registry") as server:
        registries = [{"url": server.url, "plain_http": True}]
        prod = [{"name": "prod", "kubeconfig": str(kubeconfig), **FEATURES}]
        settings = {"registries": registries, "clusters": prod}
        with (
            exporter(tmp_path / "exporter", settings) as serving,
            watch(tmp_path, serving.address) as watching,
        ):
            serving.ready()
            yield Audited(cluster, role, serving, watching)


def test_each_right_that_is_missing_raises_an_alert_that_names_its_kind(audited: Audited) -> None:
    """That the alert ends with the gap, three minutes later, is tested by promtool."""
    alert, gaps = "RegistryLiveSetIncomplete", "pullproof_reference_gaps"
    values, rights = audited.exporter.values, granted()
    audited.allow(*rights)
    assert {"rollouts.argoproj.io", "runtimeclasses.node.k8s.io"} < set(map(kind_of, rights))
    until(lambda: not values(gaps), "everything is read")
    # The rights may not have been in force at first, which a scrape may have seen.
    until(lambda: not audited.named(alert), "no alert is left of the start")
    for missing in granted(watched=False):
        audited.allow(*(each for each in rights if each != missing))
        kind, verb = kind_of(missing), missing[0]
        until(lambda kind=kind: values(gaps, kind=kind), f"{verb} {kind}: a gap")
        until(lambda kind=kind: kind in audited.named(alert), f"{verb} {kind}: an alert")
        audited.allow(*rights)
        until(lambda: not values(gaps), "everything is read again")


def test_each_kind_that_may_not_be_watched_raises_an_alert_until_it_may(audited: Audited) -> None:
    alert = "RegistryLiveSetNotWatched"
    rights = granted(watched=False)
    watches = [each for each in granted() if each not in rights]
    kinds = set(map(kind_of, watches))
    assert {"pods", "nodes", "secrets", "nodepools.karpenter.sh"} <= kinds
    served = {each for each in kinds if "cluster.x-k8s.io" not in each}
    until(lambda: audited.named(alert) == served, "all of them are named")

    audited.allow(*rights, *watches[::2])
    others = served - set(map(kind_of, watches[::2]))
    until(lambda: audited.named(alert) == others, "the others are named still")

    audited.allow(*granted())
    until(lambda: not audited.named(alert), "all is watched")


def test_explain_asks_a_cluster_who_needs_an_image(world: World) -> None:
    known = {"KUBECONFIG": str(world.kubeconfig)}
    image = f"{world.registry.host}/shop/edge:v1"

    told = run("explain", image, "--plain-http", "--kube", variables=known)

    assert "Used by something live:  yes" in told.output, told.output
    assert "Deployment" in told.output


def test_check_asks_a_cluster_what_is_live_in_a_registry(world: World) -> None:
    known = {"KUBECONFIG": str(world.kubeconfig)}
    json = ("--output", "json", "--confirm-after", "0s")

    told = run("check", world.registry.host, "--plain-http", *json, "--kube", variables=known)
    other = run("check", world.registry.host, "--plain-http", *json, "--kube=x", variables=known)

    assert (told.code, live(told.said)) == (0, BOTH)
    assert (other.code, other.output) == (2, "")
    assert other.errors == "pullproof: --kube: no context x; known: test\n"
