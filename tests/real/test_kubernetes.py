"""Is a real cluster seen as it is, by an account that may do no more than the shipped role says?

A real etcd and kube-apiserver; nodes and the statuses of pods are written as kubelets write them.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter.facts.gap import Reason, Scope
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.platform import Platform
from exporter.ports import Listing
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.custom import CustomResource, FieldPath, Finished
from tests.parts.process import PATIENCE
from tests.parts.product import run
from tests.parts.registry import registry
from tests.parts.workloads import DIGEST, RBAC, SHIPPED, Site, owned
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

Json = dict[str, Any]

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
LIVE, IDLE, ROLLBACK = ReferenceClass.LIVE, ReferenceClass.IDLE, ReferenceClass.ROLLBACK
NEW_YEAR: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z
LISTED: Final = [(rule, plural) for rule in SHIPPED for plural in rule["resources"]]
"""Every kind that the shipped role allows to be listed, by itself."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source said of a namespace."""

    listing: Listing[Use]
    namespace: str

    def uses(self) -> list[Use]:
        return [
            use
            for use in self.listing.entries
            if use.workload is not None and use.workload.namespace == self.namespace
        ]

    def use(self, name: str, image: str, reference_class: ReferenceClass = LIVE) -> Use:
        """The one use of an image by a workload `Kind/name`, under a class."""
        (found,) = (
            use
            for use in self.uses()
            if _named(use) == name
            and f"{use.reference.repository}:{use.reference.tag}" == image
            and use.reference_class is reference_class
        )
        return found

    def classes(self) -> set[tuple[str, str, str]]:
        return {
            (_named(use), f"{use.reference.repository}:{use.reference.tag}", use.reference_class)
            for use in self.uses()
        }

    def images(self) -> set[tuple[str, str]]:
        return {(image, reference_class) for _, image, reference_class in self.classes()}


def _named(use: Use) -> str:
    return f"{use.workload.kind}/{use.workload.name}" if use.workload else ""


def seen(site: Site, folder: Path, token: str, extent: ClusterOptions | None = None) -> Seen:
    path = site.api.kubeconfig(folder / "kubeconfig", token)
    source = Cluster(
        Access("prod", {}, kubeconfig=path, timeout=PATIENCE),
        extent or ClusterOptions(),
        lambda: NEW_YEAR,
    )
    return Seen(source.uses(), site.namespace)


def populate(site: Site) -> None:
    """Something of every kind."""
    web = site.controller("Deployment", "web", "shop/web:3", replicas=2)
    *_, newest = site.history(web, "shop/web:0", "shop/web:1", "shop/web:2", "shop/web:3")
    site.pod("web-3-a", "shop/web:3", "x1", metadata=owned(newest))
    site.pod("web-3-b", "shop/web:3", "x1", metadata=owned(newest))
    site.controller("Deployment", "asleep", "shop/asleep:1", replicas=0)
    database = site.controller("StatefulSet", "db", "shop/db:2")
    site.revisions(database, "shop/db:1", "shop/db:2")
    agent = site.controller("DaemonSet", "agent", "shop/agent:2")
    site.revisions(agent, "shop/agent:1", "shop/agent:2")
    only = {"app": "old"}
    template = {"metadata": {"labels": only}, "spec": site.containers("shop/old:1")}
    site.make("v1", "ReplicationController", "old", {"selector": only, "template": template})
    site.schedule("nightly", "shop/sync:1", "0 3 * * *", timeZone="Europe/Berlin")
    site.schedule("paused", "shop/sync:2", "0 3 * * *", suspend=True)
    site.job("import", "shop/import:1")
    site.job("held", "shop/held:1", suspend=True)
    site.pod("static", "shop/static:1", "a1", metadata={"annotations": _MIRROR})
    volumes = [{"name": "v", "image": {"reference": site.image("shop/model:1")}}]
    first = [{"name": "i", "image": site.image("shop/init:1")}]
    site.pod("bare", "shop/bare:1", "a1", spec={"initContainers": first, "volumes": volumes})
    site.pod("ended", "shop/ended:1", "a1", status={"phase": "Succeeded"})


_SET: Final = {
    "apiVersion": "example.com/v1",
    "kind": "Fleet",
    "name": "web",
    "uid": "u",
    "controller": True,
}
_MIRROR: Final = {"kubernetes.io/config.mirror": "0", "kubernetes.io/config.source": "file"}


def test_every_kind_is_seen_through_its_api_with_the_shipped_role_alone(
    site: Site, tmp_path: Path
) -> None:
    populate(site)

    found = seen(site, tmp_path, site.account("pullproof", *SHIPPED), ClusterOptions(depth=2))

    assert found.listing.complete
    assert found.classes() == {
        ("Deployment/web", "shop/web:3", LIVE),
        ("Deployment/web", "shop/web:2", ROLLBACK),
        ("Deployment/web", "shop/web:1", ROLLBACK),
        ("Deployment/asleep", "shop/asleep:1", IDLE),
        ("StatefulSet/db", "shop/db:2", LIVE),
        ("StatefulSet/db", "shop/db:1", ROLLBACK),
        ("DaemonSet/agent", "shop/agent:2", LIVE),
        ("DaemonSet/agent", "shop/agent:1", ROLLBACK),
        ("ReplicationController/old", "shop/old:1", LIVE),
        ("CronJob/nightly", "shop/sync:1", LIVE),
        ("CronJob/paused", "shop/sync:2", IDLE),
        ("Job/import", "shop/import:1", LIVE),
        ("Job/held", "shop/held:1", IDLE),
        ("Pod/static", "shop/static:1", LIVE),
        ("Pod/bare", "shop/bare:1", LIVE),
        ("Pod/bare", "shop/init:1", LIVE),
        ("Pod/bare", "shop/model:1", LIVE),
    }
    web = found.use("Deployment/web", "shop/web:3")
    assert (web.platforms, web.admitted) == ({AMD64}, {ARM64})
    assert (web.alive, web.running) == (2, {DIGEST})
    assert found.use("DaemonSet/agent", "shop/agent:2").platforms == {AMD64, ARM64}
    nightly = found.use("CronJob/nightly", "shop/sync:1")
    assert nightly.next_run == NEW_YEAR + 2 * 3600, "three o'clock in Berlin"
    (holder,) = found.use("Deployment/web", "shop/web:2", ROLLBACK).holders
    assert (holder.node, holder.platform) == ("a1", ARM64)


def test_pods_that_fail_to_pull_say_so_through_the_api(site: Site, tmp_path: Path) -> None:
    words = f'failed to resolve reference "{site.image("shop/web:1")}": not found'
    for name, message in (
        ("first", f'Back-off pulling image "{site.image("shop/web:1")}": ErrImagePull: {words}'),
        ("second", f'Back-off pulling image "{site.image("shop/web:1")}"'),
    ):
        waits = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
        told = {"name": "c", "image": site.image("shop/web:1"), "imageID": "", "state": waits}
        told |= {"ready": False, "restartCount": 0}
        status = {"phase": "Pending", "containerStatuses": [told]}
        owner = {"ownerReferences": [_SET]}
        site.pod(name, "shop/web:1", "x1", status=status, metadata=owner)

    found = seen(site, tmp_path, site.account("pullproof", *SHIPPED))

    (use,) = found.uses()
    assert (use.failing_pulls, use.pull_error, use.alive) == (2, words, 0)


def test_without_its_rule_each_kind_is_a_gap_and_every_other_is_seen(
    site: Site, tmp_path: Path
) -> None:
    """One account for each kind: its role is the shipped one without that kind."""
    populate(site)
    whole = seen(site, tmp_path, site.account("pullproof", *SHIPPED))

    for rule, plural in LISTED:
        rest = [plural_ for plural_ in rule["resources"] if plural_ != plural]
        others = [each for each in SHIPPED if each is not rule]
        rules = [*([{**rule, "resources": rest}] if rest else []), *others]
        found = seen(site, tmp_path, site.account(f"without-{plural}", *rules))

        (gap,) = found.listing.gaps
        group = f".{rule['apiGroups'][0]}" if rule["apiGroups"][0] else ""
        assert (gap.scope, gap.subject) == (Scope.REFERENCES, f"prod: {plural}{group}")
        assert gap.reason is Reason.DENIED
        assert [each.kind for each in found.listing.kinds if not each.up] == [f"{plural}{group}"]
        fix = (
            f'add {{apiGroups: ["{group[1:]}"], resources: ["{plural}"], verbs: ["list", "watch"]}}'
        )
        assert gap.detail.endswith(fix)
        assert found.images() <= whole.images()


def test_without_a_rule_a_collection_cannot_be_called_safe(site: Site, tmp_path: Path) -> None:
    """`preflight` says SAFE with the shipped role, and INCOMPLETE where a kind is not seen."""
    app = two_platforms("app")
    with registry(tmp_path / "registry") as server, server.client("shop/web") as client:
        client.push(app, "3")
        for child in app.children:
            client.push(child, f"keep-{child.digest.encoded}")
    words = ("--storage", str(server.root), "--gc", "distribution-2", "--delete-untagged")

    def told(name: str, *rules: Json) -> tuple[int, str]:
        path = site.api.kubeconfig(tmp_path / name, site.account(name, *rules))
        known = {"KUBECONFIG": str(path)}
        said = run("preflight", *words, "--kube", "--output", "json", variables=known)
        return said.code, json.loads(said.output)["verdict"]

    assert told("whole", *SHIPPED) == (0, "SAFE")
    assert told("lacking", *RBAC["core"][1:], *RBAC["nodes"]) == (3, "INCOMPLETE")


def test_what_is_being_deleted_starts_nothing_though_a_finalizer_keeps_it(
    site: Site, tmp_path: Path
) -> None:
    """Its ReplicaSets go on until they are deleted too, and so do its pods."""
    kept = {"finalizers": ["shop.example/held"]}
    left = site.controller("Deployment", "left", "shop/left:2", kept)
    newest = site.history(left, "shop/left:1")[-1]
    site.controller("DaemonSet", "agent", "shop/agent:1", kept)
    agent = f"/apis/apps/v1/namespaces/{site.namespace}/daemonsets/agent"
    for path in (site.api.path(left) + "/left", agent):
        site.api.delete(path)
        assert site.api.get(path)["metadata"]["deletionTimestamp"]

    found = seen(site, tmp_path, site.account("pullproof", *SHIPPED))

    assert newest["spec"]["replicas"]
    assert found.classes() == {("Deployment/left", "shop/left:1", LIVE)}


def test_what_a_partition_keeps_back_is_live_though_none_of_its_pods_is_there(
    site: Site, tmp_path: Path
) -> None:
    """A canary of a StatefulSet: the pods before the partition are made anew as they were."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    database = site.controller(
        "StatefulSet", "db", "shop/db:3", replicas=3, updateStrategy=strategy
    )
    site.revisions(database, "shop/db:1", "shop/db:2", "shop/db:3")
    where = f"{site.api.path(database)}/db"
    told = {"currentRevision": "db-1", "updateRevision": "db-3", "replicas": 0}
    site.api.report(where, told)

    found = seen(site, tmp_path, site.account("pullproof", *SHIPPED), ClusterOptions(depth=1))

    assert found.classes() == {
        ("StatefulSet/db", "shop/db:3", LIVE),
        ("StatefulSet/db", "shop/db:2", ROLLBACK),
        ("StatefulSet/db", "shop/db:1", LIVE),
    }


def test_single_namespaces_need_no_right_beyond_them(site: Site, tmp_path: Path) -> None:
    site.controller("Deployment", "web", "shop/web:1")
    site.pod("bare", "shop/bare:1", "x1")
    hidden = Site(site.api, site.api.namespace(), site.registry)
    hidden.controller("Deployment", "hidden", "shop/hidden:1")
    token = site.account("pullproof", *RBAC["core"], everywhere=False)

    found = seen(site, tmp_path, token, ClusterOptions(namespaces=(site.namespace,)))
    both = ClusterOptions(namespaces=(site.namespace, hidden.namespace))
    beyond = seen(site, tmp_path, token, both)

    assert found.listing.complete
    assert found.classes() == {
        ("Deployment/web", "shop/web:1", LIVE),
        ("Pod/bare", "shop/bare:1", LIVE),
    }
    bare = found.use("Pod/bare", "shop/bare:1")
    assert (bare.platforms, bare.admitted) == (frozenset(), frozenset())
    assert {gap.subject.rpartition(" in ")[2] for gap in beyond.listing.gaps} == {hidden.namespace}


def test_custom_resources_are_seen_at_their_paths_and_own_what_they_made(
    site: Site, tmp_path: Path
) -> None:
    for kind in ("Rollout", "Workflow"):
        site.api.define("shop.example/v1", kind)
    version = "shop.example/v1"
    template = {"template": {"spec": site.containers("shop/canary:2")}}
    rollout = site.make(version, "Rollout", "canary", {"replicas": 1, **template})
    (newest,) = site.history(rollout, "shop/canary:2")
    site.pod("canary-a", "shop/canary:2", "a1", metadata=owned(newest))
    site.make(version, "Rollout", "asleep", {"replicas": 0, **template})
    steps = {"templates": [{"container": {"image": site.image("shop/step:1")}}]}
    site.make(version, "Workflow", "build", steps)
    site.make(version, "Workflow", "built", steps, status={"phase": "Succeeded"})
    site.make(version, "Workflow", "odd", {"templates": [{"container": {"image": "{{image}}"}}]})
    rule = {"apiGroups": ["shop.example"], "resources": ["workflows", "rollouts"]}
    token = site.account("pullproof", *SHIPPED, {**rule, "verbs": ["list"]})
    done = Finished(FieldPath.parse("status.phase"), frozenset({"Succeeded"}))
    pods = FieldPath.parse("spec.template.spec.containers[*].image")
    step = FieldPath.parse("spec.templates[*].container.image")
    custom = (
        CustomResource(
            "shop.example", "v1", "rollouts", (pods,), idle=FieldPath.parse("spec.replicas")
        ),
        CustomResource("shop.example", "v1", "workflows", (step,), finished=done),
        CustomResource("shop.example", "v1", "absences", (step,)),
    )

    found = seen(site, tmp_path, token, ClusterOptions(custom=custom))

    assert found.classes() == {
        ("Rollout/canary", "shop/canary:2", LIVE),
        ("Rollout/asleep", "shop/canary:2", IDLE),
        ("Workflow/build", "shop/step:1", LIVE),
    }
    assert found.use("Rollout/canary", "shop/canary:2").platforms == {ARM64}
    step_of_build = found.use("Workflow/build", "shop/step:1")
    assert not step_of_build.platforms, "no pod is there, and it says nothing of nodes"
    assert ARM64 not in step_of_build.barred
    assert Platform("windows", "amd64") in step_of_build.barred, "there is no such node"
    assert {(gap.subject, gap.reason) for gap in found.listing.gaps} == {
        ("prod: absences.shop.example", Reason.DENIED),
        (f"Workflow {site.namespace}/odd (prod)", Reason.MALFORMED),
    }


def test_a_custom_resource_that_is_being_deleted_wants_nothing(site: Site, tmp_path: Path) -> None:
    site.api.define("shop.example/v1", "Task")
    spec = {"image": site.image("shop/task:1")}
    for name in ("going-on", "leaving"):
        kept = {"finalizers": ["shop.example/held"]}
        site.make("shop.example/v1", "Task", name, spec, metadata=kept)
    path = f"/apis/shop.example/v1/namespaces/{site.namespace}/tasks"
    site.api.delete(f"{path}/leaving")
    kept_still = site.api.get(f"{path}/leaving")["metadata"]
    rule = {"apiGroups": ["shop.example"], "resources": ["tasks"], "verbs": ["list"]}
    token = site.account("pullproof", *SHIPPED, rule)
    tasks = CustomResource("shop.example", "v1", "tasks", (FieldPath.parse("spec.image"),))

    found = seen(site, tmp_path, token, ClusterOptions(custom=(tasks,)))
    patch = {"Content-Type": "application/merge-patch+json"}
    for name in ("going-on", "leaving"):
        body = '{"metadata": {"finalizers": null}}'
        site.api.http.patch(f"{path}/{name}", content=body, headers=patch)

    assert kept_still["deletionTimestamp"]
    assert found.classes() == {("Task/going-on", "shop/task:1", LIVE)}


def test_helm_may_go_back_to_the_revisions_before_the_one_in_force(
    site: Site, tmp_path: Path
) -> None:
    for number, status in enumerate(("superseded", "superseded", "failed", "deployed"), 1):
        release(site, number, status)
    helm = site.account("helm", *SHIPPED, *RBAC["helmHistory"])

    found = seen(site, tmp_path, helm, ClusterOptions(depth=1, helm=True))
    forbidden = seen(site, tmp_path, site.account("pullproof", *SHIPPED), ClusterOptions(helm=True))

    assert found.listing.complete
    assert found.classes() == {("Release/shop", "shop/release:2", ROLLBACK)}
    assert [gap.subject for gap in forbidden.listing.gaps] == ["prod: secrets"]


def test_behind_an_upgrade_that_failed_helm_would_go_back_to_what_is_in_force(
    site: Site, tmp_path: Path
) -> None:
    for number, status in enumerate(("superseded", "deployed", "failed"), 1):
        release(site, number, status)
    helm = site.account("helm", *SHIPPED, *RBAC["helmHistory"])

    found = seen(site, tmp_path, helm, ClusterOptions(depth=1, helm=True))

    assert found.classes() == {("Release/shop", "shop/release:2", ROLLBACK)}


def release(site: Site, number: int, status: str) -> None:
    """A revision of a release, as Helm keeps it."""
    spec = {"template": {"spec": site.containers(f"shop/release:{number}")}}
    manifest = json.dumps({"kind": "Deployment", "spec": spec})
    packed = gzip.compress(json.dumps({"manifest": manifest}).encode())
    data = base64.b64encode(base64.b64encode(packed)).decode()
    labels = {"owner": "helm", "name": "shop", "status": status, "version": str(number)}
    more = {"type": "helm.sh/release.v1", "data": {"release": data}, "metadata": {"labels": labels}}
    site.make("v1", "Secret", f"sh.helm.release.v1.shop.v{number}", None, **more)
