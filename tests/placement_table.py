"""Workloads as people write them: what the loss of a part of their image means, and for whom.

Where no part is lost, the image lacks something else.
"""

from __future__ import annotations

from typing import Any, Final

from tests.more_placements import MORE
from tests.placements import (
    ARCH,
    TOLERATES_ALL,
    TOLERATES_ARM,
    Placement,
    chosen,
    drawn,
    only_at,
)

Json = dict[str, Any]

AMD, ARM, V7, WIN = "linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"
_BURST: Final = chosen(arch="arm64", pool="burst")
_BOTH: Final = (AMD, ARM)
_EITHER: Final = drawn((ARCH, "In", ["amd64", "arm64"]))


_NODES: Final = (
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
        "not-arm", "arm64", "live info", drawn((ARCH, "NotIn", ["arm64"])) | TOLERATES_ALL, ("x1",)
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
        f"live critical,info,warning must {ARM}",
        drawn((ARCH, "In", ["arm64", "s390x"])) | chosen(pool="burst"),
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
        drawn((ARCH, "NotIn", ["arm64"])),
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

_ARM: Final = chosen(arch="arm64") | TOLERATES_ARM
_AMD: Final = chosen(arch="amd64")
_OTHER: Final = {"name": "c", "image": "other.example/app:1"}
_SUSPENDED: Final = {"suspend": True}
_HELD_BACK: Final = {"updateStrategy": {"rollingUpdate": {"partition": 1}}}


def _tolerates(**toleration: Any) -> Json:
    return {"tolerations": [toleration]}


def _beside(name: str, spec: Json, *pods: str, replicas: int = 1) -> tuple[Placement, ...]:
    return (Placement(name, "", "", spec, pods, replicas=replicas),)


# What makes pods, and what of it counts.
_KINDS: Final = (
    Placement("stateful", "amd64", f"live critical must {AMD}", {}, ("x1",), kind="StatefulSet"),
    Placement("stateful-elsewhere", "arm64", "live info", {}, ("x1",), kind="StatefulSet"),
    Placement("partition-holds-the-old", "amd64", f"live critical must {AMD}", _ARM, ("a1",),
              _AMD, ("x1",), "StatefulSet", 2, _HELD_BACK),
    Placement("stateful-may-go-back", "amd64", f"live warning rollback must {AMD}", _ARM, ("a1",),
              _AMD, kind="StatefulSet"),
    Placement("deployment-may-go-back", "amd64", f"live warning rollback must {AMD}", _ARM,
              ("a1",), _AMD),
    Placement("daemon-may-go-back", "amd64", f"live warning rollback must {AMD}", _ARM, ("a1",),
              _AMD, kind="DaemonSet"),
    Placement("goes-back-where-it-runs", "arm64", f"live critical must {ARM}", _ARM, ("a1",),
              _ARM | {"hostNetwork": True}),
    Placement("replica-set", "amd64", f"live critical must {AMD}", {}, ("x1",), kind="ReplicaSet"),
    Placement("replication-controller", "amd64", f"live critical must {AMD}", {}, ("x1",),
              kind="ReplicationController"),
    Placement("replication-controller-at-zero", "amd64", f"idle warning must {AMD}",
              kind="ReplicationController", replicas=0),
    Placement("job", "arm64", f"live critical must {ARM}", TOLERATES_ARM, ("a1",), kind="Job"),
    Placement("job-that-waits", "arm64", f"live warning may {ARM}", TOLERATES_ARM, kind="Job"),
    Placement("job-suspended", "amd64", f"idle warning must {AMD}", kind="Job", more=_SUSPENDED),
    Placement("cron-job", "amd64", f"live critical must {AMD}", kind="CronJob"),
    Placement("cron-job-on-arm", "amd64", "live info", _ARM, kind="CronJob"),
    Placement("cron-job-suspended", "arm64", f"idle warning must {ARM}", _ARM, kind="CronJob",
              more=_SUSPENDED),
    Placement("cron-job-still-runs", "arm64", f"live critical must {ARM}", TOLERATES_ARM, ("a1",),
              kind="CronJob", more=_SUSPENDED),
    Placement("static", "amd64", f"live critical must {AMD}", TOLERATES_ALL, ("x1",), kind="Node"),
    Placement("static-elsewhere", "arm64", "live info", TOLERATES_ALL, ("x1",), kind="Node"),
    Placement("bare-pending", "arm64", f"live warning may {ARM}", TOLERATES_ARM, ("",), kind="Pod"),
    Placement("bare-done", "amd64", "not wanted", {}, ("x1",), kind="Pod", phase="Succeeded"),
    Placement("paused", "amd64", f"live critical must {AMD}", more={"paused": True}),
    Placement("evicted", "arm64", f"live warning may {ARM}", TOLERATES_ARM, ("a1",),
              phase="Failed"),
    Placement("out-of-reach", "arm64", f"live critical must {ARM}", TOLERATES_ARM, ("a1",),
              phase="Unknown"),
    Placement("in-a-rollout", "arm64", f"live critical must {ARM}", _AMD, ("x1",), _ARM, ("a1",)),
    Placement("in-a-rollout-new-lost", "amd64", f"live critical must {AMD}", _AMD, ("",), _ARM,
              ("a1",)),
    Placement("scales-up", "arm64", f"live warning may {ARM}", TOLERATES_ARM, ("x1", "")),
    Placement("gated", "amd64", f"live critical must {AMD}",
              {"schedulingGates": [{"name": "example.com/gate"}]}, ("",)),
    Placement("shared-with-idle", "arm64",
              f"live warning idle Deployment sleeps must {ARM}", {}, ("x1",),
              beside=_beside("sleeps", _ARM, replicas=0)),
    Placement("shared-with-live", "arm64", f"live critical Deployment other must {ARM}", {},
              ("x1",), beside=_beside("other", _ARM, "a1")),
    Placement("shared-all-lost", "amd64 arm64",
              f"live critical Deployment another must {ARM} must {AMD}", {}, ("x1",),
              beside=_beside("another", _ARM, "a1")),
    Placement("shared-with-unknown", "windows",
              f"live critical Deployment nobody-knows must {WIN}", {}, ("x1",),
              beside=_beside("nobody-knows", chosen(pool="burst"), "")),
)  # fmt: skip

# Where in a pod the image is, and which part of it is lost.
_IMAGES: Final = (
    Placement("init", "amd64", f"live critical must {AMD}",
              {"initContainers": [{"name": "i", "image": "@"}], "containers": [_OTHER]}, ("x1",)),
    Placement("sidecar", "amd64", f"live critical must {AMD}",
              {"initContainers": [{"name": "i", "image": "@", "restartPolicy": "Always"}],
               "containers": [_OTHER]}, ("x1",)),
    Placement("second-container", "arm64", f"live critical must {ARM}",
              {"containers": [_OTHER, {"name": "d", "image": "@"}]} | TOLERATES_ARM, ("a1",)),
    Placement("image-volume", "amd64", f"live critical must {AMD}",
              {"containers": [_OTHER], "volumes": [{"name": "v", "image": {"reference": "@"}}]},
              ("x1",)),
    Placement("layer", "amd64:layer", f"live critical must {AMD}", {}, ("x1",)),
    Placement("layer-elsewhere", "arm64:layer", "live info", {}, ("x1",)),
    Placement("layer-may", "arm64:layer", f"live warning may {ARM}", TOLERATES_ARM, ("x1",)),
    Placement("config", "amd64:config", f"live critical must {AMD}", {}, ("x1",)),
    Placement("index-lost", "index", f"live critical must {AMD}", {}, ("x1",)),
    Placement("no-such-tag", "tag", f"live critical must {AMD}", {}, ("x1",)),
    Placement("no-such-tag-idle", "tag", f"idle warning must {AMD}", replicas=0),
    Placement("plain", "amd64", f"live critical must {AMD}", {}, ("x1",), offers="amd64"),
    Placement("plain-layer", "amd64:layer", f"live critical must {AMD}", {}, ("x1",),
              offers="amd64"),
    Placement("not-offered", "", "live warning", TOLERATES_ARM, ("x1",), offers="amd64 windows"),
    Placement("not-offered-where-it-runs", "", f"live critical must {ARM}", TOLERATES_ARM, ("a1",),
              offers="amd64 windows"),
    Placement("not-offered-anywhere", "", f"live critical must {AMD},{ARM}", TOLERATES_ARM, ("",),
              offers="windows"),
    Placement("armv7-on-arm64", "armv7", f"live critical must {ARM}", TOLERATES_ARM, ("a1",),
              offers="amd64 armv7"),
    Placement("required", "arm64", "live critical", {}, ("x1",), require=(ARM,)),
    Placement("required-not-offered", "", "live critical", {}, ("x1",), offers="amd64 windows",
              require=(ARM,)),
    Placement("required-idle", "arm64", "idle warning", replicas=0, require=(ARM,)),
    Placement("required-elsewhere", "windows", "live info", {}, ("x1",), require=(ARM,)),
    Placement("required-and-may", "arm64", f"live critical may {ARM}", TOLERATES_ARM, ("x1",),
              require=(ARM,)),
)  # fmt: skip

# What chooses its nodes.
_CHOICES: Final = (
    Placement("more-cores", "amd64", f"live critical must {AMD}",
              drawn(("cores", "Gt", ["32"])) | TOLERATES_ALL, ("",)),
    Placement("fewer-cores", "arm64", "live info",
              drawn(("cores", "Lt", ["32"])) | TOLERATES_ALL, ("x1",)),
    Placement("has-a-pool", "arm64", "live info", drawn(("pool", "Exists", [])), ("x1",)),
    Placement("has-no-pool", "windows", f"live critical must {WIN}",
              drawn(("pool", "DoesNotExist", [])) | TOLERATES_ALL, ("",)),
    Placement("either-term", "arm64", f"live warning may {ARM}",
              drawn((ARCH, "In", ["arm64"]), ("pool", "In", ["web"])) | TOLERATES_ARM, ("x1",)),
    Placement("prefers-arm", "arm64", f"live warning may {ARM}", TOLERATES_ARM | {
              "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                  {"weight": 1, "preference": {"matchExpressions": [
                      {"key": ARCH, "operator": "In", "values": ["arm64"]}]}}]}}}, ("x1",)),
    Placement("no-node-ever", "amd64", "live info", {"affinity": {"nodeAffinity": {
              "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}}},
              ("",)),
    Placement("names-a-node", "arm64", f"live critical must {ARM}", only_at("a1") | TOLERATES_ARM,
              ("",)),
    Placement("names-a-node-that-left", "arm64", f"live critical must {ARM}", only_at("gone"),
              ("",)),
    Placement("bound-by-its-template", "arm64", f"live critical must {ARM}", {"nodeName": "a1"},
              ("a1",)),
    Placement("node-left", "arm64", f"live warning may {ARM}", TOLERATES_ARM, ("gone",)),
    Placement("node-left-amd-lost", "amd64", f"live critical must {AMD}", {}, ("gone",)),
    Placement("daemon-whose-node-left", "windows", "live info", {}, ("x1", "gone"),
              kind="DaemonSet"),
    Placement("daemon-whose-arm-node-left", "windows armv7", "live info", TOLERATES_ARM,
              ("x1", "a1", "gone"), kind="DaemonSet"),
    Placement("daemon-whose-last-node-left", "windows", "idle info", _BURST, ("gone",),
              kind="DaemonSet"),
    Placement("stateful-whose-node-left", "windows", "live info", only_at("x1"), ("gone",),
              kind="StatefulSet"),
    Placement("bare-whose-node-left", "amd64", f"live critical must {AMD}", {}, ("gone",),
              kind="Pod"),
    Placement("other-effect", "arm64", "live info",
              _tolerates(key="arch", operator="Exists", effect="NoExecute"), ("x1",)),
    Placement("any-value", "arm64", f"live warning may {ARM}",
              _tolerates(key="arch", operator="Exists"), ("x1",)),
    Placement("other-value", "arm64", "live info",
              _tolerates(key="arch", operator="Equal", value="riscv64"), ("x1",)),
    Placement("for-a-while", "armv7", f"live warning may {V7}", _tolerates(
              key="edge", operator="Exists", effect="NoExecute", tolerationSeconds=60), ("x1",)),
    Placement("on-arm-v7", "armv7", f"live critical must {V7}",
              chosen(pool="edge") | TOLERATES_ALL, ("v7",)),
    Placement("soft-taint", "amd64", f"live critical must {AMD}", chosen(pool="batch"), ("",)),
    Placement("cordoned", "arm64", f"live critical must {ARM}",
              chosen(pool="old") | TOLERATES_ARM, ("",)),
    Placement("virtual", "arm64", f"live critical must {ARM}",
              chosen(pool="virtual") | TOLERATES_ALL, ("k1",)),
    Placement("virtual-linux", "windows", "live info", chosen(pool="virtual")
              | {"os": {"name": "linux"}} | TOLERATES_ALL, ("k1",)),
    Placement("another-zone", "arm64", f"live critical must {ARM}",
              chosen(**{"topology.kubernetes.io/zone": "b"}), ("",)),
    Placement("another-zone-of-amd", "arm64", "live info",
              chosen(arch="amd64", **{"topology.kubernetes.io/zone": "b"}), ("",)),
    Placement("daemon-on-windows", "windows", f"live critical must {WIN}",
              chosen(os="windows") | TOLERATES_ALL, ("w1",), kind="DaemonSet"),
    Placement("daemon-on-windows-linux-lost", "amd64", "live info",
              chosen(os="windows") | TOLERATES_ALL, ("w1",), kind="DaemonSet"),
    Placement("blind-daemon", "arm64", f"live critical must {ARM}", {}, ("x1",), kind="DaemonSet",
              blind=True),
    Placement("blind-linux-on-arm", "amd64", "live info", chosen(os="linux", arch="arm64"),
              ("a1",), blind=True),
    Placement("blind-idle", "arm64", f"idle warning must {ARM}", replicas=0, blind=True),
    Placement("always-daemon", "arm64", f"live critical must {ARM}", {}, ("x1",), kind="DaemonSet",
              always=_BOTH),
    Placement("always-idle", "arm64", f"idle warning must {ARM}", replicas=0, always=_BOTH),
    Placement("always-windows", "arm64", "live info", chosen(os="windows") | TOLERATES_ALL,
              ("w1",), always=_BOTH),
    Placement("karpenter", "arm64", f"live critical must {ARM}", chosen(pool="spot")
              | _tolerates(key="spot", operator="Exists"), ("",), pools=True),
    Placement("karpenter-amd-lost", "amd64", "live info", chosen(pool="spot")
              | _tolerates(key="spot", operator="Exists"), ("",), pools=True),
    Placement("cluster-api", "amd64", "live info", chosen(pool="capi"), ("",), pools=True),
    Placement("cluster-api-not-read", "amd64", f"live critical must {AMD}", chosen(pool="capi"),
              ("",)),
    Placement("cluster-api-for-all", "arm64", f"live warning may {ARM}", {}, ("x1",), pools=True),
)  # fmt: skip


def _by(name: str) -> Json:
    return {"runtimeClassName": name}


# What chooses the nodes of its RuntimeClass: admission adds it to pods, and to no template.
_RUNTIMES: Final = (
    Placement("runtime-windows", "windows", f"live critical must {WIN}", _by("windows")),
    Placement("runtime-windows-linux-lost", "amd64", "live info", _by("windows"), ("w1",)),
    Placement("runtime-daemon", "amd64", "live info", _by("windows"), ("w1",), kind="DaemonSet"),
    Placement("runtime-daemon-windows-lost", "windows", f"live critical must {WIN}",
              _by("windows"), ("w1",), kind="DaemonSet"),
    Placement("runtime-cron", "amd64", "live info", _by("arm"), kind="CronJob"),
    Placement("runtime-cron-arm-lost", "arm64", f"live critical must {ARM}", _by("arm"),
              kind="CronJob"),
    Placement("runtime-stateful-at-zero", "amd64", "idle info", _by("arm"), kind="StatefulSet",
              replicas=0),
    Placement("runtime-pool-at-zero", "arm64", f"live critical must {ARM}", _by("burst"), ("",)),
    Placement("runtime-and-selector", "amd64", "live info", _by("arm") | chosen(pool="arm")),
    Placement("runtime-blind", "amd64", "live info", _by("arm"), blind=True),
    Placement("runtime-old", "windows", f"live critical must {WIN}", _by("windows"), ("",),
              old=_by("arm"), old_pods=("a1",)),
    Placement("runtime-plain", "arm64", "live info", _by("plain"), ("x1",)),
)  # fmt: skip

_NEVER: Final = {"name": "c", "image": "@", "imagePullPolicy": "Never"}


def _volume(policy: str) -> Json:
    source = {"reference": "@", "pullPolicy": policy}
    return {"containers": [_OTHER], "volumes": [{"name": "v", "image": source}]}


# What is not started again, or by no pull.
_AT_REST: Final = (
    Placement("never-pulled", "amd64", "not wanted", {"containers": [_NEVER]}, ("x1",)),
    Placement("never-pulled-volume", "amd64", "not wanted", _volume("Never"), ("x1",)),
    Placement("pulled-volume", "amd64", f"live critical must {AMD}", _volume("IfNotPresent"),
              ("x1",)),
    Placement("never-pulled-at-first", "amd64", "not wanted",
              {"containers": [_OTHER], "initContainers": [_NEVER | {"name": "i"}]},
              kind="DaemonSet"),
    Placement("never-pulled-beside-pulled", "amd64", f"live critical must {AMD}",
              {"containers": [_NEVER, {"name": "d", "image": "@"}]}, ("x1",)),
    Placement("job-of-no-pods", "amd64", f"idle warning must {AMD}", kind="Job",
              more={"parallelism": 0}),
    Placement("job-with-a-failure-policy", "amd64", f"live critical must {AMD}", {}, ("x1",),
              kind="Job", more={"backoffLimitPerIndex": 1, "completionMode": "Indexed",
                                "completions": 3}),
    Placement("cron-job-of-suspended-jobs", "arm64", f"idle warning must {ARM}", _ARM,
              kind="CronJob", more={"job": _SUSPENDED}),
    Placement("cron-job-resumed", "arm64", f"live critical must {ARM}", _ARM, kind="CronJob",
              more={"suspend": False}),
    Placement("on-delete", "amd64", f"live critical must {AMD}", _ARM, ("a1",), _AMD, ("x1",),
              "StatefulSet", 2, {"updateStrategy": {"type": "OnDelete"}}),
    Placement("on-delete-all-new", "amd64", f"live warning rollback must {AMD}", _ARM, ("a1",),
              _AMD, (), "StatefulSet", 1, {"updateStrategy": {"type": "OnDelete"}}),
)  # fmt: skip

TABLE: Final = (*_NODES, *_KINDS, *_IMAGES, *_CHOICES, *_RUNTIMES, *_AT_REST, *MORE)
