"""Clusters, as the settings describe them. It needs the large client of Kubernetes."""

import logging
import time
from collections.abc import Mapping

from exporter.config.cluster import ClusterSettings, CustomResourceSettings
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.custom import CustomResource, Finished

# That something is tried again says nothing that its outcome does not.
logging.getLogger("urllib3").setLevel(logging.ERROR)


def check(settings: ClusterSettings, environ: Mapping[str, str]) -> None:
    """Raise `Unseen` where the cluster cannot be reached as the settings say; it is not asked."""
    _access(settings, environ).check()


def cluster(settings: ClusterSettings, environ: Mapping[str, str]) -> Cluster:
    """Return one cluster, unasked."""
    options = ClusterOptions(
        namespaces=settings.namespaces,
        leave_out=frozenset(settings.leave_out),
        depth=settings.rollback_depth,
        helm=settings.helm_history,
        pull_secrets=settings.pull_secrets,
        platforms=frozenset(settings.platforms),
        pools=settings.node_pools,
        memory=settings.nodes_memory.total_seconds(),
        custom=tuple(map(_resource, settings.custom_resources)),
    )
    return Cluster(_access(settings, environ), options, time.time)


def _access(settings: ClusterSettings, environ: Mapping[str, str]) -> Access:
    return Access(
        settings.label,
        environ,
        context=settings.context or "",
        kubeconfig=settings.kubeconfig,
        in_cluster=settings.in_cluster,
        timeout=settings.timeout.total_seconds(),
    )


def _resource(settings: CustomResourceSettings) -> CustomResource:
    fields = dict(settings)
    if finished := settings.finished:
        fields["finished"] = Finished(finished.path, frozenset(finished.values))
    return CustomResource(**fields)
