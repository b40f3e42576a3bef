"""Owners of objects: Pod to ReplicaSet to Deployment, Job to CronJob."""

from __future__ import annotations

from typing import Final

from exporter.facts.use import Workload
from exporter.sources.cluster.objects import ObjectMeta, OwnerReference
from exporter.sources.cluster.text import plain

_DEEPEST: Final = 8
_NODE: Final = "Node"


class Owners:
    """Who made what in one cluster, as far as the lists show it."""

    def __init__(self, cluster: str) -> None:
        """Begin with nothing known of a cluster."""
        self._cluster = cluster
        self._metas: dict[str, ObjectMeta] = {}
        self._tops: dict[tuple[str, str], Workload] = {}

    def know(self, meta: ObjectMeta) -> None:
        """Take note of an object that may own others."""
        if meta.owner_references:
            self._metas[meta.uid] = meta

    def top(self, kind: str, meta: ObjectMeta) -> Workload:
        """Return the workload that an object belongs to: the last owner that anything names.

        A static pod is owned by its node, which is no workload.
        """
        owner = _owner(meta)
        if owner is None:
            return self._workload(meta.namespace, kind, meta.name)
        key = (owner.uid, meta.namespace)
        if key not in self._tops:
            self._tops[key] = self._follow(owner, meta.namespace)
        return self._tops[key]

    def _follow(self, owner: OwnerReference, namespace: str) -> Workload:
        for _ in range(_DEEPEST):
            meta = self._metas.get(owner.uid)
            above = _owner(meta) if meta else None
            if above is None:
                break
            owner = above
        return self._workload(namespace, owner.kind, owner.name)

    def _workload(self, namespace: str, kind: str, name: str) -> Workload:
        return Workload(self._cluster, plain(namespace), plain(kind), plain(name))


def _owner(meta: ObjectMeta) -> OwnerReference | None:
    """Return who made it: its controller, or else the first that it names."""
    owners = meta.owner_references
    owner = meta.controller or (owners[0] if owners else None)
    return None if owner is None or owner.kind == _NODE else owner
