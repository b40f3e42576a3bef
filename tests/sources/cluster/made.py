"""Objects of the Kubernetes API, made from few words and read as the source reads them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from exporter.sources.cluster.objects import Controller, ControllerRevision, CronJob, Job, Node, Pod

Json = dict[str, Any]
Made = TypeVar("Made")

DIGEST = f"sha256:{'a' * 64}"


def meta(name: str, owner: tuple[str, str] | None = None, **more: Any) -> Json:
    """Metadata, perhaps with a controller `(kind, name)`; an object's uid is its name."""
    made: Json = {"name": name, "namespace": "shop", "uid": f"uid-{name}", **more}
    if owner:
        kind, controller = owner
        made["ownerReferences"] = [
            {"kind": kind, "name": controller, "uid": f"uid-{controller}", "controller": True}
        ]
    return made


def spec(*images: str, **more: Any) -> Json:
    return {"containers": [{"name": f"c{n}", "image": i} for n, i in enumerate(images)], **more}


def replicated(
    name: str, image: str, replicas: int | None = 1, *, revision: int = 0, **more: Any
) -> Controller:
    marks = {"deployment.kubernetes.io/revision": str(revision)} if revision else {}
    document = {
        "metadata": meta(name, annotations=marks, **more),
        "spec": {"replicas": replicas, "template": {"spec": spec(image)}},
    }
    return read(document, Controller)


def revision(name: str, image: str, number: int, owner: tuple[str, str]) -> ControllerRevision:
    data = {"spec": {"template": {"$patch": "replace", "spec": spec(image)}}}
    document = {"metadata": meta(name, owner), "revision": number, "data": data}
    return read(document, ControllerRevision)


def pod(name: str, document: Json, status: Json | None = None, **more: Any) -> Pod:
    status = {"phase": "Running"} if status is None else status
    return read({"metadata": meta(name, **more), "spec": document, "status": status}, Pod)


def job(
    name: str, image: str, *done: str, status: str = "True", suspend: bool = False, **more: Any
) -> Job:
    conditions = [{"type": each, "status": status} for each in done]
    document = {
        "metadata": meta(name, **more),
        "spec": {"template": {"spec": spec(image)}, "suspend": suspend},
        "status": {"conditions": conditions},
    }
    return read(document, Job)


def schedule(name: str, image: str, when: str, **more: Any) -> CronJob:
    template = {"spec": {"template": {"spec": spec(image)}}}
    document = {
        "metadata": meta(name),
        "spec": {"schedule": when, "jobTemplate": template, **more},
    }
    return read(document, CronJob)


def node(name: str, arch: str, *images: str, system: str = "linux", **labels: str) -> Node:
    document = {
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": arch} | labels},
        "status": {
            "nodeInfo": {"architecture": arch, "operatingSystem": system},
            "images": [{"names": [image]} for image in images],
        },
    }
    return read(document, Node)


def status(*image_ids: str, phase: str = "Running") -> Json:
    told = [
        {"name": f"c{n}", "imageID": each, "state": {"running": {}}}
        for n, each in enumerate(image_ids)
    ]
    return {"phase": phase, "containerStatuses": told}


def read(document: Json, kind: type[Made]) -> Made:
    """Read a document by way of JSON, as it comes from the API."""
    return msgspec.json.decode(msgspec.json.encode(document), type=kind)
