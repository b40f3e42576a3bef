"""Resources of the Kubernetes API: where each kind is listed, and how a response is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from exporter.oci.digest import Malformed
from exporter.sources.cluster.custom import CustomResource
from exporter.sources.cluster.objects import (
    Controller,
    ControllerRevision,
    CronJob,
    Job,
    Node,
    ObjectList,
    PartialObjectMetadata,
    Pod,
    ServiceAccount,
)

NODES: Final = "nodes"
PODS: Final = "pods"
DEPLOYMENTS: Final = "deployments"
STATEFUL_SETS: Final = "statefulsets"
DAEMON_SETS: Final = "daemonsets"
REPLICA_SETS: Final = "replicasets"
REVISIONS: Final = "controllerrevisions"
CONTROLLERS: Final = "replicationcontrollers"
JOBS: Final = "jobs"
CRON_JOBS: Final = "cronjobs"
ACCOUNTS: Final = "serviceaccounts"


@dataclass(frozen=True, slots=True)
class ApiResource:
    """One kind of object, by the name that its lists have in paths and roles."""

    plural: str
    name: str
    """As it stands in an object's `kind`."""
    version: str
    """`v1`, or `group/version`."""
    decoder: msgspec.json.Decoder[ObjectList[Any]]
    namespaced: bool = True
    limit: int = 500
    """Objects of one page."""
    selectors: tuple[tuple[str, str], ...] = ()
    accept: str = "application/json"

    def path(self, namespace: str = "") -> str:
        """Return where its objects are listed: those of one namespace, or of all."""
        base = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{base}{within}/{self.plural}"

    @property
    def subject(self) -> str:
        """How a role names it: `deployments.apps`."""
        group = self.version.rpartition("/")[0]
        return f"{self.plural}.{group}" if group else self.plural


def _decoder(of: Any) -> msgspec.json.Decoder[ObjectList[Any]]:
    return msgspec.json.Decoder(ObjectList[of])


RESOURCES: Final = {
    kind.plural: kind
    for kind in (
        ApiResource(DEPLOYMENTS, "Deployment", "apps/v1", _decoder(Controller)),
        ApiResource(STATEFUL_SETS, "StatefulSet", "apps/v1", _decoder(Controller)),
        ApiResource(DAEMON_SETS, "DaemonSet", "apps/v1", _decoder(Controller)),
        ApiResource(REPLICA_SETS, "ReplicaSet", "apps/v1", _decoder(Controller)),
        ApiResource(REVISIONS, "ControllerRevision", "apps/v1", _decoder(ControllerRevision)),
        ApiResource(CONTROLLERS, "ReplicationController", "v1", _decoder(Controller)),
        ApiResource(CRON_JOBS, "CronJob", "batch/v1", _decoder(CronJob)),
        ApiResource(JOBS, "Job", "batch/v1", _decoder(Job)),
        ApiResource(PODS, "Pod", "v1", _decoder(Pod)),
        ApiResource(NODES, "Node", "v1", _decoder(Node), namespaced=False),
    )
}
"""In the order of asking: who is made by others comes later, and so is not missed.

Nodes come after the pods: a node that is not there then has left, and was not about to join.
"""

SERVICE_ACCOUNTS: Final = ApiResource(ACCOUNTS, "ServiceAccount", "v1", _decoder(ServiceAccount))
"""Who gives pods their pull secrets."""

SECRETS: Final = ApiResource("secrets", "Secret", "v1", _decoder(PartialObjectMetadata))

HELM_SECRETS: Final = ApiResource(
    SECRETS.plural,
    "Release",
    "v1",
    _decoder(PartialObjectMetadata),
    selectors=(("labelSelector", "owner=helm"), ("fieldSelector", "type=helm.sh/release.v1")),
    accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
)
"""Helm's history. Which revisions there are is read from their labels alone."""


def custom(resource: CustomResource) -> ApiResource:
    """Return how a custom resource is listed."""
    version = f"{resource.group}/{resource.version}"
    return ApiResource(resource.resource, "", version, _decoder(dict[str, Any]))


_DEEPEST: Final = 300
"""Levels that are kept: no path that is configured leads further (`FieldPath`)."""
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text, also one that never ends: else each quote in it would be tried as a beginning."""

Read = TypeVar("Read")


def decoded(body: bytes | msgspec.Raw, of: msgspec.json.Decoder[Read]) -> Read:
    """Read a document; raise `Malformed` where it is none of this kind.

    What lies deeper than anything that is looked for is read as null.
    """
    try:
        try:
            return of.decode(body)
        except RecursionError:
            return of.decode(b"".join(_shallow(bytes(body))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("not the requested document") from error


def _shallow(body: bytes) -> Iterator[bytes]:
    """Yield the pieces of a document, with null for what is nested too deeply."""
    depth = start = 0
    for found in _MARK.finditer(body):
        mark = found[0]
        if mark in b"[{":
            depth += 1
            if depth == _DEEPEST + 1:
                yield body[start : found.start()]
                yield b"null"
        elif mark in b"]}":
            if depth == _DEEPEST + 1:
                start = found.end()
            depth -= 1
    if depth <= _DEEPEST:
        yield body[start:]
