"""What do people run in a cluster? Two nodes, workloads of every kind, and who may see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.parts.kubernetes import Kubernetes
from tests.parts.process import until

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

RBAC: Final = yaml.safe_load((Path(__file__).parents[2] / "helm/files/rbac.yaml").read_text())
"""What the chart grants, by feature."""
SHIPPED: Final = (*RBAC["core"], *RBAC["nodes"])
"""What it grants unless told otherwise."""
DIGEST: Final = f"sha256:{'d' * 64}"
"""What every pod here says it runs."""
_LABELS: Final = {"app": "web"}
_REVISION: Final = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace of one's own in a cluster."""

    api: Kubernetes
    namespace: str
    registry: str
    """The host that images are given."""

    def make(self, version: str, kind: str, name: str, spec: Json | None, **more: Any) -> Json:
        """Create an object; `metadata` in `more` is added to its name and namespace."""
        meta = {"name": name, "namespace": self.namespace, **more.pop("metadata", {})}
        document = {"apiVersion": version, "kind": kind, "metadata": meta, **more}
        return self.api.create(document | ({"spec": spec} if spec is not None else {}))

    def node(self, name: str, arch: str, *images: str) -> Json:
        """A node, and the images that it says it holds."""
        held = [{"names": [self.image(image)], "sizeBytes": 1} for image in images]
        info = {"architecture": arch, "operatingSystem": "linux"}
        meta = {"name": name, "labels": {"kubernetes.io/arch": arch}}
        status = {"nodeInfo": info, "images": held}
        document = {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status}
        return self.api.create(document)

    def image(self, name: str) -> str:
        """A reference to an image of the registry."""
        return f"{self.registry}/{name}"

    def containers(self, image: str, **more: Any) -> Json:
        """The spec of a pod with one container."""
        return {"containers": [{"name": "c", "image": self.image(image)}], **more}

    def controller(
        self, kind: str, name: str, image: str, metadata: Json | None = None, **spec: Any
    ) -> Json:
        """Something of apps/v1 that keeps pods alive."""
        constraints = spec.pop("pod", {})
        template = {"metadata": {"labels": _LABELS}, "spec": self.containers(image, **constraints)}
        spec |= {"selector": {"matchLabels": _LABELS}, "template": template}
        if kind == "StatefulSet":
            spec["serviceName"] = name
        return self.make("apps/v1", kind, name, spec, metadata=metadata or {})

    def history(self, owner: Json, *images: str) -> list[Json]:
        """The ReplicaSets of a Deployment, oldest first; the last has the replicas."""
        sets = []
        for number, image in enumerate(images, 1):
            marks = owned(owner) | {"annotations": {_REVISION: str(number)}}
            name = f"{owner['metadata']['name']}-{number}"
            replicas = int(number == len(images))
            sets.append(self.controller("ReplicaSet", name, image, marks, replicas=replicas))
        return sets

    def revisions(self, owner: Json, *images: str) -> None:
        """The ControllerRevisions of a StatefulSet or DaemonSet, oldest first."""
        for number, image in enumerate(images, 1):
            data = {"spec": {"template": {"$patch": "replace", "spec": self.containers(image)}}}
            name = f"{owner['metadata']['name']}-{number}"
            more = {"metadata": owned(owner), "data": data, "revision": number}
            self.make("apps/v1", "ControllerRevision", name, None, **more)

    def pod(self, name: str, image: str, node: str = "", **more: Any) -> Json:
        """A pod that runs, as the kubelet of its node reports it."""
        repository = self.image(image).rpartition(":")[0]
        status = {"name": "c", "image": self.image(image), "imageID": f"{repository}@{DIGEST}"}
        status |= {"ready": True, "restartCount": 0, "state": {"running": {}}}
        told = more.pop("status", {"phase": "Running", "containerStatuses": [status]})
        spec = self.containers(image, **more.pop("spec", {}))
        spec |= {"nodeName": node} if node else {}
        return self.make("v1", "Pod", name, spec, status=told, **more)

    def job(self, name: str, image: str, **spec: Any) -> Json:
        """A job."""
        return self.make("batch/v1", "Job", name, self._work(image) | spec)

    def schedule(self, name: str, image: str, when: str, **spec: Any) -> Json:
        """A job on a schedule."""
        spec |= {"schedule": when, "jobTemplate": {"spec": self._work(image)}}
        return self.make("batch/v1", "CronJob", name, spec)

    def account(self, name: str, *rules: Json, everywhere: bool = True) -> str:
        """A token of an account that may do what rules say; it may when this returns."""
        token = self.api.account(self.namespace, name)
        self.api.grant(self.namespace, name, *rules, everywhere=everywhere)
        self._wait_for(token, rules, everywhere=everywhere)
        return token

    def _work(self, image: str) -> Json:
        return {"template": {"spec": self.containers(image, restartPolicy="Never")}}

    def _wait_for(self, token: str, rules: Iterable[Json], *, everywhere: bool) -> None:
        """The API server learns of roles by watching: ask until the last rule is in force."""
        *_, last = rules
        group, plural = last["apiGroups"][-1], last["resources"][-1]
        where = {} if everywhere else {"namespace": self.namespace}
        asked = {"verb": last["verbs"][0], "group": group, "resource": plural, **where}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        headers = {"Authorization": f"Bearer {token}"}

        def allowed() -> bool:
            answer = self.api.http.post(path, json=review, headers=headers)
            return bool(answer.json()["status"]["allowed"])

        until(allowed, "the role is in force")


def owned(by: Json) -> Json:
    """Metadata that says whose an object is."""
    owner = {"apiVersion": by["apiVersion"], "kind": by["kind"], "controller": True}
    owner |= {key: by["metadata"][key] for key in ("name", "uid")}
    return {"ownerReferences": [owner], "labels": _LABELS}
