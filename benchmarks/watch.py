"""What does it take to follow a cluster of 5,000 pods, and how soon is a change of it served?

Prints one run on this machine: a real kube-apiserver over etcd, a real registry, and `serve` with
an audit every 15 minutes.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.cluster import fill, pod
from benchmarks.parts.access import cpu_seconds
from tests.parts.certificates import authority
from tests.parts.kubernetes import Kubernetes, kubernetes
from tests.parts.process import until
from tests.parts.product import Exporter, exporter
from tests.parts.registry import Registry, registry
from tests.parts.workloads import Site
from tests.worlds import two_platforms

_SECONDS: Final = 60
_RATE: Final = 10
"""Pods that change a second."""
_WATCHED: Final = "pullproof_reference_kind_watched"
_KINDS: Final = 10
_LOST: Final = "pullproof_tag_missing_children"
_CHANGES: Final = 15


def main() -> None:
    """Fill a cluster, and print what following it takes."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        with (
            kubernetes(place / "cluster", authority(place)) as cluster,
            registry(place / "registry") as server,
        ):
            fill(cluster)
            _break(server)
            settings = _settings(cluster, server, place)
            with exporter(place / "exporter", settings) as serving:
                began = time.perf_counter()
                serving.ready()
                until(lambda: serving.value(_WATCHED) >= _KINDS, "all is watched")
                took = time.perf_counter() - began
                _print("seconds until all is watched", f"{took:.1f}")
                _print("CPU seconds until then, imports included", f"{_cpu(serving):.2f}")
                # The time in which nothing happens is what is measured.
                idle = _share(serving, lambda: time.sleep(_SECONDS))
                _print("of a core, while nothing changes", f"{idle:.2%}")
                changing = _share(serving, lambda: _churn(cluster))
                _print(f"of a core, while {_RATE} pods a second change", f"{changing:.2%}")
                delays = _delays(cluster, server, serving)
                _print("seconds from apply to /metrics, median", f"{statistics.median(delays):.2f}")
                _print(f"the longest of {len(delays)}", f"{max(delays):.2f}")
                _print("MB resident at most", f"{_peak(serving) / 1e6:.0f}")


def _print(what: str, number: str) -> None:
    print(f"{what:50}{number:>8}", flush=True)


def _settings(cluster: Kubernetes, server: Registry, place: Path) -> dict[str, Any]:
    path = cluster.kubeconfig(place / "kubeconfig")
    registries = [{"url": server.url, "plain_http": True, "tags": {"select": ["*"]}}]
    clusters = [{"name": "prod", "kubeconfig": str(path)}]
    return {"registries": registries, "clusters": clusters, "interval": "15m"}


def _break(server: Registry) -> None:
    """Push images of which a child is missing."""
    for number in range(_CHANGES):
        image = two_platforms(f"broken-{number}")
        server.push(f"team/broken-{number}", image, "v1")
        with server.client(f"team/broken-{number}") as client:
            client.delete(image.children[0].digest)


def _churn(cluster: Kubernetes) -> None:
    """Replace half of the pods that change, and report a restart of the others."""
    namespace = cluster.get("/api/v1/pods?limit=1")["items"][0]["metadata"]["namespace"]
    began = time.perf_counter()
    with ThreadPoolExecutor(_RATE) as hands:
        for turn in range(_SECONDS):
            for number in range(turn * _RATE, (turn + 1) * _RATE):
                hands.submit(_restart if number % 2 else _replace, cluster, namespace, number)
            # The next second's changes begin when it begins.
            time.sleep(max(0.0, began + turn + 1 - time.perf_counter()))


def _replace(cluster: Kubernetes, namespace: str, number: int) -> None:
    cluster.delete(_path(namespace, number))
    pod(cluster, namespace, number)


def _restart(cluster: Kubernetes, namespace: str, number: int) -> None:
    where = _path(namespace, number)
    (*containers,) = cluster.get(where)["status"]["containerStatuses"]
    containers[0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    cluster.report(where, {"containerStatuses": containers})


def _path(namespace: str, number: int) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/app-{number % 500}-{number}"


def _delays(cluster: Kubernetes, server: Registry, serving: Exporter) -> list[float]:
    """Let a Deployment use each broken image; return how long each took to be served as live."""
    site = Site(cluster, cluster.namespace(), server.host)
    delays = []
    for number in range(_CHANGES):
        live = {"repository": f"team/broken-{number}", "class": "live"}
        site.controller("Deployment", f"web-{number}", f"team/broken-{number}:v1")
        began = time.perf_counter()
        until(lambda live=live: serving.values(_LOST, **live), "it is live")
        delays.append(time.perf_counter() - began)
        time.sleep(1.0)  # changes within a second are coalesced: each is to be measured alone
    return delays


def _share(serving: Exporter, meanwhile: Any) -> float:
    """Return the share of a core that it takes while something is done."""
    cpu, began = _cpu(serving), time.perf_counter()
    meanwhile()
    return (_cpu(serving) - cpu) / (time.perf_counter() - began)


def _cpu(serving: Exporter) -> float:
    return cpu_seconds(serving.server.process.pid)


def _peak(serving: Exporter) -> int:
    status = Path(f"/proc/{serving.server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main()
