"""Lists of one cluster: an audit lists what no watch keeps current."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from exporter.facts.gap import UNREACHED, Gap, Reason, Scope
from exporter.ports import KindStatus, Unseen
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.kept import KeptList
from exporter.sources.cluster.resources import NODES, OPTIONAL, PODS, ApiResource
from exporter.sources.cluster.watch import ClusterWatch, ListName

_OF_THE_SERVER: Final = UNREACHED | {Reason.UNAUTHORIZED}
"""Reasons that other lists of the server will meet too."""
_PASSING: Final = _OF_THE_SERVER | {
    *(Reason.RATE_LIMITED, Reason.SERVER_ERROR, Reason.INCOMPLETE_LIST)
}
"""Reasons that the next event of a watch disproves. Others last until the next list."""


@dataclass(slots=True)
class ListedObjects:
    """Objects of a cluster's lists, and their gaps."""

    objects: dict[ApiResource, list[Any]] = field(default_factory=dict)
    partial: set[ApiResource] = field(default_factory=set)
    """Resources whose list may be incomplete."""
    gaps: list[Gap] = field(default_factory=list)
    kinds: list[KindStatus] = field(default_factory=list)
    """Status of each resource's list."""

    def of(self, resource: ApiResource) -> list[Any]:
        """Return the objects of a resource; none if it was not listed."""
        return self.objects.get(resource, [])


@dataclass(slots=True)
class ClusterLists:
    """Lists of one cluster. A failed one is a gap, and keeps its last content."""

    clock: Callable[[], float]
    """Returns seconds since the epoch."""
    namespaces: tuple[str, ...] = ()
    """Empty is all, which needs the right to list in all."""
    watch: ClusterWatch | None = None
    """Watches of the lists; None if each audit lists them."""
    synced: dict[str, float] = field(default_factory=dict)
    """Time of each kind's last complete list, in seconds since the epoch."""
    _kept: dict[ListName, KeptList] = field(default_factory=dict)
    _status: dict[ApiResource, KindStatus] = field(default_factory=dict)
    """Last status of each resource; none for an optional one that is not served."""
    _left: set[str] = field(default_factory=set)
    """Nodes of pods that the last list of nodes lacked."""

    def read(self, api: Api, resources: list[ApiResource]) -> ListedObjects:
        """Read every list. Raises `Unseen` if the server answers for none."""
        try:
            self._read(api, resources)
        except Unseen as unseen:
            for resource in resources:
                if resource in self._status and not self._is_current(resource):
                    subject = f"{api.cluster}: {resource.subject}"
                    self._settle(resource, [Unseen(subject, unseen.reason, unseen.detail)])
            raise
        return self._known(api, resources)

    def _read(self, api: Api, resources: list[ApiResource]) -> None:
        fresh, first = False, list[Unseen]()
        for resource in resources:
            failed = list[Unseen]()
            for name in self._names(resource):
                try:
                    self._list(api, name)
                    fresh = True
                except Unseen as unseen:
                    failed.append(unseen)
                    if not fresh and unseen.reason in _OF_THE_SERVER:
                        raise
            first += failed[:1]
            if resource in OPTIONAL and any(each.reason is Reason.UNSUPPORTED for each in failed):
                failed = _unread(api, resource)
                if not failed:
                    self._status.pop(resource, None)
                    continue
            self._settle(resource, failed)
        if first and not fresh:
            raise first[0]

    def latest(self, api: Api, resources: list[ApiResource]) -> ListedObjects:
        """Return the current lists; list nodes again only for unknown ones.

        Raises `Unseen` before they were first read.
        """
        if not self._status:
            raise Unseen(api.cluster, Reason.INCOMPLETE_LIST, "not read yet")
        for resource in resources:
            status = self._status.get(resource)
            lasts = status and any(gap.reason not in _PASSING for gap in status.gaps)
            if self._is_current(resource) and not lasts:
                self._settle(resource, [])
            elif status:
                self._status[resource] = replace(status, watched=self._is_watched(resource))
        return self._known(api, resources)

    def _known(self, api: Api, resources: list[ApiResource]) -> ListedObjects:
        listed = ListedObjects()
        for resource in resources:
            if resource is NODES:
                self._look_for_nodes(api, listed.of(PODS))
            names = [self._kept[name] for name in self._names(resource) if name in self._kept]
            listed.objects[resource] = [each for kept in names for each in kept.objects]
            if status := self._status.get(resource):
                listed.kinds.append(status)
                listed.gaps += status.gaps
            if status and not status.up:
                listed.partial.add(resource)
        return listed

    def _look_for_nodes(self, api: Api, pods: list[Any]) -> None:
        """List the nodes again if a pod is on a node that the watch did not report yet.

        A node that a list after the pods lacks was deleted.
        """
        kept, status = self._kept.get((NODES, "")), self._status.get(NODES)
        if self.watch is None or kept is None or status is None or not status.up:
            return
        known = {each.metadata.name for each in kept.objects}
        strangers = {each.spec.node_name for each in pods} - known - {""}
        if not strangers <= self._left:
            try:
                kept.replace(*api.listed(NODES))
            except Unseen as unseen:
                self._settle(NODES, [unseen])
                return
        self._left = strangers

    def _list(self, api: Api, name: ListName) -> None:
        """List what no watch keeps current.

        Of a watched list the number of objects is requested: so a revoked right, or a server that
        went away, is noticed as well.
        """
        kept = self._kept.setdefault(name, KeptList())
        if self.watch and self.watch.is_current(name):
            number = api.counted(*name)
            if number is None or number == len(kept):
                return
        kept.replace(*api.listed(*name))
        if self.watch:
            self.watch.follow(name, kept)

    def _is_current(self, resource: ApiResource) -> bool:
        watch = self.watch
        return watch is not None and all(map(watch.is_current, self._names(resource)))

    def _is_watched(self, resource: ApiResource) -> bool | None:
        if self.watch is None:
            return None
        states = list(map(self.watch.follows, self._names(resource)))
        if False in states:
            return False
        return None if None in states else True

    def _names(self, resource: ApiResource) -> list[ListName]:
        namespaces = (self.namespaces if resource.namespaced else ()) or ("",)
        return [(resource, namespace) for namespace in namespaces]

    def _settle(self, resource: ApiResource, failed: list[Unseen]) -> None:
        """Note the status of a resource's list, now."""
        kind = resource.subject
        if not failed:
            self.synced[kind] = self.clock()
        synced = self.synced.setdefault(kind, self.clock())
        gaps = tuple(unseen.gap(Scope.REFERENCES) for unseen in failed)
        watched = self._is_watched(resource)
        self._status[resource] = KindStatus(kind, not failed, synced, gaps, watched)


def _unread(api: Api, resource: ApiResource) -> list[Unseen]:
    """Return why a resource is read in none of its versions; nothing if it is not served."""
    try:
        others = api.other_versions(resource)
    except Unseen as unseen:
        return [unseen]
    if not others:
        return []
    subject, known = f"{api.cluster}: {resource.subject}", " and ".join(resource.versions)
    detail = f"served only as {', '.join(others)}; this version of pullproof reads {known}"
    return [Unseen(subject, Reason.UNSUPPORTED, detail)]
