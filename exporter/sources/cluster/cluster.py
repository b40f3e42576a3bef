"""A Kubernetes cluster as a source of references: listed whole, and then watched."""

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
"""For how many pages that take as long as one may there is time altogether."""
_MOST_GAPS: Final = 100
"""Of one reason."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How much of a cluster is read."""

    namespaces: tuple[str, ...] = ()
    """Empty is all. Of some, only what a Role within them allows is asked for: nodes are not."""
    leave_out: frozenset[str] = frozenset()
    """Kinds that are not asked for, by their plural names; nothing is said of what they need."""
    depth: int = 3
    """How many revisions one may go back."""
    helm: bool = False
    """Is Helm's history read, which is kept in Secrets?"""
    pull_secrets: bool = False
    """Are the Secrets read with which pods are started?"""
    custom: tuple[CustomResource, ...] = ()
    platforms: frozenset[Platform] = frozenset()
    """Platforms that must be servable, whatever nodes there are."""
    pools: bool = False
    """Are the pools read whose nodes an autoscaler starts?"""
    memory: float = 0.0
    """Seconds for which nodes count that are not there any more."""


class Cluster:
    """One cluster, as a source of references."""

    def __init__(self, access: Access, options: ClusterOptions, clock: Callable[[], float]) -> None:
        """Say how it is reached, how much of it counts, and what time it is; ask nothing yet."""
        self._access, self._options, self._clock = access, options, clock
        self._lists = ClusterLists(clock, options.namespaces)
        self._memory = ClusterMemory(options.memory)
        self._helm = HelmHistory(access.name, options.depth)
        self._custom = {resources.custom(each): each for each in options.custom}
        self._secrets: dict[str, tuple[bytes, ...]] = {}

    @property
    def name(self) -> str:
        """The label by which metrics and reports know it."""
        return self._access.name

    def uses(self) -> Listing[Use]:
        """Read all that it uses now, as `ReferenceSource` says."""
        patience = self._access.timeout
        with self._access.open() as client:
            api = Api(self.name, client, patience, time.monotonic() + _PAGES * patience)
            return self._found(self._lists.read(api, self._resources()), api)

    def latest(self) -> Listing[Use]:
        """Return all that it uses as the watch tells, as `WatchedSource` says."""
        watch = self._lists.watch
        if watch is None:
            return self.uses()
        api = watch.api()
        return self._found(self._lists.latest(api, self._resources()), api)

    @contextmanager
    def watching(self, changed: Callable[[], None]) -> Iterator[None]:
        """Watch what is listed, as `WatchedSource` says, until left."""
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
        """Return the sets of pull secrets that the last reading found; nothing unless told to."""
        return self._secrets

    def owns(self, use: Use) -> bool:
        """Did this cluster name a use?"""
        return use.workload is not None and use.workload.cluster == self.name

    def recall(self, uses: Iterable[Use], synced: Mapping[str, float]) -> None:
        """Take for lately where workloads ran before a restart, and when kinds were listed."""
        self._memory.recall(uses)
        self._lists.synced |= synced

    def _look_for_pools(self, listed: ListedObjects) -> None:
        """Note where pools are to be read and the cluster serves none of their kinds."""
        known = {each.kind for each in listed.kinds}
        if self._options.pools and not known & {each.subject for each in resources.POOLS}:
            kind = resources.NODE_POOLS.subject
            versions = " nor ".join(dict.fromkeys(each.version for each in resources.POOLS))
            detail = f"the API server serves neither {versions}: node_pools finds nothing"
            gap = Gap(Scope.REFERENCES, f"{self.name}: {kind}", Reason.UNSUPPORTED, detail)
            listed.kinds.append(KindStatus(kind, up=False, last_sync=self._clock(), gaps=(gap,)))
            listed.gaps.append(gap)

    def _kinds(self, listed: ListedObjects) -> tuple[KindStatus, ...]:
        """Return how each kind was listed; of Secrets also whether single ones may be read."""
        kind = resources.SECRETS.subject
        kinds = {each.kind: each for each in listed.kinds}
        known = kinds.get(kind, KindStatus(kind, up=True, last_sync=self._clock()))
        where = f"{self.name}: {kind} in "
        denied = (each for each in listed.gaps if each.subject.startswith(where))
        if gaps := tuple(dict.fromkeys((*known.gaps, *denied))):
            kinds[kind] = replace(known, up=False, gaps=gaps)
        return tuple(kinds.values())

    def _nodes(self, listed: ListedObjects) -> ClusterNodes:
        """Return the nodes that are there, and those that were lately."""
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
        """Return what is listed, in order: pods after all that make them.

        The first is one that the server answers itself: where that fails, the server does.
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
            """What is being deleted starts nothing, though a finalizer may keep it long."""
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
