"""The history of all registries: a chapter of the overview."""

from __future__ import annotations

from typing import Final

from dashboards import links, meanings
from dashboards.card import Ask, Card
from dashboards.panels import graph
from dashboards.promql import each, owned, total
from exporter.publish.metrics import catalogue as metric

_LIVE: Final = 'class="live"'
_TAG: Final = "registry, repository, tag"
_COLOURS: Final = {
    "missing": meanings.BAD,
    "broken": meanings.WORRYING,
    "unknown": meanings.UNSURE,
}
TAGS_OVER_TIME: Final = graph(
    Card(
        40,
        "Live tags by state",
        "Each live tag under the worst state among the platforms that must run it.",
    ),
    Ask(f"sum by (state) ({owned(total('registry, state', metric.TAGS, _LIVE))})", "{{state}}"),
    stacked=True,
    colours=_COLOURS | {"present": meanings.GOOD},
)
CHILDREN_OVER_TIME: Final = graph(
    Card(
        41,
        "Missing, broken and unknown manifests",
        "Manifests that tags of any class reference and that are not proven present, each once "
        "per repository.",
    ),
    Ask(total("state", metric.CHILDREN, 'state!="present"'), "{{state}}"),
    colours=_COLOURS,
)
UNPROTECTED_OVER_TIME: Final = graph(
    Card(
        42,
        "Unprotected manifests by class",
        "Manifests reachable only through an index. A rise often means that a pipeline stopped "
        "tagging platforms.",
    ),
    Ask(total("class", metric.UNPROTECTED_CHILDREN), "{{class}}"),
)
FINDINGS: Final = graph(
    Card(
        43,
        "Findings by check",
        "Findings of each check. A check that could not run has no line.",
    ),
    Ask(f"{total('check, severity', metric.FINDINGS)} > 0", "{{check}} ({{severity}})"),
)
BLOBS: Final = graph(
    Card(
        44,
        "Missing, broken and unknown blobs",
        "Configurations, layers and other blobs that are not proven present, each once per "
        "repository.",
    ),
    Ask(total("state", metric.BLOBS, 'state!="present"'), "{{state}}"),
    colours=_COLOURS,
)
UNMIRRORED: Final = graph(
    Card(
        45,
        "Platforms omitted by a mirror",
        "Platforms that a live tag must run on and that a sparse mirror omits on purpose. A node "
        "of such a platform cannot pull from it.",
        links=(links.runbook("RegistryPlatformNotMirrored"),),
    ),
    Ask(
        f"sum by (cluster, registry) ({each(_TAG, metric.TAG_UNMIRRORED_PLATFORMS, _LIVE)})",
        "{{registry}}",
    ),
)

COURSE: Final = (
    TAGS_OVER_TIME,
    CHILDREN_OVER_TIME,
    UNPROTECTED_OVER_TIME,
    FINDINGS,
    BLOBS,
    UNMIRRORED,
)
"""In this order."""
