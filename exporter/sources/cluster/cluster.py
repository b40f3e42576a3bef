"""A Kubernetes cluster as a source of references: listed completely, then watched."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from exporter.facts.gap import Gap, Reason, Scope, bounded
from exporter.facts.use import Use
from exporter.oci.platform import Platform
from exporter.ports import KindStatus, Listing
from exporter.sources.cluster import controllers, resources
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.custom import CustomResource, meta_of, of_custom
from exporter.sources.cluster.helm import HelmHistory
from exporter.sources.cluster.images import PodImage, of_pods
from exporter.sources.cluster.lists import ClusterLists, ListedObjects
from exporter.sources.cluster.memory import ClusterMemory
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.pools import of_karpenter, of_machines
from exporter.sources.cluster.pull_secrets import PullSecrets
from exporter.sources.cluster.resources import ApiResource
from exporter.sources.cluster.uses import merged, no_login
from exporter.sources.cluster.watch import ClusterWatch

_PAGES: Final = 10
"""Total time for lists, in timeouts of a page."""
_MOST_GAPS: Final = 100
"""Maximum gaps of one reason."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Scope of a cluster's reads."""

    namespaces: tuple[str, ...] = ()
    """Empty is all. With namespaces, only lists that a Role in them permits: no nodes."""
    leave_out: frozenset[str] = frozenset()
    """Plural names of kinds that are not listed; their needs are unknown."""
    depth: int = 3
    """Number of earlier revisions that a rollback can need."""
    helm: bool = False
    """Are Helm's revisions read? They are stored in Secrets."""
    pull_secrets: bool = False
    """Are the pull secrets of workloads read?"""
    custom: tuple[CustomResource, ...] = ()
    platforms: frozenset[Platform] = frozenset()
    """Platforms on which images must be pullable, whatever nodes exist."""
    pools: bool = False
    """Are node pools read, whose nodes an autoscaler starts?"""
    memory: float = 0.0
    """Seconds for which deleted nodes still count."""


class Cluster:
    """One cluster, as a source of references."""

    def __init__(self, access: Access, options: ClusterOptions, clock: Callable[[], float]) -> None:
        """Set up a cluster with a clock, without a request."""
        self._access, self._options, self._clock = access, options, clock
        self._lists = ClusterLists(clock, options.namespaces)
        self._memory = ClusterMemory(options.memory)
        self._helm = HelmHistory(access.name, options.depth)
        self._custom = {resources.custom(each): each for each in options.custom}
        self._secrets: dict[str, tuple[bytes, ...]] = {}

    @property
    def name(self) -> str:
        """Its name in metrics and reports."""
        return self._access.name

    def uses(self) -> Listing[Use]:
        """Read all current uses, as `ReferenceSource` requires."""
        patience = self._access.timeout
        with self._access.open() as client:
            api = Api(self.name, client, patience, time.monotonic() + _PAGES * patience)
            return self._found(self._lists.read(api, self._resources()), api)

    def latest(self) -> Listing[Use]:
        """Return the uses by the watch, as `WatchedSource` requires."""
        watch = self._lists.watch
        if watch is None:
            return self.uses()
        api = watch.api()
        return self._found(self._lists.latest(api, self._resources()), api)

    @contextmanager
    def watching(self, changed: Callable[[], None]) -> Iterator[None]:
        """Watch the lists, as `WatchedSource` requires, until left."""
        watch = self._lists.watch = ClusterWatch(self._access, changed)
        try:
            yield
        finally:
            self._lists.watch = None
            watch.close()

    def _found(self, listed: ListedObjects, api: Api) -> Listing[Use]:
        nodes = self._nodes(listed)
        self._look_for_pools(listed)
        secrets = PullSecrets(self.name, listed.of(resources.SERVICE_ACCOUNTS))
        login = secrets.login if self._options.pull_secrets else no_login
        running = merged(self._images(listed, nodes), nodes, login, self._memory)
        self._secrets = secrets.contents(api, listed.gaps)
        # Last: there may be so many revisions that they take all the time that is left.
        revisions = self._helm.images(listed.of(resources.HELM_SECRETS), api, listed.gaps)
        history = merged(revisions, nodes)
        gaps = tuple(dict.fromkeys((*listed.gaps, *running.gaps, *history.gaps)))
        entries = (*running.entries, *history.entries)
        return Listing(entries, bounded(gaps, _MOST_GAPS), kinds=self._kinds(listed))

    def pull_secrets(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the pull secrets of the last read; nothing unless they are configured."""
        return self._secrets

    def owns(self, use: Use) -> bool:
        """Is a use from this cluster?"""
        return use.workload is not None and use.workload.cluster == self.name

    def recall(self, uses: Iterable[Use], synced: Mapping[str, float]) -> None:
        """Restore where workloads ran before a restart, and when kinds were listed."""
        self._memory.recall(uses)
        self._lists.synced |= synced

    def _look_for_pools(self, listed: ListedObjects) -> None:
        """Add a gap if node pools are configured, and the cluster serves none of their kinds."""
        known = {each.kind for each in listed.kinds}
        if self._options.pools and not known & {each.subject for each in resources.POOLS}:
            kind = resources.NODE_POOLS.subject
            groups = " or ".join(dict.fromkeys(each.group for each in resources.POOLS))
            detail = f"the API server serves no node pools of {groups}: node_pools finds nothing"
            gap = Gap(Scope.REFERENCES, f"{self.name}: {kind}", Reason.UNSUPPORTED, detail)
            listed.kinds.append(KindStatus(kind, up=False, last_sync=self._clock(), gaps=(gap,)))
            listed.gaps.append(gap)

    def _kinds(self, listed: ListedObjects) -> tuple[KindStatus, ...]:
        """Return the status of each kind's list; of Secrets also of single reads."""
        kind = resources.SECRETS.subject
        kinds = {each.kind: each for each in listed.kinds}
        known = kinds.get(kind, KindStatus(kind, up=True, last_sync=self._clock()))
        where = f"{self.name}: {kind} in "
        denied = (each for each in listed.gaps if each.subject.startswith(where))
        if gaps := tuple(dict.fromkeys((*known.gaps, *denied))):
            kinds[kind] = replace(known, up=False, gaps=gaps)
        return tuple(kinds.values())

    def _nodes(self, listed: ListedObjects) -> ClusterNodes:
        """Return the nodes that exist, and those that did lately."""
        whole = resources.NODES in listed.objects.keys() - listed.partial
        nodes = listed.of(resources.NODES)
        self._memory.begin(self._clock())
        absent = self._memory.absent(nodes)
        machines = (each for kind in resources.MACHINE_GROUPS for each in listed.of(kind))
        pools = (*of_karpenter(listed.of(resources.NODE_POOLS)), *of_machines(machines))
        runtimes = {
            each.metadata.name: each.scheduling
            for each in listed.of(resources.RUNTIME_CLASSES)
            if each.scheduling
        }
        return ClusterNodes(
            nodes,
            whole=whole,
            absent=absent,
            pools=pools,
            always=self._options.platforms,
            runtimes=runtimes,
        )

    def _resources(self) -> list[ApiResource]:
        """Return the resources to list, in order: pods after their controllers.

        The API server answers the first one itself: if that fails, the server does not answer.
        """
        options = self._options
        built_in = [
            each
            for each in resources.RESOURCES.values()
            if each.plural not in options.leave_out and (each.namespaced or not options.namespaces)
        ]
        secrets = [resources.HELM_SECRETS] if options.helm and options.depth else []
        accounts = [resources.SERVICE_ACCOUNTS] if options.pull_secrets else []
        pools = resources.POOLS if options.pools else ()
        return [*built_in[:1], *self._custom, *secrets, *accounts, *built_in[1:], *pools]

    def _images(self, listed: ListedObjects, nodes: ClusterNodes) -> Iterator[PodImage]:
        owners, depth = self._owners(listed), self._options.depth

        def of(resource: ApiResource) -> list[Any]:
            """An object under deletion starts nothing, though a finalizer may keep it long."""
            objects = listed.of(resource)
            return [each for each in objects if each.metadata.deletion_timestamp is None]

        for each in (
            resources.DEPLOYMENTS,
            resources.STATEFUL_SETS,
            resources.REPLICATION_CONTROLLERS,
        ):
            yield from controllers.of_replicated(each.kind, of(each), owners)
        yield from controllers.of_daemons(of(resources.DAEMON_SETS), owners, nodes)
        yield from controllers.of_schedules(of(resources.CRON_JOBS), owners, self._clock())
        yield from controllers.of_jobs(of(resources.JOBS), owners)
        yield from controllers.of_replica_sets(of(resources.REPLICA_SETS), owners, depth)
        stateful = of(resources.STATEFUL_SETS)
        yield from controllers.of_revisions(of(resources.REVISIONS), owners, depth, stateful)
        for resource, custom in self._custom.items():
            yield from of_custom(listed.of(resource), custom, owners)
        yield from of_pods(of(resources.PODS), owners)

    def _owners(self, listed: ListedObjects) -> Owners:
        owners = Owners(self.name)
        for resource in resources.MAKERS:
            for each in listed.of(resource):
                owners.know(each.metadata)
        for resource in self._custom:
            for document in listed.of(resource):
                owners.know(meta_of(document))
        return owners
