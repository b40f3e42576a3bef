"""Is nothing lost of what changes in a cluster, whatever happens to the watch over it?

A real API server, and something between it and the source that breaks watches.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from tests.parts.front import Front, before
from tests.parts.http import RESET, Answer, Asked
from tests.parts.kubernetes import kubernetes
from tests.parts.process import PATIENCE, until
from tests.parts.workloads import RBAC, SHIPPED, Site, owned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from exporter.facts.use import Use
    from exporter.ports import Listing
    from tests.parts.certificates import Authority

pytestmark = pytest.mark.real

LIST_ONLY = tuple({**rule, "verbs": ["list"]} for rule in SHIPPED)


@dataclass
class Watched:
    """A cluster that is watched, over a door at which watches can be spoiled."""

    site: Site
    cluster: Cluster
    front: Front
    told: threading.Event = field(default_factory=threading.Event)

    def listed(self) -> int:
        """How many lists were asked for?"""
        return sum("limit=" in each.target for each in self.front.asked)

    def opened(self, plural: str) -> int:
        """How many watches of a kind were opened?"""
        asked = (each.target for each in self.front.asked)
        return sum(f"/{plural}?" in each and "watch=1" in each for each in asked)

    def images(self, found: Listing[Use]) -> set[str]:
        """What this test's namespace wants: others share the API server."""
        named = (use for use in found.entries if use.workload)
        return {
            use.reference.repository
            for use in named
            if use.workload and use.workload.namespace == self.site.namespace
        }

    def classes(self) -> set[tuple[str, str, str]]:
        """What the watch knows of this test's namespace: workload, image and class."""
        return {
            (
                f"{use.workload.kind}/{use.workload.name}",
                f"{use.reference.repository.removeprefix('shop/')}:{use.reference.tag}",
                str(use.reference_class),
            )
            for use in self.cluster.latest().entries
            if use.workload and use.workload.namespace == self.site.namespace
        }

    def sees(self, *images: str) -> None:
        """Wait until the watch alone has told of exactly these images."""

        def told() -> bool:
            assert self.told.wait(PATIENCE)
            self.told.clear()
            return self.images(self.cluster.latest()) == set(images)

        until(told, f"the watch tells of {images}")


@contextmanager
def watched(  # noqa: PLR0913 - what stands between, and how much is read
    site: Site,
    authority: Authority,
    folder: Path,
    token: str,
    spoil: Callable[[Asked], Answer | None] = lambda _: None,
    *,
    more: bool = False,
) -> Iterator[Watched]:
    tls = authority.sign("front")
    with before(site.api.url, spoil, site.api.authority, tls) as front:
        path = site.api.kubeconfig(folder / "kubeconfig", token, front.url)
        access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
        namespaces = () if more else (site.namespace,)
        extent = ClusterOptions(namespaces=namespaces, helm=more, pull_secrets=more)
        found = Watched(site, Cluster(access, extent, lambda: 0.0), front)
        with found.cluster.watching(found.told.set):
            until(lambda: found.cluster.uses().complete, "the role is in force")
            until(lambda: found.opened("deployments"), "deployments are watched")
            yield found


@pytest.fixture
def token(site: Site) -> str:
    return site.account("pullproof", *SHIPPED)


def test_what_changes_is_told_and_nothing_is_listed_again(
    site: Site, tmp_path: Path, authority: Authority, token: str
) -> None:
    site.controller("Deployment", "web", "shop/web:1")
    with watched(site, authority, tmp_path, token) as found:
        lists = found.listed()
        site.controller("Deployment", "late", "shop/late:1")
        found.sees("shop/web", "shop/late")

        site.api.delete(f"/apis/apps/v1/namespaces/{site.namespace}/deployments/web")
        found.sees("shop/late")

        assert found.listed() == lists
        kinds = {each.kind: each.watched for each in found.cluster.latest().kinds}
        assert kinds["deployments.apps"]


def test_what_is_paused_and_resumed_is_told_each_time(
    site: Site, tmp_path: Path, authority: Authority, token: str
) -> None:
    """A schedule, a job, a StatefulSet of which each pod is replaced by hand, and pods by hand."""
    paused = {"nightly": site.schedule("nightly", "shop/sync:1", "0 3 * * *", suspend=True)}
    policy = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}
    more = {"podFailurePolicy": policy, "backoffLimit": 1}
    paused["import"] = site.job("import", "shop/import:1", parallelism=0, **more)
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    database = site.controller("StatefulSet", "db", "shop/db:2", **by_hand)
    site.revisions(database, "shop/db:1", "shop/db:2")
    site.pod("db-0", "shop/db:1", metadata=owned(database))
    fleet = {"apiVersion": "example.com/v1", "kind": "Fleet", "name": "f", "uid": "u"}
    never = {"spec": {"initContainers": [{"name": "i", "image": site.image("shop/kept:1")}]}}
    never["spec"]["initContainers"][0]["imagePullPolicy"] = "Never"
    site.pod("edge", "shop/edge:1", metadata={"ownerReferences": [fleet]}, **never)
    always = {
        ("StatefulSet/db", "db:2", "live"),
        ("StatefulSet/db", "db:1", "live"),
        ("StatefulSet/db", "db:1", "rollback"),
        ("Fleet/f", "edge:1", "live"),
    }

    with watched(site, authority, tmp_path, token) as found:
        assert found.classes() == always | {
            ("CronJob/nightly", "sync:1", "idle"),
            ("Job/import", "import:1", "idle"),
        }
        for name, spec in (("nightly", {"suspend": False}), ("import", {"parallelism": 1})):
            made = paused[name]
            where = f"{site.api.path(made)}/{name}"
            now = site.api.get(where)
            site.api.replace(where, now | {"spec": now["spec"] | spec})

        resumed = always | {
            ("CronJob/nightly", "sync:1", "live"),
            ("Job/import", "import:1", "live"),
        }
        until(lambda: found.classes() == resumed, "both are told as resumed")
        lists = found.listed()
        site.api.delete(f"/api/v1/namespaces/{site.namespace}/pods/db-0?gracePeriodSeconds=0")
        replaced = resumed - {("StatefulSet/db", "db:1", "live")}
        until(lambda: found.classes() == replaced, "its pod is told as gone")

    assert found.listed() == lists


EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","status":"Failure","code":410}}\n'
ODD = b'{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"9","name":"x"},"spec":7}}\n'
SPOILED: dict[str, Answer] = {
    "410": Answer(410, b"{}"),
    "an ERROR of 410": Answer(200, EXPIRED),
    "an ERROR of 500": Answer(200, EXPIRED.replace(b"410", b"500")),
    "cut": RESET,
    "ended at once": Answer(200, b""),
    "an event that cannot be read": Answer(200, ODD),
    "a page for people": Answer(200, b"<html>Log in\n"),
    "half an event": Answer(200, EXPIRED[:20]),
    "429": Answer(429, b"{}"),
    "503": Answer(503, b"{}"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_watch_that_fails_loses_nothing(
    site: Site, tmp_path: Path, authority: Authority, token: str, fault: str
) -> None:
    """While each watch fails twice, things change."""
    site.controller("Deployment", "web", "shop/web:1")
    failed: list[str] = []

    def door(asked: Asked) -> Answer | None:
        if "watch=1" not in asked.target or "/deployments?" not in asked.target:
            return None
        if len(failed) >= 2:
            return None
        if not failed:
            site.controller("Deployment", "late", "shop/late:1")
        failed.append(asked.target)
        return SPOILED[fault]

    with watched(site, authority, tmp_path, token, door) as found:
        found.sees("shop/web", "shop/late")

        until(lambda: len(failed) == 2, "it was tried again")
        assert found.cluster.uses().complete


def test_an_expired_version_is_listed_anew(
    site: Site, tmp_path: Path, authority: Authority, token: str
) -> None:
    """The API server itself forgets: the store is compacted while the watch is cut."""
    site.controller("Deployment", "web", "shop/web:1")
    shut: list[bool] = []
    with watched(site, authority, tmp_path, token, lambda _: RESET if shut else None) as found:
        shut.append(True)
        found.front.cut()
        site.controller("Deployment", "late", "shop/late:1")
        site.api.delete(f"/apis/apps/v1/namespaces/{site.namespace}/deployments/web")
        site.api.compact()
        shut.clear()

        found.sees("shop/late")


@pytest.mark.parametrize("held", [True, False], ids=["silent", "refused"])
def test_without_a_watch_that_tells_anything_each_audit_lists(
    site: Site, tmp_path: Path, authority: Authority, *, held: bool
) -> None:
    token = site.account("lister", *(SHIPPED if held else LIST_ONLY))
    over = threading.Event()

    def door(asked: Asked) -> Answer | None:
        return Answer(200, held=over) if held and "watch=1" in asked.target else None

    try:
        with watched(site, authority, tmp_path, token, door) as found:
            site.controller("Deployment", "late", "shop/late:1")
            lists = found.listed()
            later = found.cluster.uses()
            again = found.cluster.uses()
    finally:
        over.set()

    assert found.images(later) == {"shop/late"}
    assert later.complete
    assert not any(each.watched for each in again.kinds) or held
    assert found.listed() == lists + 2 * len(again.kinds)


@pytest.mark.parametrize(("status", "said"), [(405, None), (403, False)])
def test_a_kind_that_cannot_be_watched_at_all_is_not_called_unwatched(  # noqa: PLR0913 - what stands between, and its answer
    site: Site, tmp_path: Path, authority: Authority, token: str, status: int, *, said: bool | None
) -> None:
    def door(asked: Asked) -> Answer | None:
        return Answer(status, b"{}") if "watch=1" in asked.target else None

    with watched(site, authority, tmp_path, token, door) as found:
        until(
            lambda: {each.watched for each in found.cluster.uses().kinds} == {said},
            "each watch was answered",
        )
        assert found.cluster.uses().complete


def test_a_right_that_is_taken_away_is_a_gap_though_the_watch_goes_on(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    token = site.api.account(site.namespace, "pullproof")
    role = site.api.grant(site.namespace, "pullproof", *SHIPPED, everywhere=True)

    def denied(found: Listing[Use]) -> bool:
        gaps = {gap.subject: gap.reason for gap in found.gaps}
        return gaps == {f"prod: deployments.apps in {site.namespace}": Reason.DENIED}

    with watched(site, authority, tmp_path, token) as found:
        site.controller("Deployment", "web", "shop/web:1")
        found.sees("shop/web")
        rules = [rule for rule in SHIPPED if "deployments" not in rule["resources"]]
        apps = next(rule for rule in SHIPPED if "deployments" in rule["resources"])
        others = [each for each in apps["resources"] if each != "deployments"]
        rules += [{**apps, "resources": others}]
        site.api.replace(role, site.api.get(role) | {"rules": rules})
        until(lambda: denied(found.cluster.uses()), "the right is missed")

        site.controller("Deployment", "late", "shop/late:1")
        found.sees("shop/web", "shop/late")
        assert denied(found.cluster.latest())


def test_a_token_that_is_refused_is_read_anew(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    """As where a token expired, and the kubelet has written its successor."""
    token = site.account("pullproof", *SHIPPED)
    with watched(site, authority, tmp_path, token) as found:
        site.api.delete(f"/api/v1/namespaces/{site.namespace}/serviceaccounts/pullproof")
        later = site.api.account(site.namespace, "pullproof")
        site.api.kubeconfig(tmp_path / "kubeconfig", later, found.front.url)
        found.front.cut()
        site.controller("Deployment", "late", "shop/late:1")

        found.sees("shop/late")


def test_a_cluster_that_went_away_is_unseen_until_it_is_back(
    site: Site, tmp_path: Path, authority: Authority, token: str
) -> None:
    site.controller("Deployment", "web", "shop/web:1")
    shut: list[bool] = []
    with watched(site, authority, tmp_path, token, lambda _: RESET if shut else None) as found:
        shut.append(True)
        found.front.cut()
        until(lambda: not found.cluster.latest().kinds[0].watched, "the watch is known to be over")
        with pytest.raises(Exception, match="prod"):
            found.cluster.uses()
        away = found.cluster.latest()
        site.controller("Deployment", "late", "shop/late:1")
        shut.clear()

        found.sees("shop/web", "shop/late")

    assert found.images(away) == {"shop/web"}
    assert {gap.reason for gap in away.gaps} == {Reason.RESET}
    assert not any(each.up for each in away.kinds)


def test_an_api_server_that_is_restarted_loses_nothing(
    tmp_path: Path, authority: Authority
) -> None:
    with kubernetes(tmp_path / "own", authority) as api:
        site = Site(api, api.namespace(), "registry.example")
        site.controller("Deployment", "web", "shop/web:1")
        with watched(site, authority, tmp_path, api.admin) as found:
            site.api.server.kill()
            site.api.again()
            site.api.wait()
            site.controller("Deployment", "late", "shop/late:1")

            found.sees("shop/web", "shop/late")


def test_each_kind_can_be_watched_with_the_rights_that_the_chart_gives(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    """Secrets of Helm are watched by their labels alone."""
    token = site.account("pullproof", *(rule for rules in RBAC.values() for rule in rules))
    with watched(site, authority, tmp_path, token, more=True) as found:
        until(lambda: all(each.watched for each in found.cluster.latest().kinds), "all is watched")
        kinds = {each.kind for each in found.cluster.latest().kinds}
        found.told.clear()
        labels = {"owner": "helm", "name": "shop", "status": "superseded", "version": "1"}
        site.make(
            "v1", "Secret", "r1", None, type="helm.sh/release.v1", metadata={"labels": labels}
        )

        assert found.told.wait(PATIENCE)

    assert {"secrets", "serviceaccounts", "pods", "nodes"} <= kinds
