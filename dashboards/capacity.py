"""The capacity dashboard: storage use, its forecast and predicted collections."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards import links, meanings
from dashboards.board import Board, Chapter, registries
from dashboards.card import Ask, Card
from dashboards.panels import bars, graph, number
from dashboards.promql import each, series, total, within
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric

_UNREAD: Final = "no storage is read"
_COLLECTION: Final = "registry, dialect, mode"
_LIVE: Final = 'class="live"'
_OWN: Final = " or ".join(
    f"({each(_COLLECTION, metric.GC_VICTIMS, dialect)} and on (cluster, registry) {info})"
    for dialect, info in (
        (f'dialect="{name}"', series(metric.REGISTRY_INFO, f'collector="{name}"'))
        for name in ("distribution-2", "distribution-3")
    )
)
"""The collections that each registry's own collector could run, in whichever mode."""
_IN_STORE: Final = 'reason!="stale_upload"'
_REASONS: Final = {
    "needed": meanings.GOOD,
    "untagged": meanings.WORRYING,
    "orphaned_blob": meanings.BAD,
    "stale_upload": meanings.UNSURE,
}
_TO_TAGS: Final = links.drill("Show its tags", links.TAG, "registry", "repository")
_TO_TAG: Final = links.drill("Show this tag", links.TAG, "registry", "repository", "tag")

STORED: Final = number(
    Card(
        10,
        "Stored",
        "Bytes of all blobs in the storage, each once.",
        unit=units.BytesIEC,
        absent=_UNREAD,
    ),
    Ask(total("", metric.STORED_BYTES)),
)
REFERENCED: Final = number(
    Card(
        11,
        "Referenced",
        "Bytes of the stored blobs that a manifest references, tagged or not, each once.",
        unit=units.BytesIEC,
        absent=_UNREAD,
    ),
    Ask(total("", metric.STORED_REFERENCED_BYTES)),
)
IN_SCOPE: Final = number(
    Card(
        12,
        "Needed by tags in scope",
        "Bytes of the present manifests and blobs that audited tags need, each digest once per "
        "registry.",
        unit=units.BytesIEC,
    ),
    Ask(total("", metric.REFERENCED_BYTES)),
)
RECLAIMABLE: Final = number(
    Card(
        13,
        "Unreferenced",
        "Bytes of unreferenced data past the grace period, each byte under one reason.",
        unit=units.BytesIEC,
        absent=_UNREAD,
        links=(links.runbook("RegistryReclaimableHigh"),),
    ),
    Ask(total("", metric.RECLAIMABLE_BYTES)),
)
IF_RUN_NOW: Final = number(
    Card(
        14,
        "Removed by a garbage collection now",
        "The most that the registries' own collectors would remove, in the mode that removes "
        "more, needed or not.",
        unit=units.BytesIEC,
        absent="not predicted",
    ),
    Ask(
        f"sum(max by (cluster, registry) ({each(_COLLECTION, metric.GC_RECLAIMABLE_BYTES)}"
        f" and on ({within(_COLLECTION)}) ({_OWN})))"
    ),
)
VICTIMS: Final = number(
    Card(
        15,
        "Broken by a garbage collection now",
        "Manifests of live tags that the registries' own collectors would break, in the mode that"
        " breaks more. Run none until `pullproof preflight` says SAFE.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_GOOD,
        absent="not predicted",
        links=(links.runbook("RegistryGCWouldBreakLiveTag"),),
    ),
    Ask(
        f"sum(max by (cluster, registry) ({each(_COLLECTION, metric.GC_VICTIMS, _LIVE)}"
        f" and on ({within(_COLLECTION)}) ({_OWN})))"
    ),
)
USE: Final = graph(
    Card(
        20,
        "Storage use",
        "Needed and unreferenced bytes, by reason. Unfinished uploads are on top, since they are "
        "no blobs yet.",
        unit=units.BytesIEC,
        absent=_UNREAD,
    ),
    Ask(
        f"sum({each('registry', metric.STORED_BYTES)}) -"
        f" sum({each('registry, reason', metric.RECLAIMABLE_BYTES, _IN_STORE)})",
        "needed",
    ),
    Ask(total("reason", metric.RECLAIMABLE_BYTES), "{{reason}}"),
    stacked=True,
    colours=_REASONS,
)
AHEAD: Final = graph(
    Card(
        21,
        "Storage use, 30-day forecast",
        "Stored bytes now, and in 30 days at the rate of the last week.",
        unit=units.BytesIEC,
        absent=_UNREAD,
        links=(links.runbook("RegistryOrphanGrowth"),),
    ),
    Ask(each("registry", metric.STORED_BYTES), "{{registry}}, now"),
    Ask(
        f"predict_linear(({each('registry', metric.STORED_BYTES)})[7d:1h], 30 * 86400)",
        "{{registry}}, in 30 days",
    ),
)
REASONS: Final = bars(
    Card(
        22,
        "Unreferenced data by reason",
        "`untagged`: manifests without a tag, and content that only they need. `orphaned_blob`: "
        "no manifest references it. `stale_upload`: an unfinished upload.",
        unit=units.BytesIEC,
        absent=_UNREAD,
        base=meanings.PLAIN,
    ),
    Ask(total("reason", metric.RECLAIMABLE_BYTES), "{{reason}}"),
)
ORPHANS: Final = graph(
    Card(
        23,
        "Orphans",
        "Stored blobs that no manifest references, and stored manifests that no tag references.",
        absent=_UNREAD,
    ),
    Ask(total("registry", metric.ORPHANED_BLOBS), "blobs of {{registry}}"),
    Ask(total("registry", metric.ORPHANED_MANIFESTS), "manifests of {{registry}}"),
)
LARGEST: Final = bars(
    Card(
        30,
        "Top 20 repositories by exclusive data",
        "Bytes that only this repository references: the most that removing it could free.",
        height=10,
        unit=units.BytesIEC,
        absent=_UNREAD,
        base=meanings.PLAIN,
    ),
    Ask(
        f"topk(20, {each('registry, repository', metric.REPOSITORY_EXCLUSIVE_BYTES)})",
        "{{repository}}",
    ),
)
REPOSITORIES: Final = rows(
    Card(
        31,
        "Repositories by size",
        "`exclusive`: only this repository references it. `logical`: present content that its "
        "tags need, including shared content; do not sum.",
        height=10,
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Value(
        "exclusive",
        each("registry, repository", metric.REPOSITORY_EXCLUSIVE_BYTES),
        unit=units.BytesIEC,
    ),
    Value(
        "logical",
        each("registry, repository", metric.REPOSITORY_LOGICAL_BYTES),
        unit=units.BytesIEC,
    ),
    sort="exclusive",
)
COLLECTIONS: Final = rows(
    Card(
        40,
        "Predicted garbage collections",
        "Each dialect in both modes; `own` marks the registry's own collector. `breaks` counts "
        "manifests that tags reference.",
        width=14,
        absent="not predicted",
        links=(links.runbook("RegistryGCWouldBreakLiveTag"),),
    ),
    Label("registry"),
    Label("dialect"),
    Label("mode"),
    Value("own", f"({_OWN}) * 0 + 1", mappings=meanings.YES),
    Value("breaks live", each(_COLLECTION, metric.GC_VICTIMS, _LIVE)),
    Value(
        "breaks in total",
        f"sum by ({within(_COLLECTION)}) ({each(f'{_COLLECTION}, class', metric.GC_VICTIMS)})",
    ),
    Value("removes", each(_COLLECTION, metric.GC_RECLAIMABLE_BYTES), unit=units.BytesIEC),
    Value("aborts", each(_COLLECTION, metric.GC_WOULD_ABORT), mappings=meanings.NO_IS_GOOD),
    sort="breaks live",
)
PRECONDITIONS: Final = rows(
    Card(
        41,
        "Faults in the storage",
        "Faults that make the registry's own collector abort or silently lose data.",
        width=10,
        absent="no faults, or no storage is read",
        links=(links.runbook("RegistryGCWouldAbort"),),
    ),
    Label("registry"),
    Label("code"),
    Label("effect"),
    Value("found", f"{each('registry, code, effect', metric.GC_PRECONDITIONS)} > 0"),
    sort="found",
)
SOLE: Final = rows(
    Card(
        42,
        "Tags that protect other tags",
        "Tags that are the only ones to name manifests of other tags directly. If one is deleted,"
        " a collector that removes untagged manifests breaks the others.",
        width=24,
        absent="none, or no storage is read",
        links=(links.runbook("RegistryLiveTagsUnprotected"),),
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Label("tag", links=(_TO_TAG,)),
    Value("protects", f"{each('registry, repository, tag', metric.SOLE_PROTECTOR)} > 0"),
    sort="protects",
)

BOARD: Final = Board(
    uid=links.CAPACITY,
    title="Registry integrity / Capacity and forecast",
    about="Storage use and its 30-day forecast, unreferenced data, and what a garbage collection "
    "would remove and break.",
    choices=(registries(),),
    since="now-14d",
    chapters=(
        Chapter(
            1,
            "Now",
            (
                STORED,
                REFERENCED,
                IN_SCOPE,
                RECLAIMABLE,
                IF_RUN_NOW,
                VICTIMS,
                USE,
                AHEAD,
                REASONS,
                ORPHANS,
            ),
        ),
        Chapter(2, "By repository", (LARGEST, REPOSITORIES)),
        Chapter(3, "Garbage collection", (COLLECTIONS, PRECONDITIONS, SOLE)),
    ),
)
