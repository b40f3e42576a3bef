"""More workloads for the table of placements: terms, kinds, what admission adds, nodes unseen."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from tests.placements import (
    ARCH,
    TOLERATES_ALL,
    TOLERATES_ARM,
    Placement,
    chosen,
    condition,
    drawn,
    terms,
)

Json = dict[str, Any]

AMD, ARM, V7, WIN = "linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"
_ARM: Final = chosen(arch="arm64") | TOLERATES_ARM
_AMD: Final = chosen(arch="amd64")
_OTHER: Final = {"name": "c", "image": "other.example/app:1"}


def _t(**toleration: Any) -> Json:
    return {"tolerations": [toleration]}


def _exists(key: str) -> Json:
    """A toleration of any taint with a key."""
    return _t(key=key, operator="Exists")


def _pooled(name: str) -> Json:
    """A pod for one pool, whose nodes have a taint of that name."""
    return chosen(pool=name) | _exists(name)


def _must(platform: str) -> str:
    return f"live critical must {platform}"


def _may(platform: str) -> str:
    return f"live warning may {platform}"


_daemon = partial(Placement, kind="DaemonSet")
_static = partial(Placement, kind="Node")
_with_pools = partial(Placement, pools=True)
_blind = partial(Placement, blind=True)

MORE: Final = (
    Placement(
        "fields-or-labels",
        "arm64",
        _may(ARM),
        terms(
            {"matchFields": [condition("metadata.name", "In", "a1")]},
            {"matchExpressions": [condition("pool", "In", "web")]},
        )
        | TOLERATES_ARM,
        ("x1",),
    ),
    Placement(
        "fields-not-in",
        "arm64",
        "live info",
        terms(
            {
                "matchFields": [condition("metadata.name", "NotIn", "a1")],
                "matchExpressions": [condition("pool", "NotIn", "old")],
            }
        )
        | TOLERATES_ARM,
        ("x1",),
    ),
    Placement("number-of-no-number", "arm64", _must(ARM), drawn(("pool", "Gt", ["3"])), ("",)),
    Placement("at-odds", "amd64 arm64", "live info", _AMD | drawn((ARCH, "In", ["arm64"])), ("",)),
    Placement(
        "no-execute-alone", "armv7", _may(V7), _t(operator="Exists", effect="NoExecute"), ("x1",)
    ),
    Placement("equal-nothing", "arm64", "live info", _t(key="arch", operator="Equal"), ("x1",)),
    Placement("equal-by-default", "arm64", _may(ARM), _t(key="arch", value="arm64"), ("x1",)),
    Placement(
        "windows-by-selector", "windows", _must(WIN), chosen(os="windows") | _exists("os"), ("",)
    ),
    Placement(
        "windows-by-os-alone",
        "windows",
        _must(WIN),
        {"os": {"name": "windows"}} | _exists("os"),
        ("",),
    ),
    Placement("windows-untolerated", "windows", _must(WIN), chosen(os="windows"), ("",)),
    Placement("windows-untolerated-linux-lost", "amd64", "live info", chosen(os="windows"), ("",)),
    _daemon(
        "daemon-per-arch",
        "arm64",
        _must(ARM),
        _ARM,
        ("a1",),
        beside=(Placement("daemon-amd", "", "", _AMD, ("x1",), kind="DaemonSet"),),
    ),
    _daemon(
        "daemon-per-arch-2",
        "amd64",
        f"live critical DaemonSet daemon-amd-2 must {AMD}",
        _ARM,
        ("a1",),
        beside=(Placement("daemon-amd-2", "", "", _AMD, ("x1",), kind="DaemonSet"),),
    ),
    _daemon(
        "daemon-on-linux",
        "windows",
        "live info",
        chosen(os="linux") | TOLERATES_ALL,
        ("x1", "a1", "v7"),
    ),
    _daemon(
        "daemon-on-linux-v7", "armv7", _must(V7), chosen(os="linux") | TOLERATES_ALL, ("x1", "a1")
    ),
    _daemon("daemon-on-cordoned", "arm64", _must(ARM), chosen(pool="old") | TOLERATES_ARM, ("a2",)),
    _daemon(
        "daemon-prefers",
        "arm64",
        "live info",
        {
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 1,
                            "preference": {"matchExpressions": [condition(ARCH, "In", "arm64")]},
                        }
                    ]
                }
            }
        },
        ("x1",),
    ),
    _static("static-cordoned", "arm64", _must(ARM), TOLERATES_ALL, ("a2",)),
    _static("static-windows", "windows", _must(WIN), TOLERATES_ALL, ("w1",)),
    Placement(
        "stateful-rolling", "amd64", _must(AMD), _ARM, ("a1",), _AMD, ("x1",), "StatefulSet", 2
    ),
    Placement(
        "stateful-rolling-new", "arm64", _must(ARM), _ARM, ("",), _AMD, ("x1",), "StatefulSet", 2
    ),
    Placement(
        "stateful-all-held",
        "arm64",
        _must(ARM),
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
        "paused-in-a-rollout", "arm64", _must(ARM), _AMD, (), _ARM, ("a1",), more={"paused": True}
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
        _must(AMD),
        {"containers": [{"name": "c", "image": "@", "imagePullPolicy": "Always"}]},
        ("x1",),
    ),
    Placement(
        "init-and-main",
        "arm64",
        _must(ARM),
        {"initContainers": [{"name": "i", "image": "@"}]} | _ARM,
        ("a1",),
    ),
    Placement(
        "cron-image-volume",
        "amd64",
        _must(AMD),
        {"containers": [_OTHER], "volumes": [{"name": "v", "image": {"reference": "@"}}]},
        kind="CronJob",
    ),
    _daemon("spot-alone", "arm64", _must(ARM), _exists("spot"), ("x1",), pools=True),
    _daemon("spot-unread", "arm64", "live info", _exists("spot"), ("x1",)),
    _with_pools("spot-untolerated", "amd64", _must(AMD), chosen(pool="spot"), ("",)),
    _with_pools(
        "zone-of-a-pool",
        "amd64",
        "live info",
        chosen(pool="spot", **{"topology.kubernetes.io/zone": "b"}) | _exists("spot"),
        ("",),
    ),
    _with_pools(
        "host-is-no-pools", "arm64", "live info", chosen(host="x1") | _exists("spot"), ("x1",)
    ),
    _blind(
        "blind-terms",
        "amd64",
        "live info",
        drawn((ARCH, "In", ["arm64"]), (ARCH, "In", ["arm"])),
        ("a1",),
    ),
    _blind(
        "blind-term-either",
        "amd64",
        _must(AMD),
        drawn((ARCH, "In", ["arm64"]), ("pool", "In", ["web"])),
        ("a1",),
    ),
    _blind("blind-host", "arm64", _must(ARM), chosen(host="x1"), ("x1",)),
    _static("blind-static", "arm64", _must(ARM), TOLERATES_ALL, ("x1",), blind=True),
    _blind("blind-cron", "windows", "live info", chosen(os="linux"), kind="CronJob"),
    _blind("blind-always", "arm64", _must(ARM), {}, ("x1",), always=(AMD, ARM)),
    _blind("blind-always-selects", "arm64", "live info", _AMD, ("x1",), always=(AMD, ARM)),
    Placement(
        "topology",
        "arm64",
        _may(ARM),
        {
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": ARCH, "whenUnsatisfiable": "ScheduleAnyway"}
            ]
        }
        | TOLERATES_ARM,
        ("x1",),
    ),
    _blind(
        "beta-os",
        "windows",
        "live info",
        drawn(("beta.kubernetes.io/os", "In", ["linux"])) | TOLERATES_ALL,
    ),
    Placement(
        "beta-arch-selector",
        "amd64",
        "live info",
        chosen(**{"beta.kubernetes.io/arch": "arm64"}),
        ("",),
    ),
    Placement("on-virtual-and-real", "arm64", _must(ARM), TOLERATES_ALL, ("x1", "k1")),
    Placement("job-pending", "arm64", _must(ARM), _ARM, ("",), kind="Job"),
    Placement("job-amd-running", "arm64", "live info", _AMD, ("x1",), kind="Job"),
    Placement("rs-zero", "amd64", f"idle warning must {AMD}", kind="ReplicaSet", replicas=0),
    Placement("rc-arm", "arm64", _must(ARM), _ARM, ("a1",), kind="ReplicationController"),
    Placement("bare-on-virtual", "amd64", _must(AMD), TOLERATES_ALL, ("k1",), kind="Pod"),
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
        "arch-exists", "arm64", _may(ARM), drawn((ARCH, "Exists", [])) | TOLERATES_ARM, ("x1",)
    ),
    Placement(
        "arch-not-in-two",
        "armv7",
        _must(V7),
        drawn((ARCH, "NotIn", ["amd64", "arm64"])) | _exists("edge"),
        ("",),
    ),
    Placement("prefer-no-schedule", "amd64", _must(AMD), chosen(pool="batch"), ("x3",)),
    # What admission adds to pods.
    Placement(
        "gpu-by-admission", "arm64", "live info", chosen(pool="gpu"), ("x2",), added=_exists("gpu")
    ),
    Placement(
        "gpu-by-admission-amd",
        "amd64",
        _must(AMD),
        chosen(pool="gpu"),
        ("x2",),
        added=_exists("gpu"),
    ),
    Placement(
        "gpu-not-yet-bound", "arm64", "live info", chosen(pool="gpu"), ("",), added=_exists("gpu")
    ),
    _blind(
        "runtime-blind-pods",
        "amd64",
        "live info",
        {"runtimeClassName": "windows"},
        ("w1",),
        added={**chosen(os="windows"), **_exists("os")},
    ),
    _blind("blind-added-is-old", "arm64", _must(ARM), {}, (), _AMD, ("x1",)),
    Placement(
        "added-is-old",
        "arm64",
        _must(ARM),
        chosen(pool="burst"),
        ("",),
        chosen(pool="burst") | _exists("z"),
        ("x1",),
    ),
    # Pools that start none, or not every architecture.
    _with_pools("frozen-pool", "arm64", _must(ARM), _pooled("frozen"), ("",)),
    _with_pools("frozen-pool-amd-lost", "amd64", "live info", _pooled("frozen"), ("",)),
    _with_pools("frozen-pool-beside-nodes", "armv7", "live info", _exists("frozen"), ("x1",)),
    _with_pools("pool-of-the-rest", "amd64", "live info", _pooled("rest"), ("",)),
    _with_pools("pool-of-the-rest-lost", "arm64", _must(ARM), _pooled("rest"), ("",)),
)
