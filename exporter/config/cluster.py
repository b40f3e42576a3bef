"""Settings of the clusters whose workloads say what is in use."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from exporter.config.values import (
    ClassName,
    Duration,
    FieldPathText,
    FilePath,
    GroupName,
    KindName,
    NamespaceName,
    PlatformName,
    ResourceName,
    Section,
    Timeout,
    VersionName,
    invalid,
)
from exporter.facts.use import ReferenceClass


class FinishedSettings(Section):
    """The sign that a custom resource has ended, and needs nothing any more."""

    path: FieldPathText
    """Path of the status: `status.phase`."""
    values: tuple[str, ...] = ()
    """Values that mean finished; empty is any value."""


class CustomResourceSettings(Section):
    """A kind of custom resource that names images."""

    group: GroupName
    """API group: `argoproj.io`."""
    version: VersionName
    """API version: `v1alpha1`."""
    resource: ResourceName
    """Plural name: `workflows`."""
    images: tuple[FieldPathText, ...]
    """Paths of its images: `spec.template.spec.containers[*].image`."""
    reference_class: ClassName = Field(default=ReferenceClass.LIVE, alias="class")
    """`live`, `idle` or `rollback`."""
    idle: FieldPathText | None = None
    """Path where `true` or 0 makes it idle: `spec.suspend`, `spec.replicas`."""
    finished: FinishedSettings | None = None
    """When it is finished."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.images:
            raise invalid("images", "at least one is needed")
        return self


class ClusterSettings(Section):
    """One Kubernetes cluster whose workloads say what is in use."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    """Name in metrics and reports; `null` is the context, or `in-cluster`, or `kubernetes`."""
    context: str | None = Field(default=None, min_length=1)
    """Context of the kubeconfig; `null` is the current one."""
    kubeconfig: FilePath | None = None
    """Kubeconfig file; `null` is KUBECONFIG, or `~/.kube/config`, or the pod's own credentials."""
    in_cluster: bool = False
    """Read the cluster that it runs in, with the token of its ServiceAccount."""
    namespaces: tuple[NamespaceName, ...] = ()
    """Read only these, without cluster-wide permissions; empty is all. See below for the limits."""
    leave_out: tuple[KindName, ...] = ()
    """Kinds to skip: `jobs`, `replicationcontrollers`, …"""
    rollback_depth: int = Field(default=3, ge=0, le=100)
    """Number of earlier revisions of a workload that count as `rollback`."""
    helm_history: bool = False
    """Also count earlier revisions of Helm releases. They are stored in Secrets, which it then
    reads."""
    pull_secrets: bool = False
    """Try the pull secrets of workloads as a kubelet would. It then reads these Secrets."""
    custom_resources: tuple[CustomResourceSettings, ...] = ()
    """Further kinds that use images."""
    platforms: tuple[PlatformName, ...] = ()
    """Platforms that the cluster may have at any time (node pools at zero). Workloads that are not
    excluded from them must be able to start there."""
    node_pools: bool = False
    """Also count the nodes that an autoscaler may start, at zero too: Karpenter NodePools, and
    MachineDeployments and MachinePools of the Cluster API."""
    nodes_memory: Duration = timedelta(days=1)
    """How long a node that is gone still counts, and where a workload ran."""
    timeout: Timeout = timedelta(seconds=30)
    """Timeout of one page of a list, or of a credential plugin."""

    @property
    def label(self) -> str:
        """Its name in metrics and reports."""
        return self.name or self.context or ("in-cluster" if self.in_cluster else "kubernetes")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("context", "kubeconfig"):
            if self.in_cluster and getattr(self, key):
                raise invalid(key, "has no effect with in_cluster")
        for index, each in enumerate(self.namespaces):
            if each in self.namespaces[:index]:
                raise invalid("namespaces", index, f"{each} is listed already")
        if self.node_pools and self.namespaces:
            raise invalid("node_pools", "has no effect with namespaces: pools belong to none")
        return self
