"""Resources of the Kubernetes API: the path of each kind's list, and the decoding of a response."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from exporter.oci.digest import Malformed
from exporter.sources.cluster import objects
from exporter.sources.cluster.answers import ObjectList
from exporter.sources.cluster.custom import CustomResource

JSON: Final = "application/json"
_DEEPEST: Final = 300
"""Levels that are decoded: no configured path is deeper (`FieldPath`)."""
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A string, also an unterminated one: else each quote in it would be tried as a beginning."""

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class ApiResource:
    """One kind of object, by its plural name in paths and roles."""

    plural: str
    kind: str
    """Value of an object's `kind`."""
    version: str
    """`v1`, or `group/version`: the newest that is read."""
    model: Any
    """Type of its objects."""
    namespaced: bool = True
    selectors: tuple[tuple[str, str], ...] = ()
    accept: str = JSON
    older: tuple[str, ...] = ()
    """Older versions with the same fields, newest first, without the group."""

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions that are read, newest first, as `version` is written."""
        return (self.version, *(f"{self.group}/{each}" for each in self.older))

    def paths(self, namespace: str = "") -> tuple[str, ...]:
        """Return the paths of its list, in one namespace or in all; one for each version."""
        within = f"/namespaces/{namespace}" if namespace else ""
        bases = (f"/apis/{each}" if "/" in each else f"/api/{each}" for each in self.versions)
        return tuple(f"{base}{within}/{self.plural}" for base in bases)

    @property
    def subject(self) -> str:
        """Its name in roles: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def group(self) -> str:
        """Its API group; empty for the core."""
        return self.version.rpartition("/")[0]

    @property
    def rule(self) -> str:
        """RBAC rule that lets a role list and watch it."""
        what = f'apiGroups: ["{self.group}"], resources: ["{self.plural}"]'
        return f'{{{what}, verbs: ["list", "watch"]}}'

    @property
    def lists(self) -> msgspec.json.Decoder[ObjectList[Any]]:
        """Decoder of a page."""
        return _lists(self.model)

    @property
    def items(self) -> msgspec.json.Decoder[Any]:
        """Decoder of an object."""
        return _items(self.model)


@cache
def _lists(of: Any) -> msgspec.json.Decoder[ObjectList[Any]]:
    return msgspec.json.Decoder(ObjectList[of])


@cache
def _items(of: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(of)


DEPLOYMENTS: Final = ApiResource("deployments", "Deployment", "apps/v1", objects.Controller)
STATEFUL_SETS: Final = ApiResource("statefulsets", "StatefulSet", "apps/v1", objects.Controller)
DAEMON_SETS: Final = ApiResource("daemonsets", "DaemonSet", "apps/v1", objects.Controller)
REPLICA_SETS: Final = ApiResource("replicasets", "ReplicaSet", "apps/v1", objects.Controller)
REVISIONS: Final = ApiResource(
    "controllerrevisions", "ControllerRevision", "apps/v1", objects.ControllerRevision
)
REPLICATION_CONTROLLERS: Final = ApiResource(
    "replicationcontrollers", "ReplicationController", "v1", objects.Controller
)
CRON_JOBS: Final = ApiResource("cronjobs", "CronJob", "batch/v1", objects.CronJob)
JOBS: Final = ApiResource("jobs", "Job", "batch/v1", objects.Job)
PODS: Final = ApiResource("pods", "Pod", "v1", objects.Pod)
NODES: Final = ApiResource("nodes", "Node", "v1", objects.Node, namespaced=False)

RUNTIME_CLASSES: Final = ApiResource(
    "runtimeclasses", "RuntimeClass", "node.k8s.io/v1", objects.RuntimeClass, namespaced=False
)

MAKERS: Final = (
    *(DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, REVISIONS),
    *(REPLICATION_CONTROLLERS, CRON_JOBS, JOBS),
)
"""Kinds that create pods, or store templates."""
RESOURCES: Final = {each.plural: each for each in (*MAKERS, RUNTIME_CLASSES, PODS, NODES)}
"""In the order of listing: owned objects come later, so none is missed.

Nodes come after the pods: a node that is missing then was deleted, not about to join.
"""

NODE_POOLS: Final = ApiResource(
    *("nodepools", "NodePool", "karpenter.sh/v1", objects.NodePool),
    namespaced=False,
    older=("v1beta1",),
)
MACHINE_GROUPS: Final = tuple(
    ApiResource(plural, kind, "cluster.x-k8s.io/v1beta2", objects.Machines, older=("v1beta1",))
    for plural, kind in (
        ("machinedeployments", "MachineDeployment"),
        ("machinepools", "MachinePool"),
    )
)
POOLS: Final = (NODE_POOLS, *MACHINE_GROUPS)
"""Kinds of node pools. A cluster serves those of its autoscalers."""
OPTIONAL: Final = (*POOLS, RUNTIME_CLASSES)
"""Kinds that a server need not serve: then it has no objects of them."""

SERVICE_ACCOUNTS: Final = ApiResource(
    "serviceaccounts", "ServiceAccount", "v1", objects.ServiceAccount
)
SECRETS: Final = ApiResource("secrets", "Secret", "v1", objects.PartialObjectMetadata)
HELM_SECRETS: Final = replace(
    SECRETS,
    kind="Release",
    selectors=(("labelSelector", "owner=helm"), ("fieldSelector", "type=helm.sh/release.v1")),
    accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
)
"""Helm's revisions. Which exist is read from their labels alone."""


def custom(resource: CustomResource) -> ApiResource:
    """Return the resource of a custom kind."""
    version = f"{resource.group}/{resource.version}"
    return ApiResource(resource.resource, "", version, dict[str, Any])


def decoded(body: bytes | msgspec.Raw, of: msgspec.json.Decoder[Document]) -> Document:
    """Decode a document. Raises `Malformed` for another kind.

    An API server accepts thousands of levels, no decoder here does: deeper values are read as null,
    so that one such object hides no other of its list.
    """
    try:
        try:
            return of.decode(body)
        except RecursionError:
            return of.decode(b"".join(_shallow(bytes(body))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("not the requested document") from error


def _shallow(body: bytes) -> Iterator[bytes]:
    """Yield the pieces of a document, with null for levels that are too deep."""
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
