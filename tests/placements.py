"""Where may a workload be started, what of its image is lost, and what does that mean for whom?

One table of pods and nodes as people write them, for a list of objects and for a real API server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from exporter.judge.judgement import judge
from exporter.oci.platform import Platform
from exporter.oci.reference import Tag
from exporter.resolve.scope import AuditScope, WantedImage, select, settled
from exporter.sources.cluster.cluster import ClusterOptions
from tests import worlds
from tests.judge.scene import LOST, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.facts.use import ReferenceClass, Use
    from exporter.judge.impact import User
    from exporter.judge.report import Report

Json = dict[str, Any]

ARCHES: Final = {
    "amd64": worlds.image("app", "linux/amd64"),
    "arm64": worlds.image("app", "linux/arm64"),
    "armv7": worlds.image("app", "linux/arm/v7"),
    "windows": worlds.image("app", "windows/amd64"),
}
HOST: Final = "registry.example"
ARCH, OS = "kubernetes.io/arch", "kubernetes.io/os"
_REVISION: Final = "deployment.kubernetes.io/revision"
_VERSIONS: Final = {"Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1"}


def node(name: str, arch: str, system: str = "linux", taint: str = "", **labels: str) -> Json:
    """A node; its taints as `key=value key=value:effect`; the effect is NoSchedule by default."""
    named = {ARCH: arch, OS: system, "kubernetes.io/hostname": name} | labels
    meta = {"name": name, "labels": {key: each for key, each in named.items() if each}}
    spec = {"taints": [_taint(each) for each in taint.split()]} if taint else {}
    info = {"architecture": arch, "operatingSystem": system}
    status = {"nodeInfo": info}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": status}


def _taint(text: str) -> Json:
    named, _, effect = text.partition(":")
    key, _, value = named.partition("=")
    return {"key": key, "value": value, "effect": effect or "NoSchedule"}


FLEET: Final = (
    node("x1", "amd64", pool="web", cores="8"),
    node("x2", "amd64", taint="gpu=yes", pool="gpu", cores="64"),
    node("x3", "amd64", taint="batch=yes:PreferNoSchedule", pool="batch"),
    node("a1", "arm64", taint="arch=arm64", pool="arm"),
    node("v7", "arm", taint="edge=yes:NoExecute", pool="edge"),
    node("a2", "arm64", taint="arch=arm64 node.kubernetes.io/unschedulable", pool="old"),
    node("w1", "amd64", "windows", taint="os=windows"),
    # A virtual kubelet says nothing of what it runs on.
    node("k1", "", "", taint="virtual-kubelet.io/provider=azure", pool="virtual"),
)


def _karpenter(
    name: str, arch: str, taint: str, *, how: str = "In", most: str = "1000", **labels: str
) -> Json:
    required = [{"key": ARCH, "operator": how, "values": [arch]}]
    of = {"requirements": required, "taints": [_taint(taint)]}
    template = {"metadata": {"labels": labels}, "spec": of}
    spec = {"template": template, "limits": {"cpu": most}}
    meta = {"name": name}
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": meta, "spec": spec}


def _machines(namespace: str, name: str, labels: str) -> Json:
    key = "capacity.cluster-autoscaler.kubernetes.io/labels"
    meta = {"name": name, "namespace": namespace, "annotations": {key: labels}}
    version = "cluster.x-k8s.io/v1beta2"
    return {"apiVersion": version, "kind": "MachineDeployment", "metadata": meta}


POOLS: Final = (
    _karpenter("spot", "arm64", "spot=yes", pool="spot"),
    _karpenter("frozen", "arm64", "frozen=yes", most="0", pool="frozen"),
    _karpenter("rest", "amd64", "rest=yes", how="NotIn", pool="rest"),
    _machines("default", "capi", f"{ARCH}=arm64,pool=capi"),
)


def _runtime(name: str, taint: str, **labels: str) -> Json:
    """A RuntimeClass: its nodes have these labels and this taint."""
    tolerations = [{"key": taint, "operator": "Exists"}] if taint else []
    where = {"nodeSelector": labels, "tolerations": tolerations}
    named = {"metadata": {"name": name}, "handler": name, "scheduling": where}
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", **named}


RUNTIMES: Final = (
    _runtime("windows", "os", **{OS: "windows"}),
    _runtime("arm", "arch", **{ARCH: "arm64"}),
    _runtime("burst", "", pool="burst", **{ARCH: "arm64"}),
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "plain"}}
    | {"handler": "runc"},
)
TOLERATES_ARM: Final = {"tolerations": [{"key": "arch", "operator": "Equal", "value": "arm64"}]}
TOLERATES_ALL: Final = {"tolerations": [{"operator": "Exists"}]}


def chosen(**labels: str) -> Json:
    """A node selector; `arch` and `os` are the platform's labels."""
    long = {"arch": ARCH, "os": OS, "host": "kubernetes.io/hostname"}
    return {"nodeSelector": {long.get(key, key): value for key, value in labels.items()}}


def condition(key: str, how: str, *of: str) -> Json:
    """One requirement on a label or a field of nodes."""
    return {"key": key, "operator": how, "values": [*of]} if of else {"key": key, "operator": how}


def terms(*each: Json) -> Json:
    """Required node affinity with these terms."""
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [*each]}}
    return {"affinity": {"nodeAffinity": required}}


def drawn(*of: tuple[str, str, list[str]]) -> Json:
    """Required node affinity: one term for each condition."""
    return terms(*({"matchExpressions": [condition(key, how, *any_of)]} for key, how, any_of in of))


@dataclass(frozen=True)
class Placement:
    """One workload, its image, and what a loss means."""

    name: str
    lost: str
    """What is lost: children by the names of `ARCHES`, `amd64:layer`, `index`, `tag`."""
    means: str
    """The class, the severities, and `must` or `may` with the platforms that its workload fails on.

    Before those stand another class than the tag's, and another workload than its own.
    """
    spec: Json = field(default_factory=dict)
    """Of its pods; `@` stands for the image."""
    pods: tuple[str, ...] = ()
    """The node of each pod of the newest template; empty is pending."""
    old: Json | None = None
    """The spec of an earlier template, where there is one."""
    old_pods: tuple[str, ...] = ()
    kind: str = "Deployment"
    """`Node` is a pod that its node made."""
    replicas: int = 1
    more: Json = field(default_factory=dict)
    """Of the controller's own spec."""
    offers: str = " ".join(ARCHES)
    """The children of the index; one alone is an image without an index."""
    beside: tuple[Placement, ...] = ()
    """Further workloads that use the same image."""
    blind: bool = False
    """May nodes not be listed?"""
    always: tuple[str, ...] = ()
    """The platforms that the cluster must always serve."""
    pools: bool = False
    """Are node pools read?"""
    require: tuple[str, ...] = ()
    """The platforms that the registry requires of every tag."""
    phase: str = ""
    """Of its pods; by default those on a node run, and the others are pending."""
    tag: str = ""
    """Of the image, where that is another's."""
    added: Json = field(default_factory=dict)
    """What admission gives the pods of the newest template."""

    @property
    def image(self) -> str:
        return f"{HOST}/app:{self.tag or self.name}"

    @property
    def options(self) -> ClusterOptions:
        """How its cluster is read."""
        return ClusterOptions(
            leave_out=frozenset({"nodes"} if self.blind else ()),
            platforms=frozenset(map(Platform.parse, self.always)),
            pools=self.pools,
        )

    def documents(self, namespace: str, make: Callable[[Json], Json]) -> None:
        """Make its objects; `make` returns each with its uid."""
        for each in self.beside:
            replace(each, tag=self.name).documents(namespace, make)
        meta = {"name": self.name, "namespace": namespace}
        if self.kind in ("Pod", "Node"):
            (at,) = self.pods
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": at, "uid": f"u-{at}"}}
            make(self._pod(meta | (_owned(node) if self.kind == "Node" else {}), self.spec, at))
            return
        owner = make(self._controller(self.kind, meta, self.spec, self.replicas, **self.more))
        templates = [(self.spec, self.pods, self.added)]
        if self.old is not None:
            templates.insert(0, (self.old, self.old_pods, {}))
        for number, (spec, pods, added) in enumerate(templates, 1):
            below = self._template(owner, number, spec, len(pods))
            made = make(below) if below else owner
            above = owner if made["kind"] == "ControllerRevision" else made
            for each, at in enumerate(pods):
                own = {**meta, "name": f"{self.name}-{number}-{each}", **_owned(above)}
                where = only_at(at) if self.kind == "DaemonSet" and at else {}
                make(self._pod(own, spec | added | where, at))

    def _template(self, owner: Json, number: int, spec: Json, replicas: int) -> Json | None:
        """Return what its controller makes for one of its templates."""
        meta = {"name": f"{self.name}-{number}", "namespace": owner["metadata"]["namespace"]}
        meta |= _owned(owner)
        if self.kind == "Deployment":
            marks = {"annotations": {_REVISION: str(number)}}
            return self._controller("ReplicaSet", meta | marks, spec, replicas)
        if self.kind == "CronJob" and replicas:
            return self._controller("Job", meta, spec, 1)
        if self.kind in ("StatefulSet", "DaemonSet"):
            data = {"spec": {"template": {"$patch": "replace", "spec": self._containers(spec)}}}
            kept = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta}
            return kept | {"data": data, "revision": number}
        return None

    def _controller(self, kind: str, meta: Json, spec: Json, replicas: int, **more: Any) -> Json:
        labels = {"app": self.name}
        template: Json = {"metadata": {"labels": labels}, "spec": self._containers(spec)}
        made: Json = {"template": template}
        if kind in ("Job", "CronJob"):
            template["spec"]["restartPolicy"] = "Never"
            if kind == "CronJob":
                job = {"spec": made | more.pop("job", {})}
                made = {"schedule": "30 7 * * *", "jobTemplate": job}
        else:
            plain = kind == "ReplicationController"
            made["selector"] = labels if plain else {"matchLabels": labels}
            made |= {} if kind == "DaemonSet" else {"replicas": replicas}
            made |= {"serviceName": self.name} if kind == "StatefulSet" else {}
        version = _VERSIONS.get(kind, "apps/v1")
        status = {}
        if kind == "StatefulSet" and self.old is not None:
            now = {"currentRevision": f"{self.name}-1", "updateRevision": f"{self.name}-2"}
            status = {"status": {"replicas": replicas, **now}}
        document = {"apiVersion": version, "kind": kind, "metadata": meta, **status}
        return document | {"spec": made | more}

    def _pod(self, meta: Json, spec: Json, at: str) -> Json:
        spec = self._containers(spec) | ({"nodeName": at} if at else {})
        # The scheduler and the admission of pods add these.
        passing = {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}
        spec["tolerations"] = [*spec.get("tolerations", []), {**passing, "effect": "NoExecute"}]
        told = {"name": "c", "image": self.image, "imageID": "", "restartCount": 0}
        told |= {"ready": bool(at), "state": {"running": {}} if at else {}}
        phase = self.phase or ("Running" if at else "Pending")
        status = {"phase": phase, "containerStatuses": [told]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}

    def _containers(self, spec: Json) -> Json:
        whole = {"containers": [{"name": "c", "image": "@"}], **spec}
        return dict(json.loads(json.dumps(whole).replace('"@"', f'"{self.image}"')))

    def report(self, uses: Iterable[Use]) -> Report | None:
        """What an audit of the image finds; None where nothing wants it."""
        scope = AuditScope(latest=(), require=frozenset(map(Platform.parse, self.require)))
        own = [settled(scope, use) for use in uses if str(use.reference) == self.image]
        if not own:
            return None
        (wanted,) = select(scope, {}, own)
        return judge(self._seen(wanted).snapshot(uses=tuple(own)), {})

    def outcome(self, uses: Iterable[Use]) -> str:
        """What the loss means for the uses of this image, in the words of `means`."""
        report = self.report(uses)
        if report is None:
            return "not wanted"
        worst = sorted({each.severity.value for each in report.findings})
        (tag,) = report.tags
        of = tag.verdict.root.reference_class
        hits = (self._hit(of, user) for user in tag.impact.workloads)
        return f"{of} {','.join(worst)}{''.join(hits)}"

    def _seen(self, wanted: WantedImage) -> Scene:
        """What an audit sees of the image."""
        children = [ARCHES[each] for each in self.offers.split()]
        made = worlds.index(*children) if len(children) > 1 else children[0]
        seen = Scene()
        if self.lost == "tag":
            seen.roots = [wanted.root(Tag(self.tag or self.name), None, LOST)]
            return seen
        seen.tag(made, self.tag or self.name, kind=wanted.reference_class)
        (root,) = seen.roots
        seen.roots = [wanted.root(root.tag, root.digest, root.sighting)]
        for each in self.lost.split():
            name, _, part = each.partition(":")
            lost = made if name == "index" else ARCHES[name]
            blob = {"layer": lost.layers[:1], "config": lost.blobs[:1]}.get(part, (lost,))
            seen.lose(*(one.digest for one in blob))
        return seen

    def _hit(self, of: ReferenceClass, user: User) -> str:
        workload = user.workload
        assert workload
        kind = "Pod" if self.kind == "Node" else self.kind
        mine = (workload.kind, workload.name) == (kind, self.name)
        who = "" if mine else f" {workload.kind} {workload.name}"
        how = "" if user.reference_class is of else f" {user.reference_class}"
        platforms = ",".join(map(str, user.fails_on))
        return f"{how}{who} {'must' if user.stops else 'may'} {platforms}"


def only_at(name: str) -> Json:
    """The affinity by which the controller of a DaemonSet binds a pod."""
    return terms({"matchFields": [condition("metadata.name", "In", name)]})


def _owned(by: Json) -> Json:
    owner = {"apiVersion": by["apiVersion"], "kind": by["kind"], "controller": True}
    owner |= {key: by["metadata"][key] for key in ("name", "uid")}
    return {"ownerReferences": [owner]}
