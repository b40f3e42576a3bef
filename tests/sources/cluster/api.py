"""A Kubernetes API of a few objects, and whatever somebody who uses a cluster may put into one."""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from tests.parts.http import Answer, Asked, serving
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

NOW = 1_000_000.0
"""The time of the clusters here, in seconds since the epoch."""
SECRETS = "/api/v1/namespaces/shop/secrets"


def plural(kind: str) -> str:
    """How paths name a kind."""
    return f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"


@dataclass
class Site:
    """The objects by the path of their list, and what was asked for."""

    objects: dict[str, list[Json]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unserved: set[str] = field(default_factory=set)
    """The paths of kinds that are not known here."""
    denied: set[str] = field(default_factory=set)
    """Paths that the role does not allow to list."""

    def put(self, path: str, *objects: Json) -> None:
        self.objects.setdefault(path, []).extend(objects)

    def create(self, document: Json) -> Json:
        """Put an object where its kind is listed; return it with its uid."""
        meta = document["metadata"]
        made = document | {"metadata": {"uid": f"uid-{document['kind']}-{meta['name']}", **meta}}
        group = document["apiVersion"]
        base = f"/apis/{group}" if "/" in group else f"/api/{group}"
        self.put(f"{base}/{plural(document['kind'])}", made)
        return made

    def release(self, name: str, number: int, document: Json | bytes | None, **more: Any) -> None:
        """Put a revision of a Helm release, with a newer one in force."""
        secret = f"sh.helm.release.v1.{name}.v{number}"
        for version, status in ((number, "superseded"), (number + 1, "deployed")):
            labels = {"owner": "helm", "name": name, "version": str(version), "status": status}
            meta: Json = {"namespace": "shop", "labels": labels, "uid": f"u-{name}-{version}"}
            meta |= {"name": f"sh.helm.release.v1.{name}.v{version}", "resourceVersion": "5"}
            self.put("/api/v1/secrets", {"metadata": meta | more})
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        data = base64.b64encode(base64.b64encode(gzip.compress(body))).decode()
        self.objects[f"{SECRETS}/{secret}"] = [
            {"metadata": {"name": secret}, "data": {"release": data}}
        ]

    def answer(self, asked: Asked) -> Answer:
        address = urlsplit(asked.target)
        self.asked.append(address.path)
        if address.path in self.unserved:
            return Answer(404, b"{}")
        if address.path in self.denied:
            return Answer(403, b"{}")
        query = dict(parse_qsl(address.query))
        found = self.objects.get(address.path, [])
        if "limit" not in query:
            return Answer(200, json.dumps(found[0]).encode()) if found else Answer(404, b"{}")
        start, limit = int(query.get("continue", 0)), int(query["limit"])
        meta = {"resourceVersion": "7"}
        if start + limit < len(found):
            meta["continue"] = str(start + limit)
        page = {"kind": "List", "metadata": meta, "items": found[start : start + limit]}
        return Answer(200, json.dumps(page).encode(), {"Content-Type": "application/json"})


@contextmanager
def cluster(site: Site, folder: Path, extent: ClusterOptions | None = None) -> Iterator[Cluster]:
    with serving(site.answer) as url:
        document = {
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
            "current-context": "c",
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
        yield Cluster(access, extent or ClusterOptions(), lambda: NOW)


def pod(name: str, image: str = "r.example/app:1", **more: Any) -> Json:
    spec = {"containers": [{"name": "c", "image": image}]} | more.pop("spec", {})
    meta = {"name": name, "namespace": "shop", "uid": f"uid-{name}"} | more
    return {"metadata": meta, "spec": spec, "status": {"phase": "Running"}}
