"""The dashboard of one tag: its verdict, the affected workloads, and how to repair it."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards import links, meanings
from dashboards.board import Board, Chapter, one, registry
from dashboards.card import Ask, Card
from dashboards.panels import graph, note, number, states
from dashboards.promql import ONE_REGISTRY, REQUIRED, each, earliest, flag, losses, owned
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric
from exporter.publish.metrics.family import Family

_REPOSITORY: Final = (ONE_REGISTRY, 'repository="$repository"')
_THIS: Final = (*_REPOSITORY, 'tag="$tag"')
_SOLE: Final = f'metric="{metric.SOLE_PROTECTOR.name}"'
_WORKLOAD: Final = "workload_cluster, workload_namespace, workload_kind, workload, platforms"
_TAG: Final = "registry, repository, tag, class"
_TYPED: Final = "${registry:raw}/${repository:raw}:${tag:raw} --config /etc/pullproof/pullproof.yml"
"""The image of the dashboard, as a command takes it."""


def _every_class(family: Family, *where: str) -> str:
    """Return how many there are in all; each is counted under the highest class that needs it."""
    return f"sum({each('class', family, *where, *_THIS)})"


def _verdict(*where: str) -> str:
    """One number for each tag: the first that holds, which is the worst. See `meanings.TAG`."""
    unknown = owned(each(_TAG, metric.TAG_UNKNOWN_CHILDREN, REQUIRED, *where), ONE_REGISTRY)
    lost = losses(*where)
    left_out = each(_TAG, metric.TAG_UNMIRRORED_PLATFORMS, *where)
    return " or ".join(
        (
            flag(f"{lost} > 0", 3),
            flag(f"{unknown} > 0", 2),
            flag(f"{left_out} > 0", 1),
            flag(lost, 0),
        )
    )


VERDICT: Final = number(
    Card(
        10,
        "Verdict",
        "Whether every platform that must run the tag can pull it, down to the last byte.",
        mappings=meanings.TAG,
        links=(links.own_page("${registry:raw}", "${repository:raw}", "${tag:raw}"),),
    ),
    Ask(f"max({_verdict(*_THIS)})"),
)
CLASS: Final = number(
    Card(
        11,
        "Class",
        "Why the tag is audited: live, idle, rollback, latest or selected. The highest class "
        "counts.",
    ),
    Ask(each("class", metric.TAG_LACKING_PLATFORMS, *_THIS), "{{class}}"),
    named=True,
)
SINCE: Final = number(
    Card(
        12,
        "Cannot be pulled since",
        "Time when the loss was first seen. Its cause is earlier.",
        unit=units.DateTimeFromNow,
        absent="not known to be broken",
        base=meanings.BAD,
    ),
    Ask(f"1000 * min({earliest('tag', metric.TAG_BROKEN_SINCE, *_THIS)})"),
)
UNPROTECTED: Final = number(
    Card(
        13,
        "Unprotected manifests",
        "Manifests of this tag that a required platform needs and that are reachable only through"
        " an index.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLiveTagsUnprotected"),),
    ),
    Ask(_every_class(metric.TAG_UNPROTECTED_CHILDREN, REQUIRED)),
)
LACKING: Final = number(
    Card(
        14,
        "Platforms without an image",
        "Platforms that must run the tag but for which it has no image.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_GOOD,
    ),
    Ask(_every_class(metric.TAG_LACKING_PLATFORMS)),
)
PROTECTS: Final = number(
    Card(
        15,
        "Protected by this tag only",
        "Manifests of other tags that only this tag names directly. Do not delete the tag unless "
        "this is zero. Needs the registry's storage.",
        absent="no storage is read",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
    ),
    # Without a series it protects none, where the storage was read and none was left out.
    Ask(
        f"max({each('tag', metric.SOLE_PROTECTOR, *_THIS)}) or"
        f" max({each('registry', metric.STORED_BYTES, ONE_REGISTRY)}) * 0 unless on ()"
        f" ({each('metric', metric.SERIES_DROPPED, _SOLE)} > 0)"
    ),
)
WORKLOADS: Final = number(
    Card(
        16,
        "Workloads that cannot restart",
        "As far as clusters are read. Do not restart or reschedule them before the tag is "
        "repaired.",
        width=6,
        absent="not broken, or no cluster is read",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_GOOD,
    ),
    Ask(f"max({each('tag', metric.TAG_AFFECTED_WORKLOADS, *_THIS)})"),
)
RUNNING: Final = number(
    Card(
        17,
        "Their running containers",
        "They use layers cached on their nodes.",
        width=6,
        absent="not broken, or no cluster is read",
    ),
    Ask(f"max({each('tag', metric.TAG_AFFECTED_RUNNING, *_THIS)})"),
)
NEXT: Final = number(
    Card(
        18,
        "Next scheduled start",
        "When a CronJob next needs the tag.",
        width=6,
        unit=units.DateTimeFromNow,
        absent="none known",
        base=meanings.WORRYING,
    ),
    Ask(f"1000 * min({earliest('tag', metric.TAG_AFFECTED_NEXT_RUN, *_THIS)})"),
)
LEFT: Final = number(
    Card(
        19,
        "Live images without a tag",
        "Running images that were pulled by this tag and that no tag references any more, or a "
        "pinned digest without a tag.",
        width=6,
        absent="no known workload uses it",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLiveTagsUnprotected"),),
    ),
    Ask(f"max({each('tag', metric.TAG_UNPROTECTED_IMAGES, *_THIS)})"),
)
COURSE: Final = states(
    Card(
        20,
        "History",
        "The verdict over time. The class may change as workloads come and go.",
        width=24,
        height=4,
        mappings=meanings.TAG,
    ),
    Ask(_verdict(*_THIS), "{{class}}"),
)
GONE: Final = rows(
    Card(
        30,
        "Missing and broken parts",
        "Missing manifests, manifests with missing or corrupt content, and missing platforms "
        "(these have no digest).",
        width=24,
        height=6,
        absent="no known losses",
    ),
    Label("platform", width=140),
    Label("kind", width=110),
    Label("state", mappings=meanings.STATES, width=110),
    Label("need", width=110),
    Label("digest"),
    Value(
        "objects",
        each("platform, kind, state, need, digest", metric.MISSING_CHILD_INFO, *_THIS),
        shown=False,
    ),
)
USERS: Final = rows(
    Card(
        31,
        "Affected workloads",
        "Workloads that use the tag, and the platforms of their nodes. Capped per registry; live "
        "tags are kept first.",
        width=24,
        height=6,
        absent="not broken, or no cluster is read",
    ),
    Label("workload_cluster", width=160),
    Label("workload_namespace", width=180),
    Label("workload_kind", width=140),
    Label("workload"),
    Label("platforms"),
    Value("workloads", each(_WORKLOAD, metric.AFFECTED_WORKLOAD_INFO, *_THIS), shown=False),
)
COUNTS: Final = graph(
    Card(
        40,
        "Required manifests of the tag",
        "How many are missing, broken, unknown or unprotected.",
        height=9,
    ),
    Ask(_every_class(metric.TAG_MISSING_CHILDREN, REQUIRED), "missing"),
    Ask(_every_class(metric.TAG_BROKEN_CHILDREN, REQUIRED), "broken"),
    Ask(_every_class(metric.TAG_UNKNOWN_CHILDREN, REQUIRED), "unknown"),
    Ask(_every_class(metric.TAG_UNPROTECTED_CHILDREN, REQUIRED), "unprotected"),
    colours={
        "missing": meanings.BAD,
        "broken": meanings.WORRYING,
        "unknown": meanings.UNSURE,
        "unprotected": meanings.PLAIN,
    },
)
REPAIR: Final = note(
    Card(
        41,
        "What to do",
        "Commands for this tag, where the exporter runs. Its page of pullproof prints them with "
        "the exporter's own configuration, and in a cluster as kubectl exec.",
        height=9,
    ),
    f"""\
See what is lost and what is left:

    pullproof inspect {_TYPED}

See who uses it, and which tags protect its manifests:

    pullproof explain {_TYPED}

Find its content in the other registries of the configuration, or name a copy with `--source`; \
`--apply` uploads it by digest, and audits the tag again:

    pullproof repair {_TYPED}

List the keep tags that protect it; `--apply` sets them:

    pullproof protect {_TYPED}
""",
)
TAGS: Final = rows(
    Card(
        50,
        "Tags of this repository",
        "Every tag in scope that has series of its own. Beyond the limit, the most urgent are "
        "kept.",
        width=24,
        height=9,
    ),
    Label("tag", links=(links.drill("Show this tag", links.TAG, "registry", "repository", "tag"),)),
    Label("class"),
    Label("registry"),
    Label("repository"),
    Value("verdict", _verdict(*_REPOSITORY), mappings=meanings.TAG),
    Value("losses", losses(*_REPOSITORY)),
    Value("unknown", each(_TAG, metric.TAG_UNKNOWN_CHILDREN, REQUIRED, *_REPOSITORY)),
    Value("unprotected", each(_TAG, metric.TAG_UNPROTECTED_CHILDREN, REQUIRED, *_REPOSITORY)),
    sort="verdict",
)

BOARD: Final = Board(
    uid=links.TAG,
    title="Registry integrity / Tag",
    about="One tag: its verdict, the affected workloads, and how to repair it.",
    choices=(
        registry(),
        one("repository", metric.REPOSITORY_TAGS, ONE_REGISTRY),
        one("tag", metric.TAG_LACKING_PLATFORMS, *_REPOSITORY),
    ),
    chapters=(
        Chapter(
            1,
            "${repository}:${tag}",
            (
                VERDICT,
                CLASS,
                SINCE,
                UNPROTECTED,
                LACKING,
                PROTECTS,
                WORKLOADS,
                RUNNING,
                NEXT,
                LEFT,
                COURSE,
                GONE,
                USERS,
            ),
        ),
        Chapter(2, "History and repair", (COUNTS, REPAIR)),
        Chapter(3, "${repository}", (TAGS,)),
    ),
)
