"""What do the settings of a cluster ask to be looked at, and how is it reached?"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.custom import CustomResource, Finished

if TYPE_CHECKING:
    from exporter.config.cluster import ClusterSettings, CustomResourceSettings

# That something is tried again says nothing that its outcome does not.
logging.getLogger("urllib3").setLevel(logging.ERROR)


def cluster(settings: ClusterSettings, environ: Mapping[str, str]) -> Cluster:
    """Return one cluster, unasked."""
    access = Access(
        settings.label,
        environ,
        context=settings.context or "",
        kubeconfig=settings.kubeconfig,
        in_cluster=settings.in_cluster,
        timeout=settings.timeout.total_seconds(),
    )
    return Cluster(access, _extent(settings), time.time)


def _extent(settings: ClusterSettings) -> ClusterOptions:
    return ClusterOptions(
        namespaces=settings.namespaces,
        leave_out=frozenset(settings.leave_out),
        depth=settings.rollback_depth,
        helm=settings.helm_history,
        pull_secrets=settings.pull_secrets,
        custom=tuple(map(_resource, settings.custom_resources)),
    )


def _resource(settings: CustomResourceSettings) -> CustomResource:
    finished = settings.finished
    return CustomResource(
        settings.group,
        settings.version,
        settings.resource,
        settings.images,
        settings.reference_class,
        settings.idle,
        Finished(finished.path, frozenset(finished.values)) if finished else None,
    )
