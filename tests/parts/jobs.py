"""Stands in for the controller of Jobs and a kubelet: runs the program as a Job's pod would."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests.parts.product import Told, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.kubernetes import Kubernetes

Json = dict[str, Any]

_PAUSE: Final = 0.05
_ENDS: Final = {True: ("SuccessCriteriaMet", "Complete"), False: ("FailureTarget", "Failed")}


@contextmanager
def jobs(cluster: Kubernetes, namespace: str, folder: Path) -> Iterator[list[Told]]:
    """Run each Job of a namespace once until left; yields what each program told."""
    told: list[Told] = []
    over = threading.Event()

    def control() -> None:
        seen: set[str] = set()
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        while not over.wait(_PAUSE):
            for job in cluster.get(path)["items"]:
                if (uid := job["metadata"]["uid"]) not in seen:
                    seen.add(uid)
                    told.append(_run(cluster, job, folder / uid))
                    _end(cluster, f"{path}/{job['metadata']['name']}", well=told[-1].code == 0)

    thread = threading.Thread(target=control)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()


def _run(cluster: Kubernetes, job: Json, folder: Path) -> Told:
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    files = {each["name"]: _files(cluster, job, each) for each in spec["volumes"]}
    for mount in container["volumeMounts"]:
        place = folder / mount["mountPath"].strip("/")
        place.mkdir(parents=True)
        for name, content in files[mount["name"]].items():
            text = content.decode()
            for known in ("/run/pullproof", "/var/lib/pullproof"):
                text = text.replace(known, f"{folder}{known}")
            (place / name).write_text(text)
    return run(*(each.replace("=/etc", f"={folder}/etc") for each in container["args"]))


def _files(cluster: Kubernetes, job: Json, volume: Json) -> dict[str, bytes]:
    base = f"/api/v1/namespaces/{job['metadata']['namespace']}"
    if held := volume.get("configMap"):
        data = cluster.get(f"{base}/configmaps/{held['name']}")["data"]
        return {name: text.encode() for name, text in data.items()}
    if held := volume.get("secret"):
        data = cluster.get(f"{base}/secrets/{held['secretName']}")["data"]
        return {name: base64.b64decode(text) for name, text in data.items()}
    return {}


def _end(cluster: Kubernetes, path: str, *, well: bool) -> None:
    now = cluster.get(path)["metadata"]["creationTimestamp"]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now, "lastProbeTime": now}
        for kind in _ENDS[well]
    ]
    counts = {"succeeded": 1, "completionTime": now} if well else {"failed": 1}
    cluster.report(path, {"startTime": now, "conditions": conditions} | counts)
