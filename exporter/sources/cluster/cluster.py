"""A Kubernetes cluster as a source of references: listed whole each time it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

import msgspec

from exporter.facts.use import Use
from exporter.ports import Listing
from exporter.sources.cluster import controllers, resources
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.custom import CustomResource
from exporter.sources.cluster.helm import HelmHistory
from exporter.sources.cluster.images import MOST_IMAGES, PodImage, of_pods
from exporter.sources.cluster.lists import ClusterLists, ListedObjects
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.objects import ObjectMeta
from exporter.sources.cluster.owners import Owners
from exporter.sources.cluster.pull_secrets import PullSecrets
from exporter.sources.cluster.resources import (
    HELM_SECRETS,
    RESOURCES,
    SERVICE_ACCOUNTS,
    ApiResource,
)
from exporter.sources.cluster.uses import merged, no_login

_PAGES: Final = 10
"""For how many pages that take as long as one may there is time altogether."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How much of a cluster is looked at."""

    namespaces: tuple[str, ...] = ()
    """Empty is all. Of some, only what a Role within them allows is asked for: nodes are not."""
    leave_out: frozenset[str] = frozenset()
    """Kinds that are not asked for, by their plural names; nothing is said of what they want."""
    depth: int = 3
    """How many revisions one may want to go back."""
    helm: bool = False
    """Is Helm's history read, which is kept in Secrets?"""
    pull_secrets: bool = False
    """Are the Secrets read with which pods are started?"""
    custom: tuple[CustomResource, ...] = ()


class Cluster:
    """One cluster, as a source of references."""

    def __init__(self, access: Access, extent: ClusterOptions, clock: Callable[[], float]) -> None:
        """Say how it is reached, how much of it counts, and what time it is; ask nothing yet."""
        self._access, self._extent, self._clock = access, extent, clock
        self._lists = ClusterLists(access.name, extent.namespaces)
        self._releases = HelmHistory(access.name, extent.depth)
        self._custom = {resources.custom(each): each for each in extent.custom}
        self._secrets: dict[str, tuple[bytes, ...]] = {}

    @property
    def name(self) -> str:
        """The label by which metrics and reports know it."""
        return self._access.name

    def uses(self) -> Listing[Use]:
        """List all that it wants now; what cannot be listed is among the gaps.

        It takes as long as the API does: call it in a thread. Raises `Unseen` where the cluster as
        a whole cannot be seen: that is not "nothing is wanted".
        """
        patience = self._access.timeout
        with self._access.open() as client:
            api = Api(client, patience, time.monotonic() + _PAGES * patience)
            shown = self._lists.read(api, self._kinds())
            history = self._releases.wants(shown.of(HELM_SECRETS), api, shown.gaps)
            fleet, secrets = self._fleet(shown), PullSecrets(self.name, shown.of(SERVICE_ACCOUNTS))
            login = secrets.login if self._extent.pull_secrets else no_login
            wants = chain(self._wants(shown, fleet), history)
            found = merged(self.name, wants, fleet, login)
            self._secrets = secrets.contents(api, shown.gaps)
        return Listing(found.entries, (*shown.gaps, *found.gaps))

    def pull_secrets(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the sets of pull secrets that the last reading found; nothing unless told to."""
        return self._secrets

    def said(self, use: Use) -> bool:
        """Did this cluster name a use?"""
        return use.workload is not None and use.workload.cluster == self.name

    def _kinds(self) -> list[ApiResource]:
        """Return the lists that are asked for, in their order: pods after all that make them.

        The first is one that the server answers itself: where that fails, the server does.
        """
        built_in = [
            kind
            for kind in RESOURCES.values()
            if kind.plural not in self._extent.leave_out
            and (kind.namespaced or not self._extent.namespaces)
        ]
        secrets = [HELM_SECRETS] if self._extent.helm and self._extent.depth else []
        accounts = [SERVICE_ACCOUNTS] if self._extent.pull_secrets else []
        return [*built_in[:1], *self._custom, *secrets, *accounts, *built_in[1:]]

    def _fleet(self, shown: ListedObjects) -> ClusterNodes:
        nodes = RESOURCES[resources.NODES]
        asked = nodes.subject in shown.objects
        return ClusterNodes(shown.of(nodes), whole=asked and nodes.subject not in shown.partial)

    def _wants(self, shown: ListedObjects, fleet: ClusterNodes) -> Iterator[PodImage]:
        owners, depth = self._owners(shown), self._extent.depth

        def of(plural: str) -> list[Any]:
            """What is being deleted starts nothing, though a finalizer may keep it long."""
            found: list[Any] = shown.of(RESOURCES[plural])
            return [each for each in found if each.metadata.deletion_timestamp is None]

        for plural in (resources.DEPLOYMENTS, resources.STATEFUL_SETS, resources.CONTROLLERS):
            yield from controllers.of_replicated(RESOURCES[plural].name, of(plural), owners)
        yield from controllers.of_daemons(of(resources.DAEMON_SETS), owners, fleet)
        yield from controllers.of_schedules(of(resources.CRON_JOBS), owners, self._clock())
        yield from controllers.of_jobs(of(resources.JOBS), owners)
        yield from controllers.of_replica_sets(of(resources.REPLICA_SETS), owners, depth)
        stateful = of(resources.STATEFUL_SETS)
        yield from controllers.of_revisions(of(resources.REVISIONS), owners, depth, stateful)
        for kind, resource in self._custom.items():
            yield from _of_custom(shown.of(kind), resource, owners)
        yield from of_pods(of(resources.PODS), owners)

    def _owners(self, shown: ListedObjects) -> Owners:
        owners = Owners(self.name)
        for kind in RESOURCES.values():
            if kind.plural not in (resources.PODS, resources.NODES):
                for each in shown.of(kind):
                    owners.know(each.metadata)
        for kind in self._custom:
            for document in shown.of(kind):
                owners.know(_meta(document))
        return owners


def _of_custom(
    documents: list[dict[str, Any]], resource: CustomResource, owners: Owners
) -> Iterator[PodImage]:
    for document in documents:
        meta = _meta(document)
        if meta.deletion_timestamp is not None:
            continue
        workload = owners.top(str(document.get("kind", "")), meta)
        reference_class = resource.class_of(document)
        wanted = list(islice(dict.fromkeys(resource.references(document)), MOST_IMAGES + 1))
        if len(wanted) > MOST_IMAGES:
            too_much = f"more than {MOST_IMAGES} images"
            yield PodImage(workload, "", reference_class, excess=too_much)
            continue
        for image in wanted:
            yield PodImage(workload, image, reference_class)


def _meta(document: dict[str, Any]) -> ObjectMeta:
    """Read what it is called and owned by; a server of its own may tell nothing of use."""
    try:
        return msgspec.convert(document.get("metadata", {}), ObjectMeta)
    except msgspec.ValidationError:
        return ObjectMeta()
