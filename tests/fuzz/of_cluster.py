"""Readers of what a Kubernetes API, a kubeconfig and Helm say."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final, Self, cast

from exporter.facts.snapshot import Snapshot
from exporter.oci.reference import Reference
from exporter.ports import Unseen
from exporter.sources.cluster import helm
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.api import EventStream
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.controllers import next_run
from exporter.sources.cluster.custom import CustomResource, FieldPath, Finished
from exporter.sources.cluster.kept import KeptList
from exporter.sources.cluster.resources import HELM_SECRETS, PODS, RESOURCES, custom
from exporter.sources.cluster.uses import running
from tests.fuzz.target import Target
from tests.sources.cluster.made import meta, spec
from tests.store.layout import encode

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

NOW: Final = 1_767_225_600.0
WANTED: Final = Reference.parse("registry.example/app:v1")
CUSTOM: Final = CustomResource(
    "argoproj.io",
    "v1alpha1",
    "rollouts",
    (FieldPath.parse("spec.template.spec.containers[*].image"), FieldPath.parse("spec.*.image")),
    idle=FieldPath.parse("spec.replicas"),
    finished=Finished(FieldPath.parse("status.phase"), frozenset({"Done"})),
)


def _page(*items: object) -> dict[str, object]:
    return {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": list(items)}


def _template(image: str, **more: object) -> dict[str, object]:
    return {"template": {"spec": spec(image, **more)}}


_NODE: Final = {
    "metadata": {"name": "n1", "labels": {"zone": "7"}},
    "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]},
    "status": {
        "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux"},
        "images": [{"names": ["registry.example/app:v1"]}],
    },
}
_AFFINE: Final = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "Gt", "values": ["3"]}]}
            ]
        }
    }
}
_POD: Final = {
    "metadata": meta("p", ("ReplicaSet", "r")),
    "spec": spec(
        "registry.example/app:v1",
        affinity=_AFFINE,
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        imagePullSecrets=[{"name": "pull"}],
        volumes=[{"name": "v", "image": {"reference": "registry.example/model:1"}}],
    ),
    "status": {"phase": "Running", "containerStatuses": [{"name": "c0", "imageID": "x@y"}]},
}
_SET: Final = {
    "metadata": meta(
        "r", ("Deployment", "web"), annotations={"deployment.kubernetes.io/revision": "7"}
    ),
    "spec": {"replicas": 0, **_template("registry.example/app:v0")},
}
_REVISION: Final = {
    "metadata": meta("s-1", ("StatefulSet", "s")),
    "revision": 3,
    "data": {"spec": _template("registry.example/db:1")},
}
_CRON: Final = {
    "metadata": meta("nightly"),
    "spec": {
        "schedule": "TZ=Europe/Berlin 0 3 * * *",
        "timeZone": None,
        "jobTemplate": {"spec": _template("registry.example/job:1")},
    },
}
_RELEASES: Final = [
    {
        "metadata": meta(
            f"h{at}", labels={"name": "shop", "version": str(at), "status": "superseded"}
        )
    }
    for at in (1, 2)
]
_SECRET: Final = {
    "metadata": meta("pull"),
    "type": "kubernetes.io/dockerconfigjson",
    "data": {".dockerconfigjson": base64.b64encode(b'{"auths":{}}').decode()},
}
_SCHEDULING: Final = {
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "sandbox", "operator": "Exists"}],
}
LISTS: Final[dict[str, dict[str, object]]] = {
    "nodes": _page(_NODE),
    "pods": _page(_POD),
    "runtimeclasses": _page({"metadata": meta("gvisor"), "scheduling": _SCHEDULING}),
    "replicasets": _page(_SET),
    "deployments": _page(
        {
            "metadata": meta("web"),
            "spec": _template("registry.example/app:v1", runtimeClassName="gvisor"),
        }
    ),
    "statefulsets": _page({"metadata": meta("s"), "spec": _template("registry.example/db:2")}),
    "controllerrevisions": _page(_REVISION),
    "cronjobs": _page(_CRON),
    "jobs": _page({"metadata": meta("j"), "spec": _template("registry.example/job:2")}),
    "secrets": _page(*_RELEASES),
    "secrets/pull": _SECRET,
    "serviceaccounts": _page({"metadata": meta("default"), "imagePullSecrets": [{"name": "pull"}]}),
    "rollouts": _page({"metadata": meta("x"), "spec": _template("registry.example/roll:1")}),
}
"""What an API answers, by the end of a path."""


@dataclass
class Said:
    """One answer's body, as urllib3 hands it out."""

    body: bytes

    def read1(self, most: int) -> bytes:
        part, self.body = self.body[:most], self.body[most:]
        return part

    def close(self) -> None:
        """Nothing was opened."""


@dataclass(frozen=True)
class Answered:
    status: int
    response: Said


@dataclass(frozen=True)
class Client:
    """A client of Kubernetes to which one list is answered with what is fuzzed."""

    plural: str
    body: bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    def param_serialize(self, method: str, path: str, **_: object) -> tuple[Any, ...]:
        return method, path, {}, None, None

    def call_api(self, _: str, path: str, **__: object) -> Answered:
        ends = ("/".join(path.rsplit("/", 2)[1:]), path.rpartition("/")[2])
        if self.plural in ends:
            return Answered(200, Said(self.body))
        known = next((LISTS[end] for end in ends if end in LISTS), None)
        document = _page() if known is None else known
        return Answered(200, Said(json.dumps(document).encode()))


@dataclass(frozen=True)
class Way:
    """Access to such a client."""

    client: Client
    name: str = "prod"
    timeout: float = 1e6

    def open(self) -> Client:
        return self.client


def _cluster(data: bytes) -> None:
    plural, _, body = data.partition(b"\n")
    way = Way(Client(plural.decode("latin-1"), body))
    extent = ClusterOptions(helm=True, pull_secrets=True, custom=(CUSTOM,))
    cluster = Cluster(cast("Access", way), extent, lambda: NOW)
    uses = cluster.uses()
    # What is wanted goes into reports and snapshots, whatever it is called.
    encode(Snapshot("registry", NOW, uses=uses.entries, gaps=uses.gaps))
    cluster.pull_secrets()


def _events(data: bytes) -> None:
    plural, _, body = data.partition(b"\n")
    kinds = {**RESOURCES, CUSTOM.resource: custom(CUSTOM), "secrets": HELM_SECRETS}
    kind, kept = kinds.get(plural.decode("latin-1"), PODS), KeptList()
    kept.replace([], "1")
    for event in EventStream("prod", kind, cast("BaseHTTPResponse", Said(body))):
        kept.apply(event, 1)


def _release(data: bytes) -> None:
    document = json.dumps({"manifest": data.decode(errors="replace"), "hooks": []}).encode()
    for image in helm.images(_packed(gzip.compress(document, 1))):
        image.encode()


def _packed(body: bytes) -> str:
    return base64.b64encode(base64.b64encode(body)).decode()


def _secret(data: bytes) -> None:
    helm.images(_packed(data))
    helm.images(data.decode("latin-1"))


def _schedule(data: bytes) -> None:
    text, _, zone = data.decode(errors="replace").partition("\n")
    next_run(text, zone, NOW)


def _image_id(data: bytes) -> None:
    running(data.decode(errors="replace"), WANTED)


def _path(data: bytes) -> None:
    text, _, body = data.decode(errors="replace").partition("\n")
    path = FieldPath.parse(text)
    try:
        list(path.values(json.loads(body)))
    except (ValueError, RecursionError):
        return


@cache
def _folder() -> Path:
    return Path(mkdtemp(prefix="pullproof-fuzz-"))


def _kubeconfig(data: bytes) -> None:
    if b"exec" in data:  # would run whatever the changed bytes name
        return
    file = _folder() / "kubeconfig"
    file.write_bytes(data)
    Access("prod", {}, kubeconfig=file).open()


_KUBECONFIG: Final = b"""apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://k.example:6443", certificate-authority-data: eA==}}]
users: [{name: u, user: {token: abc}}]
"""
_MANIFEST: Final = b"""kind: Deployment
spec:
  template:
    spec: {containers: [{name: a, image: "r.example/a:1"}], volumes: [{image: {reference: x}}]}
---
kind: Pod
spec:
  initContainers:
    - image: &a r.example/b:1
    - image: *a
"""


def _bytes_of(plural: str, document: object) -> bytes:
    return f"{plural}\n{json.dumps(document)}".encode()


def _line(kind: str, item: dict[str, Any]) -> str:
    marked = {**item, "metadata": {**item.get("metadata", {}), "resourceVersion": "7"}}
    return json.dumps({"type": kind, "object": marked}) + "\n"


TARGETS: Final = (
    Target(
        "cluster",
        _cluster,
        tuple(_bytes_of(plural, document) for plural, document in LISTS.items()),
        (
            *("sources.cluster.cluster", "sources.cluster.resources", "sources.cluster.nodes"),
            *("sources.cluster.platforms", "sources.cluster.platforms", "sources.cluster.pools"),
            *("sources.cluster.controllers", "sources.cluster.api", "sources.cluster.helm"),
            *(
                "sources.cluster.pull_secrets",
                "sources.cluster.uses",
                "sources.cluster.controllers",
            ),
        ),
        (Unseen,),
    ),
    Target(
        "cluster-events",
        _events,
        tuple(
            f"{plural}\n{_line('ADDED', each)}{_line('DELETED', each)}".encode()
            for plural, document in LISTS.items()
            for each in cast("list[dict[str, Any]]", document.get("items", []))[:1]
        ),
        ("sources.cluster.api", "sources.cluster.kept"),
        (Unseen,),
    ),
    Target("helm-manifest", _release, (_MANIFEST,), ("sources.cluster.helm",)),
    Target(
        "helm-release",
        _secret,
        (gzip.compress(b'{"manifest":"a: b"}'), b'{"manifest":"a: b","hooks":[{"manifest":"c"}]}'),
        ("sources.cluster.helm",),
    ),
    Target(
        "schedule",
        _schedule,
        (
            b"*/5 1-3 1,15 * MON#1\nEurope/Berlin",
            b"CRON_TZ=UTC @daily\n",
            b"0 0 L 2 *\n",
            b"0 0 31 2 *\n",
        ),
        ("sources.cluster.controllers",),
        (),
    ),
    Target(
        "image-id",
        _image_id,
        (b"docker-pullable://registry.example/app@sha256:" + b"a" * 64, b"a" * 64),
        ("sources.cluster.uses",),
        (),
    ),
    Target(
        "field-path",
        _path,
        (b'{.spec.a\\.b[*].image}\n{"spec":{"a.b":[{"image":"x"}]}}',),
        ("sources.cluster.custom",),
        (ValueError,),
    ),
    Target("kubeconfig", _kubeconfig, (_KUBECONFIG,), ("sources.cluster.access",), (Unseen,)),
)
