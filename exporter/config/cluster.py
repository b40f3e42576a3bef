"""Which cluster says what is in use, how is it reached, and how much of it counts?"""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from exporter.config.section import Section, amiss
from exporter.config.words import (
    ClassName,
    FieldPathText,
    FilePath,
    GroupName,
    KindName,
    NamespaceName,
    ResourceName,
    Timeout,
    VersionName,
)
from exporter.facts.use import ReferenceClass


class FinishedSettings(Section):
    """How a custom resource tells that it has ended, and needs nothing any more."""

    path: FieldPathText
    """Where it stands: `status.phase`."""
    values: tuple[str, ...] = ()
    """What stands there then; empty is anything."""


class CustomResourceSettings(Section):
    """A kind of custom resource that names images."""

    group: GroupName
    """Of its API: `argoproj.io`."""
    version: VersionName
    """Of the group: `v1alpha1`."""
    resource: ResourceName
    """Its plural name: `workflows`."""
    images: tuple[FieldPathText, ...]
    """Where it names images: `spec.template.spec.containers[*].image`."""
    reference_class: ClassName = Field(default=ReferenceClass.LIVE, alias="class")
    """`live`, `idle` or `rollback`."""
    idle: FieldPathText | None = None
    """Where `true` or 0, and nothing else, makes it idle: `spec.suspend`, `spec.replicas`."""
    finished: FinishedSettings | None = None
    """When it has ended."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.images:
            raise amiss("images", "at least one is needed")
        return self


class ClusterSettings(Section):
    """One Kubernetes cluster whose workloads say what is in use."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    """How metrics and reports name it; `null` is the context, or `in-cluster`, or `kubernetes`."""
    context: str | None = Field(default=None, min_length=1)
    """Of the kubeconfig; `null` is its current one."""
    kubeconfig: FilePath | None = None
    """`null` is what KUBECONFIG names, or `~/.kube/config`, or without these the pod's own."""
    in_cluster: bool = False
    """Ask the cluster that it runs in, with the token of its ServiceAccount."""
    namespaces: tuple[NamespaceName, ...] = ()
    """Only these, with no right beyond them; empty is all. See below for what is not seen then."""
    leave_out: tuple[KindName, ...] = ()
    """Kinds that are not asked for: `jobs`, `replicationcontrollers`, …"""
    rollback_depth: int = Field(default=3, ge=0, le=100)
    """How many earlier revisions of a workload count as `rollback`."""
    helm_history: bool = False
    """Count earlier revisions of Helm's releases too. They are in Secrets, which it then reads."""
    pull_secrets: bool = False
    """Try workloads' pull secrets as a kubelet would. They are Secrets, which it then reads."""
    custom_resources: tuple[CustomResourceSettings, ...] = ()
    """Further kinds that name images."""
    timeout: Timeout = timedelta(seconds=30)
    """How long one page of a list, or a credential plugin, may take."""

    @property
    def label(self) -> str:
        """The name by which metrics and reports know it."""
        return self.name or self.context or ("in-cluster" if self.in_cluster else "kubernetes")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for key in ("context", "kubeconfig"):
            if self.in_cluster and getattr(self, key):
                raise amiss(key, "is of no use with in_cluster")
        return self
