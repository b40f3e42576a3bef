"""What does it take to know what a cluster of 5,000 pods runs, beside the client's own typed way?

Prints one run on this machine: a real kube-apiserver over etcd, with pods as people write them.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from benchmarks.parts.listed import Listed
from tests.parts.certificates import authority
from tests.parts.kubernetes import Kubernetes, kubernetes

_PODS: Final = 5_000
_NODES: Final = 50
_TIMES: Final = 3
_HANDS: Final = 8
_DIGEST: Final = f"sha256:{'d' * 64}"
_COLUMNS: Final = "{:34}{:>9}{:>9}{:>9}{:>9}"
_WAYS: Final = {
    "pods, as pullproof reads them": ("lister", "pods"),
    "all that pullproof asks for": ("lister", "whole"),
    "pods, by the client's typed API": ("typed_lister",),
}

Json = dict[str, Any]


def main() -> None:
    """Fill a cluster, and print a line for every way to list it."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        with kubernetes(place / "cluster", authority(place)) as cluster:
            path = cluster.kubeconfig(place / "kubeconfig")
            size = fill(cluster)
            print(f"{_PODS:,} pods on {_NODES} nodes, {size / 1e6:.1f} MB of JSON")
            print(_COLUMNS.format("", "CPU s", "wall s", "MB", "peak MB"))
            for name, (module, *words) in _WAYS.items():
                _print(name, [_listed(module, *words, str(path)) for _ in range(_TIMES)])


def fill(cluster: Kubernetes) -> int:
    """Make nodes and pods; return how many bytes a list of the pods has."""
    namespace = cluster.namespace()
    with ThreadPoolExecutor(_HANDS) as hands:
        list(hands.map(lambda number: _node(cluster, number), range(_NODES)))
        list(hands.map(lambda number: pod(cluster, namespace, number), range(_PODS)))
    return len(cluster.http.get("/api/v1/pods", timeout=60).content)


def _node(cluster: Kubernetes, number: int) -> None:
    info = {"architecture": ("amd64", "arm64")[number % 2], "operatingSystem": "linux"}
    held = [{"names": [f"registry.example/team/app-{n}:v1"]} for n in range(50)]
    status = {"nodeInfo": info, "images": held}
    meta = {"name": f"n{number}", "labels": {"kubernetes.io/arch": info["architecture"]}}
    cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status})


def pod(cluster: Kubernetes, namespace: str, number: int) -> None:
    """Make a pod as people write them, and the status that its kubelet would report."""
    app = f"app-{number % 500}"
    image = f"registry.example/team/{app}:v1"
    container = {
        "image": image,
        "env": [{"name": f"VARIABLE_{n}", "value": f"value {n} of {app}"} for n in range(5)],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
    }
    running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    told = {"image": image, "imageID": f"registry.example/team/{app}@{_DIGEST}", "ready": True}
    told |= {"restartCount": 0, "started": True, "state": running}
    names = ("app", "sidecar")
    spec = {
        "nodeName": f"n{number % _NODES}",
        "containers": [container | {"name": name} for name in names],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
    }
    labels = {"app.kubernetes.io/name": app, "pod-template-hash": "5d4f8c7b9"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": app}
    meta: Json = {"name": f"{app}-{number}", "namespace": namespace, "labels": labels}
    meta["ownerReferences"] = [owner | {"controller": True}]
    status = {"phase": "Running", "containerStatuses": [told | {"name": name} for name in names]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    cluster.create(document | {"status": status})


def _listed(module: str, *words: str) -> Listed:
    command = [sys.executable, "-m", f"benchmarks.parts.{module}", *words]
    done = subprocess.run(command, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Listed)


def _print(name: str, runs: list[Listed]) -> None:
    """Print the cheapest run: the others were disturbed."""
    best = min(runs, key=lambda each: each.cpu)
    grown = f"{(best.peak - best.before) / 1e6:.0f}"
    numbers = (f"{best.cpu:.2f}", f"{best.seconds:.2f}", grown, f"{best.peak / 1e6:.0f}")
    print(_COLUMNS.format(name, *numbers))


if __name__ == "__main__":
    main()
