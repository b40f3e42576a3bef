"""Resources of the Kubernetes API: where each kind is listed, and how a response is decoded."""

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
"""Levels that are kept: no path that is configured leads further (`FieldPath`)."""
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text, also one that never ends: else each quote in it would be tried as a beginning."""

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class ApiResource:
    """One kind of object, by the name that its lists have in paths and roles."""

    plural: str
    kind: str
    """As it stands in an object's `kind`."""
    version: str
    """`v1`, or `group/version`."""
    model: Any
    """What each of its objects is read as."""
    namespaced: bool = True
    selectors: tuple[tuple[str, str], ...] = ()
    accept: str = JSON

    def path(self, namespace: str = "") -> str:
        """Return where its objects are listed: those of one namespace, or of all."""
        base = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{base}{within}/{self.plural}"

    @property
    def subject(self) -> str:
        """How a role names it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def group(self) -> str:
        """Its API group; empty for the core."""
        return self.version.rpartition("/")[0]

    @property
    def rule(self) -> str:
        """The rule that lets a role list and watch it."""
        what = f'apiGroups: ["{self.group}"], resources: ["{self.plural}"]'
        return f'{{{what}, verbs: ["list", "watch"]}}'

    @property
    def lists(self) -> msgspec.json.Decoder[ObjectList[Any]]:
        """What reads a page of a list."""
        return _lists(self.model)

    @property
    def items(self) -> msgspec.json.Decoder[Any]:
        """What reads one object."""
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
"""What makes pods, or keeps the template that it makes them after."""
RESOURCES: Final = {each.plural: each for each in (*MAKERS, RUNTIME_CLASSES, PODS, NODES)}
"""In the order of listing: who is made by others comes later, and so is not missed.

Nodes come after the pods: a node that is not there then has left, and was not about to join.
"""

NODE_POOLS: Final = ApiResource(
    "nodepools", "NodePool", "karpenter.sh/v1", objects.NodePool, namespaced=False
)
MACHINE_GROUPS: Final = tuple(
    ApiResource(plural, kind, "cluster.x-k8s.io/v1beta1", objects.Machines)
    for plural, kind in (
        ("machinedeployments", "MachineDeployment"),
        ("machinepools", "MachinePool"),
    )
)
POOLS: Final = (NODE_POOLS, *MACHINE_GROUPS)
"""What starts nodes. A cluster serves those whose autoscaler is installed."""
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
"""Helm's history. Which revisions there are is read from their labels alone."""


def custom(resource: CustomResource) -> ApiResource:
    """Return how a custom resource is listed."""
    version = f"{resource.group}/{resource.version}"
    return ApiResource(resource.resource, "", version, dict[str, Any])


def decoded(body: bytes | msgspec.Raw, of: msgspec.json.Decoder[Document]) -> Document:
    """Read a document; raise `Malformed` where it is none of this kind.

    An API server takes thousands of levels, no reader here does: what lies deeper than anything
    that is looked for is read as null, so that one such object hides no other of its list.
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
