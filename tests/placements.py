"""Where may a workload be started, what of its image is lost, and what does that mean for whom?

One table of pods and nodes as people write them, for a list of objects and for a real API server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from exporter.judge.judgement import judge
from exporter.resolve.scope import AuditScope, select, settled
from tests import worlds
from tests.judge.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.facts.use import Use

Json = dict[str, Any]

ARCHES: Final = {
    "amd64": worlds.image("app", "linux/amd64"),
    "arm64": worlds.image("app", "linux/arm64"),
    "armv7": worlds.image("app", "linux/arm/v7"),
    "windows": worlds.image("app", "windows/amd64"),
}
IMAGE: Final = worlds.index(*ARCHES.values())
HOST: Final = "registry.example"
_ARCH, _OS = "kubernetes.io/arch", "kubernetes.io/os"
_REVISION: Final = "deployment.kubernetes.io/revision"


def node(name: str, arch: str, system: str = "linux", taint: str = "", **labels: str) -> Json:
    """A node; its taint as `key=value`."""
    key, _, value = taint.partition("=")
    named = {_ARCH: arch, _OS: system, "kubernetes.io/hostname": name} | labels
    taints = [{"key": key, "value": value, "effect": "NoSchedule"}] if taint else []
    info = {"architecture": arch, "operatingSystem": system}
    spec = {"taints": taints} if taints else {}
    meta = {"name": name, "labels": named}
    status = {"nodeInfo": info}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": status}


FLEET: Final = (
    node("x1", "amd64", pool="web"),
    node("x2", "amd64", taint="gpu=yes", pool="gpu"),
    node("a1", "arm64", taint="arch=arm64", pool="arm"),
    node("w1", "amd64", "windows", taint="os=windows"),
)
TOLERATES_ARM: Final = {"tolerations": [{"key": "arch", "operator": "Equal", "value": "arm64"}]}
TOLERATES_ALL: Final = {"tolerations": [{"operator": "Exists"}]}


def chosen(**labels: str) -> Json:
    """A node selector; `arch` and `os` are the platform's labels."""
    long = {"arch": _ARCH, "os": _OS, "host": "kubernetes.io/hostname"}
    return {"nodeSelector": {long.get(key, key): value for key, value in labels.items()}}


def drawn(*terms: tuple[str, str, list[str]]) -> Json:
    """Required node affinity: one term for each condition."""
    made = [
        {"matchExpressions": [{"key": key, "operator": how, **({"values": of} if of else {})}]}
        for key, how, of in terms
    ]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": made}}
    return {"affinity": {"nodeAffinity": required}}


@dataclass(frozen=True)
class Placement:
    """One workload, its image, and what a loss means."""

    name: str
    lost: str
    """The children that are lost, by the names of `ARCHES`."""
    means: str
    """The severity of each, and `must` or `may` with the platforms that the workload fails on."""
    spec: Json = field(default_factory=dict)
    pods: tuple[str, ...] = ()
    """The node of each pod of the newest template; empty is pending."""
    old: Json | None = None
    """The spec of an earlier template, where that still has pods."""
    old_pods: tuple[str, ...] = ()
    kind: str = "Deployment"
    replicas: int = 1
    blind: bool = False
    """May nodes not be listed?"""
    always: tuple[str, ...] = ()
    """The platforms that the cluster must always serve."""

    @property
    def image(self) -> str:
        return f"{HOST}/app:{self.name}"

    def documents(self, namespace: str, make: Callable[[Json], Json]) -> None:
        """Make its objects; `make` returns each with its uid."""
        meta = {"name": self.name, "namespace": namespace}
        if self.kind == "Pod":
            (at,) = self.pods
            make(self._pod(meta, self.spec, at))
            return
        owner = make(self._controller(self.kind, meta, self.spec, self.replicas))
        if self.kind == "DaemonSet":
            for number, at in enumerate(self.pods):
                named = {**meta, "name": f"{self.name}-{number}", **_owned(owner)}
                make(self._pod(named, self.spec, at))
            return
        specs = [(self.old, self.old_pods)] if self.old is not None else []
        for number, (spec, pods) in enumerate([*specs, (self.spec, self.pods)], 1):
            marks = {"annotations": {_REVISION: str(number)}}
            named = {**meta, "name": f"{self.name}-{number}", **_owned(owner), **marks}
            made = make(self._controller("ReplicaSet", named, spec, len(pods)))
            for each, at in enumerate(pods):
                own = {**meta, "name": f"{self.name}-{number}-{each}", **_owned(made)}
                make(self._pod(own, spec, at))

    def _controller(self, kind: str, meta: Json, spec: Json, replicas: int) -> Json:
        labels = {"app": self.name}
        template = {"metadata": {"labels": labels}, "spec": self._containers(spec)}
        made: Json = {"selector": {"matchLabels": labels}, "template": template}
        if kind != "DaemonSet":
            made["replicas"] = replicas
        return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": made}

    def _pod(self, meta: Json, spec: Json, at: str) -> Json:
        spec = self._containers(spec) | ({"nodeName": at} if at else {})
        # The scheduler and the admission of pods add these.
        passing = {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}
        spec["tolerations"] = [*spec.get("tolerations", []), {**passing, "effect": "NoExecute"}]
        told = {"name": "c", "image": self.image, "imageID": "", "restartCount": 0}
        told |= {"ready": bool(at), "state": {"running": {}} if at else {}}
        status = {"phase": "Running" if at else "Pending", "containerStatuses": [told]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}

    def _containers(self, spec: Json) -> Json:
        return {"containers": [{"name": "c", "image": self.image}], **spec}

    def outcome(self, uses: Iterable[Use]) -> str:
        """What the loss means for the uses of this image, in the words of `means`."""
        scope = AuditScope(latest=())
        own = [settled(scope, use) for use in uses if str(use.reference) == self.image]
        (wanted,) = select(scope, {}, own)
        lost = [ARCHES[each] for each in self.lost.split()]
        seen = Scene().tag(IMAGE, self.name, kind=wanted.reference_class)
        (root,) = seen.roots
        seen.roots = [wanted.root(root.tag, root.digest, root.sighting)]
        report = judge(seen.lose(*(each.digest for each in lost)).snapshot(uses=tuple(own)), {})
        worst = sorted({each.severity.value for each in report.findings if each.rule.breaks_pull})
        (tag,) = report.tags
        hit = (
            f" {'must' if user.stops else 'may'} {','.join(map(str, user.fails_on))}"
            for user in tag.impact.workloads
        )
        return f"{wanted.reference_class} {','.join(worst)}{''.join(hit)}"


def _owned(by: Json) -> Json:
    owner = {"apiVersion": by["apiVersion"], "kind": by["kind"], "controller": True}
    owner |= {key: by["metadata"][key] for key in ("name", "uid")}
    return {"ownerReferences": [owner]}


AMD, ARM, WIN = "linux/amd64", "linux/arm64", "windows/amd64"
_BURST: Final = chosen(arch="arm64", pool="burst")
_BOTH: Final = (AMD, ARM)
_EITHER: Final = drawn((_ARCH, "In", ["amd64", "arm64"]))


TABLE: Final = (
    Placement("runs-there", "amd64", f"live critical must {AMD}", pods=("x1",)),
    Placement("runs-elsewhere", "arm64", "live info", pods=("x1",)),
    Placement("two-pods", "amd64", f"live critical must {AMD}", pods=("x1", "x1")),
    Placement("tolerates-arm", "arm64", f"live warning may {ARM}", TOLERATES_ARM, ("x1",)),
    Placement(
        "tolerates-arm-amd-lost", "amd64", f"live critical must {AMD}", TOLERATES_ARM, ("x1",)
    ),
    Placement("runs-on-arm", "arm64", f"live critical must {ARM}", TOLERATES_ARM, ("a1",)),
    Placement("runs-on-both", "arm64", f"live critical must {ARM}", TOLERATES_ARM, ("x1", "a1")),
    Placement("on-arm-may-amd", "amd64", f"live warning may {AMD}", TOLERATES_ARM, ("a1",)),
    Placement(
        "both-lost", "amd64 arm64", f"live critical,warning must {AMD}", TOLERATES_ARM, ("x1",)
    ),
    Placement("pending-anywhere", "arm64", f"live warning may {ARM}", TOLERATES_ARM, ("",)),
    Placement(
        "pending-nowhere", "amd64 arm64", f"live critical must {AMD},{ARM}", TOLERATES_ARM, ("",)
    ),
    Placement("no-pods", "arm64", f"live warning may {ARM}", TOLERATES_ARM),
    Placement("no-pods-amd", "amd64", f"live critical must {AMD}"),
    Placement("selects-amd", "arm64", "live info", chosen(arch="amd64") | TOLERATES_ALL, ("x1",)),
    Placement(
        "selects-arm",
        "arm64",
        f"live critical must {ARM}",
        chosen(arch="arm64") | TOLERATES_ARM,
        ("",),
    ),
    Placement(
        "selects-pool", "arm64", f"live critical must {ARM}", chosen(pool="arm") | TOLERATES_ARM
    ),
    Placement(
        "selects-host", "arm64", f"live critical must {ARM}", chosen(host="a1") | TOLERATES_ARM
    ),
    Placement(
        "not-arm", "arm64", "live info", drawn((_ARCH, "NotIn", ["arm64"])) | TOLERATES_ALL, ("x1",)
    ),
    Placement(
        "beta-label",
        "arm64",
        "live info",
        drawn(("beta.kubernetes.io/arch", "In", ["amd64"])),
        ("x1",),
    ),
    Placement(
        "gpu", "amd64", f"live critical must {AMD}", chosen(pool="gpu") | TOLERATES_ALL, ("x2",)
    ),
    Placement(
        "says-linux", "windows", "live info", {"os": {"name": "linux"}} | TOLERATES_ALL, ("x1",)
    ),
    Placement(
        "says-windows",
        "windows",
        f"live critical must {WIN}",
        {"os": {"name": "windows"}} | TOLERATES_ALL,
        ("w1",),
    ),
    Placement("windows-tolerated", "windows", f"live warning may {WIN}", TOLERATES_ALL, ("x1",)),
    Placement("armv7-of-arm64", "armv7", "live info", TOLERATES_ARM, ("a1",)),
    Placement(
        "daemon", "arm64", f"live critical must {ARM}", TOLERATES_ALL, ("x1",), kind="DaemonSet"
    ),
    Placement("daemon-amd-only", "arm64", "live info", {}, ("x1",), kind="DaemonSet"),
    Placement("bare", "arm64", "live info", TOLERATES_ALL, ("x1",), kind="Pod"),
    Placement("bare-arm", "arm64", f"live critical must {ARM}", TOLERATES_ALL, ("a1",), kind="Pod"),
    # Where no node admits it now.
    Placement("arm-pool-at-zero", "arm64", f"live critical must {ARM}", _BURST, ("",)),
    Placement("arm-pool-at-zero-amd-lost", "amd64", "live info", _BURST, ("",)),
    Placement("unknown-pool", "arm64", f"live critical must {ARM}", chosen(pool="burst"), ("",)),
    Placement(
        "either-pool-at-zero", "arm64", f"live warning may {ARM}", chosen(pool="burst") | _EITHER
    ),
    Placement(
        "either-pool-all-lost",
        "amd64 arm64",
        f"live critical must {AMD},{ARM}",
        chosen(pool="burst") | _EITHER,
    ),
    Placement(
        "migrates",
        "arm64",
        f"live critical must {ARM}",
        _BURST,
        ("",),
        old=chosen(arch="amd64"),
        old_pods=("x1",),
    ),
    Placement(
        "migrates-amd-lost",
        "amd64",
        f"live critical must {AMD}",
        _BURST,
        ("",),
        old=chosen(arch="amd64"),
        old_pods=("x1",),
    ),
    Placement(
        "migrates-to-unknown",
        "arm64",
        f"live critical must {ARM}",
        chosen(pool="burst"),
        ("",),
        old=chosen(arch="amd64"),
        old_pods=("x1",),
    ),
    Placement(
        "migrates-to-either",
        "arm64 armv7",
        f"live critical,info must {ARM}",
        drawn((_ARCH, "In", ["arm64", "s390x"])) | chosen(pool="burst"),
        ("",),
        old=chosen(arch="amd64"),
        old_pods=("x1",),
    ),
    Placement("daemon-at-zero", "arm64", f"idle warning must {ARM}", _BURST, kind="DaemonSet"),
    Placement("asleep", "arm64", f"idle warning must {ARM}", _BURST, replicas=0),
    Placement("asleep-either", "arm64", f"idle warning must {ARM}", TOLERATES_ARM, replicas=0),
    # Where nodes may not be listed.
    Placement("blind", "arm64", f"live critical must {ARM}", {}, ("x1",), blind=True),
    Placement("blind-amd", "arm64", "live info", chosen(arch="amd64"), ("x1",), blind=True),
    Placement(
        "blind-arm", "arm64", f"live critical must {ARM}", chosen(arch="arm64"), ("a1",), blind=True
    ),
    Placement(
        "blind-not-arm",
        "arm64",
        "live info",
        drawn((_ARCH, "NotIn", ["arm64"])),
        ("x1",),
        blind=True,
    ),
    Placement("blind-linux", "windows", "live info", chosen(os="linux"), ("x1",), blind=True),
    Placement(
        "blind-linux-arm",
        "arm64",
        f"live critical must {ARM}",
        chosen(os="linux"),
        ("x1",),
        blind=True,
    ),
    Placement(
        "blind-spec-os", "windows", "live info", {"os": {"name": "linux"}}, ("x1",), blind=True
    ),
    Placement(
        "blind-spec-windows", "arm64", "live info", {"os": {"name": "windows"}}, ("w1",), blind=True
    ),
    Placement("blind-either", "arm64", f"live critical must {ARM}", _EITHER, ("x1",), blind=True),
    # Where the cluster must always serve some.
    Placement("always", "arm64", f"live critical must {ARM}", {}, ("x1",), always=_BOTH),
    Placement(
        "always-not-excluded", "arm64", "live info", chosen(arch="amd64"), ("x1",), always=_BOTH
    ),
    Placement(
        "always-elsewhere",
        "arm64",
        "live info",
        chosen(pool="gpu") | TOLERATES_ALL,
        ("x2",),
        always=_BOTH,
    ),
    Placement(
        "always-unknown-pool", "windows", "live info", chosen(pool="burst"), ("",), always=_BOTH
    ),
    Placement("always-bare", "arm64", "live info", {}, ("x1",), kind="Pod", always=_BOTH),
)
