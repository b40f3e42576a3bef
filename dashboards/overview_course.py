"""How did it go with all registries over the chosen time? A chapter of the overview."""

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
        "Every live tag under the state of the worst that a platform that must run it would meet.",
    ),
    Ask(f"sum by (state) ({owned(total('registry, state', metric.TAGS, _LIVE))})", "{{state}}"),
    stacked=True,
    colours=_COLOURS | {"present": meanings.GOOD},
)
CHILDREN_OVER_TIME: Final = graph(
    Card(
        41,
        "Manifests in trouble",
        "Manifests that tags of any class lead to and that are not proven to be there, each once "
        "for a repository.",
    ),
    Ask(total("state", metric.CHILDREN, 'state!="present"'), "{{state}}"),
    colours=_COLOURS,
)
UNPROTECTED_OVER_TIME: Final = graph(
    Card(
        42,
        "Unprotected manifests by class",
        "Manifests below tags at which no tag points straight. A rise often comes from a pipeline "
        "that stopped tagging platforms.",
    ),
    Ask(total("class", metric.UNPROTECTED_CHILDREN), "{{class}}"),
)
FINDINGS: Final = graph(
    Card(
        43,
        "Findings by check",
        "What each check found; a check that could not run anywhere has no line.",
    ),
    Ask(f"{total('check, severity', metric.FINDINGS)} > 0", "{{check}} ({{severity}})"),
)
BLOBS: Final = graph(
    Card(
        44,
        "Blobs in trouble",
        "Configurations, layers and other blobs that are not proven to be there, each once for a "
        "repository.",
    ),
    Ask(total("state", metric.BLOBS, 'state!="present"'), "{{state}}"),
    colours=_COLOURS,
)
UNMIRRORED: Final = graph(
    Card(
        45,
        "Platforms that a mirror leaves out",
        "Platforms on which a live tag must run, and which a sparse mirror does not hold on "
        "purpose: a node of such a platform finds nothing there.",
        links=(links.runbook("RegistryPlatformNotMirrored"),),
    ),
    Ask(
        f"sum by (registry) ({each(_TAG, metric.TAG_UNMIRRORED_PLATFORMS, _LIVE)})", "{{registry}}"
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
