"""Do the page, the report and the preflight name what a loss hits in a real cluster?

A real registry, a real API server with an amd64 node `x1` and an arm64 node `a1`, the exporter as a
process, and the shipped rules and routes in a real Prometheus and Alertmanager.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.parts.monitoring import watch
from tests.parts.process import until
from tests.parts.product import Exporter, exporter, run
from tests.parts.registry import Registry, registry
from tests.parts.workloads import SHIPPED, Site, owned
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.kubernetes import Kubernetes
    from tests.worlds import Made

pytestmark = pytest.mark.real

Json = dict[str, Any]

BOTH, NEWER, SYNC = two_platforms("app"), two_platforms("newer"), two_platforms("sync")
AMD64, ARM64 = BOTH.children
BROKEN: Final = "RegistryLiveTagBroken"
SLEEPS: Final = "RegistryIdleTagBroken"


@dataclass(frozen=True, slots=True)
class Place:
    """A registry, a namespace of a cluster that uses it, and who may look at both."""

    registry: Registry
    site: Site
    kubeconfig: Path
    folder: Path

    def lose(self, repository: str, *lost: Made) -> None:
        """Somebody deletes manifests."""
        with self.registry.client(repository) as client:
            for each in lost:
                client.delete(each.digest)

    def settings(self, *, role: Json | None = None, **cluster: Any) -> Json:
        known = {"name": "prod", "kubeconfig": str(self.kubeconfig), "timeout": "5m"} | cluster
        watched = {"url": self.registry.url, "name": "main", "plain_http": True}
        return {"registries": [watched | (role or {})], "clusters": [known]}

    @contextmanager
    def watched(self, settings: Json | None = None) -> Iterator[Exporter]:
        with exporter(self.folder / "exporter", settings or self.settings()) as watching:
            yield watching

    def arch(self, name: str) -> Json:
        """Constraints that keep a pod on nodes of an architecture."""
        return {"nodeSelector": {"kubernetes.io/arch": name}}


@pytest.fixture
def place(cluster: Kubernetes, tmp_path: Path) -> Iterator[Place]:
    with registry(tmp_path / "registry") as server:
        site = Site(cluster, cluster.namespace(), server.host)
        site.node("x1", "amd64")
        token = site.account("pullproof", *SHIPPED)
        kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig", token)
        yield Place(server, site, kubeconfig, tmp_path)


def test_07_the_page_names_the_deployment_and_its_nodes_and_is_silent_where_no_such_node_is(
    place: Place,
) -> None:
    """The same loss twice: only what runs on the arm64 node, or may be started there, pages."""
    site = place.site
    site.node("a1", "arm64", "shop/web:v1")
    for repository in ("shop/web", "shop/batch"):
        place.registry.push(repository, BOTH, "v1")
    web = site.controller("Deployment", "web", "shop/web:v1", pod=place.arch("arm64"))
    (replicas,) = site.history(web, "shop/web:v1")
    for n in range(2):
        site.pod(f"web-{n}", "shop/web:v1", "a1", metadata=owned(replicas))
    site.controller("Deployment", "batch", "shop/batch:v1", pod=place.arch("amd64"))

    with place.watched() as watching, watch(place.folder, watching.address) as told:
        assert watching.audited().state("shop/web:v1") == "present"
        for repository in ("shop/web", "shop/batch"):
            place.lose(repository, ARM64)

        until(lambda: told.pager.alerts(BROKEN), "somebody is paged")
        said = watching.audited()
        (page,) = told.pager.alerts(BROKEN)
        firing = until(lambda: told.prometheus.firing(BROKEN), "it fires on")
        assert [each["labels"]["repository"] for each in firing] == ["shop/web"]

    text = page["annotations"]["description"]
    assert f"linux/arm64 {ARM64.digest} missing" in text
    assert f"Deployment {site.namespace}/web (prod) on linux/arm64." in text
    assert "2 of their containers are still running, on layers cached on their nodes." in text
    assert "do not restart or reschedule pods that use it" in text
    assert said.states("shop/web:v1") == said.states("shop/batch:v1")
    assert (said.state("shop/web:v1"), said.state("shop/batch:v1")) == ("broken", "present")
    hints = {each["repository"]: each["hint"] for each in said.found("missing-child")}
    node, _, command = hints["shop/web"].partition(": ")
    assert node == "node a1 linux/arm64 reports that it still has it"
    assert command.startswith("ctr -n k8s.io images export --platform linux/arm64 image.tar ")


def test_09_10_12_what_sleeps_what_is_scheduled_and_what_a_rollback_starts_has_its_own_class(
    place: Place,
) -> None:
    """A Deployment at zero, CronJobs, and an earlier ReplicaSet, each on a broken tag."""
    site = place.site
    for name, made in (("zero", BOTH), ("sync", SYNC), ("web", image("web"))):
        place.registry.push(f"shop/{name}", made, "v1")
    place.registry.push("shop/web", image("old"), "v0")
    site.controller("Deployment", "zero", "shop/zero:v1", replicas=0)
    site.schedule("monthly", "shop/sync:v1", "0 3 1 * *", timeZone="Etc/UTC")
    site.schedule("paused", "shop/zero:v1", "0 3 1 * *", suspend=True)
    web = site.controller("Deployment", "web", "shop/web:v1")
    site.history(web, "shop/web:v0", "shop/web:v1")
    place.lose("shop/zero", BOTH)
    place.lose("shop/sync", SYNC.children[0])
    place.lose("shop/web", image("old"))

    with place.watched() as watching:
        said = watching.audited()
        watching.configure(place.settings(rollback_depth=0))
        assert watching.post("/-/reload").is_success
        shallow = watching.audited()

    classes = {name: said.tag(name)["class"] for name in ("shop/zero:v1", "shop/sync:v1")}
    assert classes == {"shop/zero:v1": "idle", "shop/sync:v1": "live"}
    assert said.tag("shop/web:v0")["class"] == "rollback"
    assert [said.state(f"shop/{name}") for name in ("zero:v1", "sync:v1", "web:v0", "web:v1")] == [
        *("missing", "broken", "missing", "present")
    ]
    severities = {each["repository"]: each["severity"] for each in said.found("missing-child")}
    assert severities == {"shop/zero": "warning", "shop/sync": "critical", "shop/web": "warning"}
    (monthly,) = said.tag("shop/sync:v1")["used_by"]
    assert (monthly["hit"], monthly["next_run"][8:]) == (True, "01T03:00:00Z")
    assert {each["next_run"] for each in said.tag("shop/zero:v1")["used_by"]} == {None}
    left = {f"{each['repository']}:{each['tag']}" for each in shallow.document["tags"]}
    assert left == {"shop/zero:v1", "shop/sync:v1", "shop/web:v1"}


def test_what_a_sleeping_workload_alone_lost_is_a_ticket_and_no_page(place: Place) -> None:
    """One tag: it runs on amd64, and what is scaled to zero would start it on arm64."""
    site = place.site
    site.node("a1", "arm64")
    place.registry.push("shop/app", BOTH, "v1")
    site.controller("Deployment", "web", "shop/app:v1", pod=place.arch("amd64"))
    site.controller("Deployment", "zero", "shop/app:v1", replicas=0, pod=place.arch("arm64"))
    known = {"KUBECONFIG": str(place.kubeconfig)}

    with place.watched() as watching, watch(place.folder, watching.address) as told:
        whole = watching.audited()
        place.lose("shop/app", ARM64)
        ticket = until(lambda: told.prometheus.firing(SLEEPS), "somebody gets a ticket")
        said = watching.audited()
        paged = told.prometheus.firing(BROKEN)
        asked = ("--plain-http", "--confirm-after", "0s", "--kube")
        checked = run("check", place.registry.host, *asked, variables=known)
        place.lose("shop/app", AMD64)
        until(lambda: told.prometheus.firing(BROKEN), "somebody is paged")

    assert (whole.tag("shop/app:v1")["failing"], paged) == ([], [])
    tag = said.tag("shop/app:v1")
    assert (tag["class"], tag["state"], tag["failing"]) == ("live", "present", ["idle"])
    assert {each["owner"]: each["hit"] for each in tag["used_by"]} == {
        f"Deployment {site.namespace}/web (prod)": False,
        f"Deployment {site.namespace}/zero (prod)": True,
    }
    (finding,) = said.found("missing-child")
    assert (finding["severity"], finding["required_by"]) == ("warning", "idle")
    text = ticket[0]["annotations"]["description"]
    assert f"linux/arm64 {ARM64.digest} missing." in text
    assert f"Deployment {site.namespace}/zero (prod) on linux/arm64." in text
    assert f"{site.namespace}/web" not in text
    assert checked.code == 1, checked.output
    assert "only idle uses need it" in checked.output


def test_11_a_pinned_image_that_its_tag_has_left_is_at_risk_and_preflight_names_who_pins_it(
    place: Place,
) -> None:
    place.registry.push("shop/app", BOTH, "latest")
    place.registry.push("shop/app", NEWER, "latest")
    pinned = f"shop/app@{BOTH.digest}"
    place.site.controller("Deployment", "web", pinned)

    with place.watched() as watching:
        said = watching.audited()
        at_risk = watching.value("pullproof_tag_unprotected_images", repository="shop/app")
    storage = ("--storage", str(place.registry.root), "--gc", "distribution-2")
    known = {"KUBECONFIG": str(place.kubeconfig)}
    words = (*storage, "--delete-untagged", "--kube", "--output", "json")
    told = run("preflight", *words, variables=known)

    assert (said.state(pinned), at_risk) == ("present", 1)
    (bare,) = said.found("unprotected-image")
    assert (bare["severity"], bare["digest"]) == ("warning", BOTH.digest)
    assert said.found("missing-child") == []
    assert (told.code, json.loads(told.output)["verdict"]) == (1, "UNSAFE")
    hurt = {each["digest"]: each for each in json.loads(told.output)["victims"]}
    broken = {each["digest"] for each in hurt[BOTH.digest]["broken"]}
    assert broken == {BOTH.digest, AMD64.digest, ARM64.digest}
    (user,) = hurt[BOTH.digest]["used_by"]
    assert user["workload"]["kind"] == "Deployment"
    assert user["workload"]["namespace"] == place.site.namespace


def test_16_a_node_that_joins_turns_what_a_mirror_leaves_out_into_a_warning_and_no_page(
    place: Place,
) -> None:
    site = place.site
    place.registry.push("shop/web", BOTH, "v1")
    place.lose("shop/web", ARM64)
    site.controller("Deployment", "web", "shop/web:v1")
    sparse = {"role": "sparse", "platforms": ["linux/amd64"]}

    with place.watched(place.settings(role=sparse)) as watching:
        alone = watching.audited()
        site.node("a1", "arm64")
        joined = watching.audited()
        site.pod("web", "shop/web:v1", "a1")
        runs = watching.audited()

    names = ("platform-not-offered", "missing-platform", "missing-child")
    found = [{name: said.found(name) for name in names} for said in (alone, joined, runs)]
    assert [{name for name in names if each[name]} for each in found] == [
        set(),
        {"platform-not-offered"},
        {"missing-platform"},
    ]
    for said, name in ((joined, "platform-not-offered"), (runs, "missing-platform")):
        (finding,) = said.found(name)
        assert (finding["severity"], finding["platform"]) == ("warning", "linux/arm64")
