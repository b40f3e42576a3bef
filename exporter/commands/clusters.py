"""Which clusters say what is in use, as `--kube` was typed?"""

from __future__ import annotations

from exporter.config.cluster import ClusterSettings
from exporter.config.settings import Settings


def clusters(context: str, known: Settings | None) -> tuple[ClusterSettings, ...]:
    """Return the clusters of a `--kube` that was typed: the configuration's, or the kubeconfig's.

    A name is a configured cluster's, or a context of the kubeconfig. Without a name it is all that
    are configured, or the kubeconfig's current context.
    """
    configured = known.clusters if known else ()
    if not context:
        return configured or (ClusterSettings(),)
    named = tuple(each for each in configured if context in (each.label, each.context))
    return named or (ClusterSettings(context=context),)
