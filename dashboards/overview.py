"""Can what runs be pulled again, in every registry? The dashboard to begin with."""

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
)
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric
from exporter.publish.metrics import storage_families as stored

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
        flag(f"{_INTERVAL} unless on (registry) {_SEEN}", 4),
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
_TO_TAGS: Final = links.drill("Show its tags", links.TAG, "registry", "repository")
_TO_REGISTRY: Final = links.drill("Only this registry", links.OVERVIEW, "registry")
_TO_CAPACITY: Final = links.drill("Its capacity", links.CAPACITY, "registry")
LIVE_BROKEN: Final = number(
    Card(
        10,
        "Live tags: cannot be pulled",
        "Tags that running workloads use and that lack something a pull needs; each loss was "
        "confirmed by a second look. Pull-through caches do not count.",
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
        "What idle, rollback, latest and selected uses would pull, and nothing that is known to "
        "run. A live tag counts where such a use has lost something.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLatestTagBroken"),),
    ),
    # Where no tag has such a loss, every tag is counted, those without series of their own as well.
    Ask(
        f"count(max by ({_TAG}) ({losses(_NOT_LIVE)}) > 0)"
        f" or sum({owned(total('registry', metric.TAGS, _NOT_LIVE, GONE))})"
    ),
)
NOT_KNOWN: Final = number(
    Card(
        12,
        "Not known",
        "Share of the manifests below tags of which nothing could be established. They are "
        "neither healthy nor broken.",
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
        "Manifests below live tags at which no tag points straight, attestations included: some "
        "collectors remove them. Nothing is said where not every tag of a repository is known.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLiveTagUnprotected"),),
    ),
    Ask(total("", metric.UNPROTECTED_CHILDREN, _LIVE)),
)
RECLAIMABLE: Final = number(
    Card(
        14,
        "Bytes that nothing needs",
        "What a cleanup could free, each byte once; only where the registry's storage is read.",
        unit=units.BytesIEC,
        absent="no storage is read",
        links=(links.runbook("RegistryReclaimableHigh"),),
    ),
    Ask(total("", stored.RECLAIMABLE_BYTES)),
)
OLDEST: Final = number(
    Card(
        15,
        "Age of the oldest truth",
        "How long ago the last complete audit began, in the registry where that is longest ago. "
        "What broke since is not known.",
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
        "How the registries stood",
        "The worst that holds: live tags are broken; the last complete audit is older than two "
        "and a half intervals; the last audit did not see the registry as a whole; some live tags "
        "could not be established.",
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
        "Alerts of these rules that fire or wait. The list is empty where Grafana may not ask the "
        "data source for its rules; the red marks in the graphs are from the series ALERTS.",
        width=8,
        height=6,
    ),
    ALERTS,
)
REGISTRIES: Final = rows(
    Card(
        22,
        "Registries",
        "Every registry that is audited: what may be expected of it, how its garbage collector "
        "decides, and how it stands now.",
        width=24,
        height=5,
    ),
    Label("registry", links=(_TO_REGISTRY, _TO_CAPACITY)),
    Label("role"),
    Label("collector"),
    Value(
        "stands",
        f"({_STANDING}) * on (registry) group_right () "
        f"{each('registry, role, collector', metric.REGISTRY_INFO)}",
        mappings=meanings.REGISTRY,
    ),
    sort="stands",
)

BROKEN_LIVE: Final = rows(
    Card(
        30,
        "Which live tags cannot be pulled",
        "Do not restart or reschedule what uses them before they are repaired. `lacks` counts "
        "manifests that are gone, manifests over content that is gone, and platforms for which "
        "there is no image; `workloads` could not start again, and what is `running` lives on "
        "layers that nodes still hold.",
        width=24,
        height=7,
        absent="no live tag is known to be broken",
        links=(links.runbook("RegistryLiveTagBroken"),),
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Label("tag", links=(_TO_TAG, _TO_PAGE)),
    Value("lacks", f"max by ({_TAG}) ({losses(_LIVE)}) > 0"),
    Value(
        "since",
        f"1000 * {each(_TAG, metric.TAG_BROKEN_SINCE, _LIVE)}"
        f" and on ({_TAG}) ({losses(_LIVE)}) > 0",
        unit=units.DateTimeFromNow,
    ),
    Value("workloads", each(_TAG, metric.TAG_AFFECTED_WORKLOADS, _LIVE)),
    Value("running", each(_TAG, metric.TAG_AFFECTED_RUNNING, _LIVE)),
    Value(
        "next run",
        f"1000 * {earliest(_TAG, metric.TAG_AFFECTED_NEXT_RUN, _LIVE)}",
        unit=units.DateTimeFromNow,
    ),
    sort="lacks",
)
UNPROTECTED_LIVE: Final = rows(
    Card(
        31,
        "Live tags that a collection may break",
        "`unprotected`: manifests below the tag at which no tag points straight. `images`: what "
        "runs by it and no tag leads to any more. The collector of distribution 2 takes these with "
        "--delete-untagged; `pullproof protect` says which tags keep them.",
        absent="none is known",
        links=(links.runbook("RegistryLiveTagUnprotected"),),
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
        "Which other tags cannot be pulled",
        "Nothing that is known to run uses them, but something may have to: a rollback, a "
        "suspended job, the next deployment.",
        absent="none is known to be broken",
        links=(links.runbook("RegistryLatestTagBroken"),),
    ),
    Label("registry"),
    Label("repository", links=(_TO_TAGS,)),
    Label("tag", links=(_TO_TAG, _TO_PAGE)),
    Label("class"),
    Value("lacks", f"{losses(_NOT_LIVE)} > 0"),
    sort="lacks",
)
UNSEEN: Final = rows(
    Card(
        33,
        "What could not be seen",
        "Gaps of the last audit, by how far they reach and why. What is in a gap is neither "
        "healthy nor broken, and nothing is said to be needless where a gap is.",
        width=24,
        height=6,
        absent="nothing was left out",
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
        "Each manifest counts once for its repository. `size` is of what was seen to be there; "
        "content that repositories share is in the size of each.",
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
    about="Can every image that a cluster may need be pulled right now, in every registry?",
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
            "What cannot be pulled, and what may be next",
            (BROKEN_LIVE, UNPROTECTED_LIVE, BROKEN_OTHERS, UNSEEN),
        ),
        Chapter(3, "How it went", COURSE),
        Chapter(4, "By repository", (REPOSITORIES,)),
    ),
)
