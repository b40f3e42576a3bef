"""More workloads for the table of placements: terms, kinds, what admission adds, nodes unseen."""

from __future__ import annotations

from typing import Any, Final

from tests.placements import (
    ARCH,
    TOLERATES_ALL,
    TOLERATES_ARM,
    Placement,
    chosen,
    drawn,
)

Json = dict[str, Any]

AMD, ARM, V7, WIN = "linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"
_ARM: Final = chosen(arch="arm64") | TOLERATES_ARM
_AMD: Final = chosen(arch="amd64")
_OTHER: Final = {"name": "c", "image": "other.example/app:1"}


def _terms(*each: Json) -> Json:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [*each]}}
    return {"affinity": {"nodeAffinity": required}}


def _expr(key: str, how: str, *of: str) -> Json:
    return {"key": key, "operator": how, "values": [*of]} if of else {"key": key, "operator": how}


def _t(**toleration: Any) -> Json:
    return {"tolerations": [toleration]}


MORE: Final = (
    Placement(
        "fields-or-labels",
        "arm64",
        f"live warning may {ARM}",
        _terms(
            {"matchFields": [_expr("metadata.name", "In", "a1")]},
            {"matchExpressions": [_expr("pool", "In", "web")]},
        )
        | TOLERATES_ARM,
        ("x1",),
    ),
    Placement(
        "fields-not-in",
        "arm64",
        "live info",
        _terms(
            {
                "matchFields": [_expr("metadata.name", "NotIn", "a1")],
                "matchExpressions": [_expr("pool", "NotIn", "old")],
            }
        )
        | TOLERATES_ARM,
        ("x1",),
    ),
    Placement(
        "number-of-no-number",
        "arm64",
        f"live critical must {ARM}",
        drawn(("pool", "Gt", ["3"])),
        ("",),
    ),
    Placement("at-odds", "amd64 arm64", "live info", _AMD | drawn((ARCH, "In", ["arm64"])), ("",)),
    Placement(
        "no-execute-alone",
        "armv7",
        f"live warning may {V7}",
        _t(operator="Exists", effect="NoExecute"),
        ("x1",),
    ),
    Placement("equal-nothing", "arm64", "live info", _t(key="arch", operator="Equal"), ("x1",)),
    Placement(
        "equal-by-default",
        "arm64",
        f"live warning may {ARM}",
        _t(key="arch", value="arm64"),
        ("x1",),
    ),
    Placement(
        "windows-by-selector",
        "windows",
        f"live critical must {WIN}",
        chosen(os="windows") | _t(key="os", operator="Exists"),
        ("",),
    ),
    Placement(
        "windows-by-os-alone",
        "windows",
        f"live critical must {WIN}",
        {"os": {"name": "windows"}} | _t(key="os", operator="Exists"),
        ("",),
    ),
    Placement(
        "windows-untolerated", "windows", f"live critical must {WIN}", chosen(os="windows"), ("",)
    ),
    Placement("windows-untolerated-linux-lost", "amd64", "live info", chosen(os="windows"), ("",)),
    Placement(
        "daemon-per-arch",
        "arm64",
        f"live critical must {ARM}",
        _ARM,
        ("a1",),
        kind="DaemonSet",
        beside=(Placement("daemon-amd", "", "", _AMD, ("x1",), kind="DaemonSet"),),
    ),
    Placement(
        "daemon-per-arch-2",
        "amd64",
        f"live critical DaemonSet daemon-amd-2 must {AMD}",
        _ARM,
        ("a1",),
        kind="DaemonSet",
        beside=(Placement("daemon-amd-2", "", "", _AMD, ("x1",), kind="DaemonSet"),),
    ),
    Placement(
        "daemon-on-linux",
        "windows",
        "live info",
        chosen(os="linux") | TOLERATES_ALL,
        ("x1", "a1", "v7"),
        kind="DaemonSet",
    ),
    Placement(
        "daemon-on-linux-v7",
        "armv7",
        f"live critical must {V7}",
        chosen(os="linux") | TOLERATES_ALL,
        ("x1", "a1"),
        kind="DaemonSet",
    ),
    Placement(
        "daemon-on-cordoned",
        "arm64",
        f"live critical must {ARM}",
        chosen(pool="old") | TOLERATES_ARM,
        ("a2",),
        kind="DaemonSet",
    ),
    Placement(
        "daemon-prefers",
        "arm64",
        "live info",
        {
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 1,
                            "preference": {"matchExpressions": [_expr(ARCH, "In", "arm64")]},
                        }
                    ]
                }
            }
        },
        ("x1",),
        kind="DaemonSet",
    ),
    Placement(
        "static-cordoned", "arm64", f"live critical must {ARM}", TOLERATES_ALL, ("a2",), kind="Node"
    ),
    Placement(
        "static-windows",
        "windows",
        f"live critical must {WIN}",
        TOLERATES_ALL,
        ("w1",),
        kind="Node",
    ),
    Placement(
        "stateful-rolling",
        "amd64",
        f"live critical must {AMD}",
        _ARM,
        ("a1",),
        _AMD,
        ("x1",),
        "StatefulSet",
        2,
    ),
    Placement(
        "stateful-rolling-new",
        "arm64",
        f"live critical must {ARM}",
        _ARM,
        ("",),
        _AMD,
        ("x1",),
        "StatefulSet",
        2,
    ),
    Placement(
        "stateful-all-held",
        "arm64",
        f"live critical must {ARM}",
        _ARM,
        (),
        _AMD,
        ("x1", "x1"),
        "StatefulSet",
        2,
        {"updateStrategy": {"rollingUpdate": {"partition": 2}}},
    ),
    Placement(
        "stateful-held-at-zero",
        "amd64",
        f"idle warning rollback must {AMD}",
        _ARM,
        (),
        _AMD,
        (),
        "StatefulSet",
        0,
        {"updateStrategy": {"rollingUpdate": {"partition": 1}}},
    ),
    Placement(
        "zero-with-history",
        "amd64",
        f"idle warning rollback must {AMD}",
        _ARM,
        (),
        _AMD,
        replicas=0,
    ),
    Placement("zero-on-both", "arm64", f"idle warning must {ARM}", TOLERATES_ARM, replicas=0),
    Placement(
        "paused-in-a-rollout",
        "arm64",
        f"live critical must {ARM}",
        _AMD,
        (),
        _ARM,
        ("a1",),
        more={"paused": True},
    ),
    Placement(
        "sidecar-never",
        "amd64",
        "not wanted",
        {
            "initContainers": [
                {"name": "i", "image": "@", "restartPolicy": "Always", "imagePullPolicy": "Never"}
            ],
            "containers": [_OTHER],
        },
        ("x1",),
    ),
    Placement(
        "always-pulled",
        "amd64",
        f"live critical must {AMD}",
        {"containers": [{"name": "c", "image": "@", "imagePullPolicy": "Always"}]},
        ("x1",),
    ),
    Placement(
        "init-and-main",
        "arm64",
        f"live critical must {ARM}",
        {"initContainers": [{"name": "i", "image": "@"}]} | _ARM,
        ("a1",),
    ),
    Placement(
        "cron-image-volume",
        "amd64",
        f"live critical must {AMD}",
        {"containers": [_OTHER], "volumes": [{"name": "v", "image": {"reference": "@"}}]},
        kind="CronJob",
    ),
    Placement(
        "spot-alone",
        "arm64",
        f"live critical must {ARM}",
        _t(key="spot", operator="Exists"),
        ("x1",),
        kind="DaemonSet",
        pools=True,
    ),
    Placement(
        "spot-unread",
        "arm64",
        "live info",
        _t(key="spot", operator="Exists"),
        ("x1",),
        kind="DaemonSet",
    ),
    Placement(
        "spot-untolerated",
        "amd64",
        f"live critical must {AMD}",
        chosen(pool="spot"),
        ("",),
        pools=True,
    ),
    Placement(
        "zone-of-a-pool",
        "amd64",
        "live info",
        chosen(pool="spot", **{"topology.kubernetes.io/zone": "b"})
        | _t(key="spot", operator="Exists"),
        ("",),
        pools=True,
    ),
    Placement(
        "host-is-no-pools",
        "arm64",
        "live info",
        chosen(host="x1") | _t(key="spot", operator="Exists"),
        ("x1",),
        pools=True,
    ),
    Placement(
        "blind-terms",
        "amd64",
        "live info",
        drawn((ARCH, "In", ["arm64"]), (ARCH, "In", ["arm"])),
        ("a1",),
        blind=True,
    ),
    Placement(
        "blind-term-either",
        "amd64",
        f"live critical must {AMD}",
        drawn((ARCH, "In", ["arm64"]), ("pool", "In", ["web"])),
        ("a1",),
        blind=True,
    ),
    Placement(
        "blind-host", "arm64", f"live critical must {ARM}", chosen(host="x1"), ("x1",), blind=True
    ),
    Placement(
        "blind-static",
        "arm64",
        f"live critical must {ARM}",
        TOLERATES_ALL,
        ("x1",),
        kind="Node",
        blind=True,
    ),
    Placement("blind-cron", "windows", "live info", chosen(os="linux"), kind="CronJob", blind=True),
    Placement(
        "blind-always",
        "arm64",
        f"live critical must {ARM}",
        {},
        ("x1",),
        blind=True,
        always=(AMD, ARM),
    ),
    Placement(
        "blind-always-selects", "arm64", "live info", _AMD, ("x1",), blind=True, always=(AMD, ARM)
    ),
    Placement(
        "topology",
        "arm64",
        f"live warning may {ARM}",
        {
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": ARCH, "whenUnsatisfiable": "ScheduleAnyway"}
            ]
        }
        | TOLERATES_ARM,
        ("x1",),
    ),
    Placement(
        "beta-os",
        "windows",
        "live info",
        drawn(("beta.kubernetes.io/os", "In", ["linux"])) | TOLERATES_ALL,
        blind=True,
    ),
    Placement(
        "beta-arch-selector",
        "amd64",
        "live info",
        chosen(**{"beta.kubernetes.io/arch": "arm64"}),
        ("",),
    ),
    Placement(
        "on-virtual-and-real", "arm64", f"live critical must {ARM}", TOLERATES_ALL, ("x1", "k1")
    ),
    Placement("job-pending", "arm64", f"live critical must {ARM}", _ARM, ("",), kind="Job"),
    Placement("job-amd-running", "arm64", "live info", _AMD, ("x1",), kind="Job"),
    Placement("rs-zero", "amd64", f"idle warning must {AMD}", kind="ReplicaSet", replicas=0),
    Placement(
        "rc-arm", "arm64", f"live critical must {ARM}", _ARM, ("a1",), kind="ReplicationController"
    ),
    Placement(
        "bare-on-virtual", "amd64", f"live critical must {AMD}", TOLERATES_ALL, ("k1",), kind="Pod"
    ),
    Placement(
        "bare-windows",
        "amd64",
        "live info",
        chosen(os="windows") | TOLERATES_ALL,
        ("w1",),
        kind="Pod",
    ),
    Placement("bare-node-left-selects", "amd64", "live info", _ARM, ("gone",), kind="Pod"),
    Placement(
        "arch-exists",
        "arm64",
        f"live warning may {ARM}",
        drawn((ARCH, "Exists", [])) | TOLERATES_ARM,
        ("x1",),
    ),
    Placement(
        "arch-not-in-two",
        "armv7",
        f"live critical must {V7}",
        drawn((ARCH, "NotIn", ["amd64", "arm64"])) | _t(key="edge", operator="Exists"),
        ("",),
    ),
    Placement(
        "prefer-no-schedule", "amd64", f"live critical must {AMD}", chosen(pool="batch"), ("x3",)
    ),
    # What admission adds to pods.
    Placement(
        "gpu-by-admission",
        "arm64",
        "live info",
        chosen(pool="gpu"),
        ("x2",),
        added=_t(key="gpu", operator="Exists"),
    ),
    Placement(
        "gpu-by-admission-amd",
        "amd64",
        f"live critical must {AMD}",
        chosen(pool="gpu"),
        ("x2",),
        added=_t(key="gpu", operator="Exists"),
    ),
    Placement(
        "gpu-not-yet-bound",
        "arm64",
        "live info",
        chosen(pool="gpu"),
        ("",),
        added=_t(key="gpu", operator="Exists"),
    ),
    Placement(
        "runtime-blind-pods",
        "amd64",
        "live info",
        {"runtimeClassName": "windows"},
        ("w1",),
        blind=True,
        added={**chosen(os="windows"), **_t(key="os", operator="Exists")},
    ),
    Placement(
        "blind-added-is-old",
        "arm64",
        f"live critical must {ARM}",
        {},
        (),
        _AMD,
        ("x1",),
        blind=True,
    ),
    Placement(
        "added-is-old",
        "arm64",
        f"live critical must {ARM}",
        chosen(pool="burst"),
        ("",),
        chosen(pool="burst") | _t(key="z", operator="Exists"),
        ("x1",),
    ),
    # Pools that start none, or not every architecture.
    Placement(
        "frozen-pool",
        "arm64",
        f"live critical must {ARM}",
        chosen(pool="frozen") | _t(key="frozen", operator="Exists"),
        ("",),
        pools=True,
    ),
    Placement(
        "frozen-pool-amd-lost",
        "amd64",
        "live info",
        chosen(pool="frozen") | _t(key="frozen", operator="Exists"),
        ("",),
        pools=True,
    ),
    Placement(
        "frozen-pool-beside-nodes",
        "armv7",
        "live info",
        _t(key="frozen", operator="Exists"),
        ("x1",),
        pools=True,
    ),
    Placement(
        "pool-of-the-rest",
        "amd64",
        "live info",
        chosen(pool="rest") | _t(key="rest", operator="Exists"),
        ("",),
        pools=True,
    ),
    Placement(
        "pool-of-the-rest-lost",
        "arm64",
        f"live critical must {ARM}",
        chosen(pool="rest") | _t(key="rest", operator="Exists"),
        ("",),
        pools=True,
    ),
)
