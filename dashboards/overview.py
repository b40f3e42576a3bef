"""The overview dashboard: can every image be pulled, in every registry?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards import links, meanings
from dashboards.board import ALERTS, Board, Chapter, registries
from dashboards.card import Ask, Card
from dashboards.overview_course import COURSE
from dashboards.panels import alerts, number, states
from dashboards.promql import (
    GONE,
    PROXY,
    REQUIRED,
    age,
    each,
    earliest,
    flag,
    least,
    losses,
    owned,
    total,
    within,
)
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric

_LIVE: Final = 'class="live"'
_NOT_LIVE: Final = 'class!="live"'
_UNKNOWN: Final = 'state="unknown"'
_BROKEN: Final = owned(total("registry", metric.TAGS, _LIVE, GONE))
_INTERVAL: Final = each("registry", metric.AUDIT_INTERVAL)
_SEEN: Final = each("registry", metric.AUDIT_LAST_SUCCESS)
_STANDING: Final = " or ".join(
    (
        flag(f"{_BROKEN} > 0", 7),
        flag(f"{age(metric.AUDIT_LAST_SUCCESS)} > 2.5 * {_INTERVAL}", 6),
        flag(f"{least('registry', metric.REGISTRY_UP)} == 0", 5),
        flag(f"{_INTERVAL} unless on (cluster, registry) {_SEEN}", 4),
        flag(f"{owned(total('registry', metric.TAGS, _LIVE, _UNKNOWN))} > 0", 3),
        flag(f"{owned(total('registry', metric.TAGS, _LIVE))} == 0", 2),
        flag(each("registry", metric.REGISTRY_INFO, PROXY), 1),
        flag(owned(total("registry", metric.TAGS, _LIVE)), 0),
    )
)
"""One number for each registry: the first that holds, which is the worst. `meanings.REGISTRY` says
what each is; without a truth there is none."""

_TAG: Final = "registry, repository, tag"
_TO_TAG: Final = links.drill("Show this tag", links.TAG, "registry", "repository", "tag")
_TO_PAGE: Final = links.own_page(
    "${__data.fields.registry}", "${__data.fields.repository}", "${__data.fields.tag}"
)
_TO_DIGEST: Final = links.page_of_digest("${__data.fields.registry}", "${__data.fields.digest}")
_TO_TAGS: Final = links.drill("Show its tags", links.TAG, "registry", "repository")
_TO_REGISTRY: Final = links.drill("Only this registry", links.OVERVIEW, "registry")
_TO_CAPACITY: Final = links.drill("Show its capacity", links.CAPACITY, "registry")
LIVE_BROKEN: Final = number(
    Card(
        10,
        "Live tags: cannot be pulled",
        "Tags that running workloads use and that cannot be pulled. Each loss was confirmed by a "
        "second request. Pull-through caches do not count.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_GOOD,
        links=(links.runbook("RegistryLiveTagBroken"),),
    ),
    Ask(f"sum({_BROKEN})"),
)
OTHERS_BROKEN: Final = number(
    Card(
        11,
        "Other tags: cannot be pulled",
        "Idle, rollback, latest and selected tags that cannot be pulled. No running workload "
        "needs what is lost. A live tag counts if a lower class has lost something.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLatestTagBroken"),),
    ),
    # Where no tag has such a loss, every tag is counted, those without series of their own as well.
    Ask(
        f"count(max by ({within(_TAG)}) ({losses(_NOT_LIVE)}) > 0)"
        f" or sum({owned(total('registry', metric.TAGS, _NOT_LIVE, GONE))})"
    ),
)
NOT_KNOWN: Final = number(
    Card(
        12,
        "Unknown",
        "Share of the manifests that tags reference whose state could not be established. They "
        "are neither healthy nor broken.",
        unit=units.PercentUnit,
        base=meanings.GOOD,
        steps=((0.0001, meanings.UNSURE), (0.05, meanings.WORRYING)),
        links=(links.runbook("RegistryAuditBlind"),),
    ),
    Ask(f"{total('', metric.CHILDREN, _UNKNOWN)} / ({total('', metric.CHILDREN)} > 0)"),
)
UNPROTECTED: Final = number(
    Card(
        13,
        "Unprotected live manifests",
        "Manifests of live tags that are reachable only through an index, attestations included. "
        "Some collectors remove them. Absent if not all tags of a repository could be listed.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLiveTagsUnprotected"),),
    ),
    Ask(total("", metric.UNPROTECTED_CHILDREN, _LIVE)),
)
RECLAIMABLE: Final = number(
    Card(
        14,
        "Reclaimable",
        "Bytes that a cleanup could free, each byte once. Only if the registry's storage is read.",
        unit=units.BytesIEC,
        absent="no storage is read",
        links=(links.runbook("RegistryReclaimableHigh"),),
    ),
    Ask(total("", metric.RECLAIMABLE_BYTES)),
)
OLDEST: Final = number(
    Card(
        15,
        "Oldest audit results",
        "Age of the last complete audit, for the registry where it is oldest. Losses since then "
        "are unknown.",
        unit=units.Seconds,
        base=meanings.GOOD,
        steps=((3600, meanings.WORRYING), (86400, meanings.BAD)),
        links=(links.runbook("RegistryAuditStale"),),
    ),
    Ask(f"max({age(metric.AUDIT_LAST_SUCCESS)})"),
)
STANDING: Final = states(
    Card(
        20,
        "Registry history",
        "The worst condition at each time: live tags are broken; results are stale (older than "
        "two and a half intervals); the last audit was incomplete; some live tags are unknown.",
        width=16,
        height=6,
        mappings=meanings.REGISTRY,
    ),
    Ask(_STANDING, "{{registry}}"),
)
FIRING: Final = alerts(
    Card(
        21,
        "Alerts",
        "Firing and pending alerts of these rules. Empty if Grafana may not read the rules of the"
        " data source; the red marks in the graphs come from the series ALERTS.",
        width=8,
        height=6,
    ),
    ALERTS,
)
REGISTRIES: Final = rows(
    Card(
        22,
        "Registries",
        "Audited registries with role, garbage collector and current status.",
        width=24,
        height=5,
    ),
    Label("registry", links=(_TO_REGISTRY, _TO_CAPACITY)),
    Label("role"),
    Label("collector"),
    Value(
        "status",
        f"({_STANDING}) * on (cluster, registry) group_right () "
        f"{each('registry, role, kind, collector', metric.REGISTRY_INFO)}",
        mappings=meanings.REGISTRY,
    ),
    sort="status",
)

BROKEN_LIVE: Final = rows(
    Card(
        30,
        "Live tags that cannot be pulled",
        "Do not restart or reschedule workloads that use them before they are repaired. `losses` "
        "counts missing manifests, broken manifests and missing platforms; `workloads` cannot "
        "restart; `running` containers use layers cached on their nodes.",
        width=24,
        height=7,
        absent="no broken live tags are known",
        links=(links.runbook("RegistryLiveTagBroken"),),
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Label("tag", links=(_TO_TAG, _TO_PAGE)),
    Value("losses", f"max by ({within(_TAG)}) ({losses(_LIVE)}) > 0"),
    Value(
        "since",
        f"1000 * {each(_TAG, metric.TAG_BROKEN_SINCE, _LIVE)}"
        f" and on ({within(_TAG)}) ({losses(_LIVE)}) > 0",
        unit=units.DateTimeFromNow,
    ),
    Value("workloads", each(_TAG, metric.TAG_AFFECTED_WORKLOADS, _LIVE)),
    Value("running", each(_TAG, metric.TAG_AFFECTED_RUNNING, _LIVE)),
    Value(
        "next run",
        f"1000 * {earliest(_TAG, metric.TAG_AFFECTED_NEXT_RUN, _LIVE)}",
        unit=units.DateTimeFromNow,
    ),
    sort="losses",
)
_CAUSE: Final = "registry, digest, kind"


def _broken_by_cause(*where: str) -> str:
    """How many tags does each lost digest break? With its state, by which the rows are merged."""
    return (
        f"{total(_CAUSE, metric.CAUSE_AFFECTED_TAGS, *where)}"
        f" * on ({within(_CAUSE)}) group_right () "
        f"{each(f'{_CAUSE}, state', metric.CAUSE_INFO)}"
    )


CAUSES: Final = rows(
    Card(
        34,
        "Causes",
        "Digests whose loss breaks tags, the worst first. One lost layer may break many tags, and "
        "one upload repairs all of them. With shards, the largest number that one of them counts.",
        width=24,
        height=6,
        absent="no losses are known",
        links=(links.runbook("RegistryManyLiveTagsBroken"),),
    ),
    Label("registry", links=(_TO_REGISTRY,), width=220),
    Label("digest", links=(_TO_DIGEST,)),
    Label("kind", width=110),
    Label("state", mappings=meanings.STATES, width=110),
    Value("live tags", _broken_by_cause(_LIVE)),
    Value("tags", _broken_by_cause()),
    sort="tags",
)
UNPROTECTED_LIVE: Final = rows(
    Card(
        31,
        "Live tags at risk",
        "`unprotected`: manifests of the tag reachable only through an index. `images`: running "
        "images that no tag references any more. The collector of distribution 2 removes them "
        "with --delete-untagged; `pullproof protect` lists the keep tags that prevent it.",
        absent="none known",
        links=(links.runbook("RegistryLiveTagsUnprotected"),),
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Label("tag", links=(_TO_TAG, _TO_PAGE)),
    Value("unprotected", f"{each(_TAG, metric.TAG_UNPROTECTED_CHILDREN, _LIVE, REQUIRED)} > 0"),
    Value("images", f"{each(_TAG, metric.TAG_UNPROTECTED_IMAGES, _LIVE)} > 0"),
    sort="unprotected",
)
BROKEN_OTHERS: Final = rows(
    Card(
        32,
        "Other tags that cannot be pulled",
        "No running workload uses them, but a rollback, a suspended job or the next deployment "
        "may.",
        absent="none known",
        links=(links.runbook("RegistryLatestTagBroken"),),
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Label("tag", links=(_TO_TAG, _TO_PAGE)),
    Label("class"),
    Value("losses", f"{losses(_NOT_LIVE)} > 0"),
    sort="losses",
)
UNSEEN: Final = rows(
    Card(
        33,
        "Gaps",
        "Gaps of the last audit, by scope and reason. What is in a gap is neither healthy nor "
        "broken, and nothing in it is reported as unneeded.",
        width=24,
        height=6,
        absent="no gaps",
        links=(links.runbook("RegistryAuditBlind"),),
    ),
    Label("registry"),
    Label("scope", mappings=meanings.GAPS),
    Label("reason"),
    Value("gaps", f"{total('registry, scope, reason', metric.GAPS)} > 0"),
    sort="gaps",
)

REPOSITORIES: Final = rows(
    Card(
        50,
        "Repositories",
        "Each manifest counts once per repository. `size` covers present content only; content "
        "that repositories share counts in each.",
        width=24,
        height=10,
    ),
    Label("registry", links=(_TO_REGISTRY,)),
    Label("repository", links=(_TO_TAGS,)),
    Value("tags", each("registry, repository", metric.REPOSITORY_TAGS)),
    Value("missing", each("registry, repository", metric.REPOSITORY_MISSING_CHILDREN)),
    Value("broken", each("registry, repository", metric.REPOSITORY_BROKEN_CHILDREN)),
    Value("unknown", each("registry, repository", metric.REPOSITORY_UNKNOWN_CHILDREN)),
    Value("unprotected", each("registry, repository", metric.REPOSITORY_UNPROTECTED_CHILDREN)),
    Value(
        "size",
        each("registry, repository", metric.REPOSITORY_LOGICAL_BYTES),
        unit=units.BytesIEC,
    ),
    sort="missing",
)

BOARD: Final = Board(
    uid=links.OVERVIEW,
    title="Registry integrity / Overview",
    about="Whether every image that a cluster may need can be pulled, for every registry.",
    choices=(registries(),),
    chapters=(
        Chapter(
            1,
            "Now",
            (
                LIVE_BROKEN,
                OTHERS_BROKEN,
                NOT_KNOWN,
                UNPROTECTED,
                RECLAIMABLE,
                OLDEST,
                STANDING,
                FIRING,
                REGISTRIES,
            ),
        ),
        Chapter(
            2,
            "Broken tags, tags at risk, and gaps",
            (CAUSES, BROKEN_LIVE, UNPROTECTED_LIVE, BROKEN_OTHERS, UNSEEN),
        ),
        Chapter(3, "History", COURSE),
        Chapter(4, "By repository", (REPOSITORIES,)),
    ),
)
