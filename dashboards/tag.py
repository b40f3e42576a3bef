"""What is wrong with this one tag, who is hurt, and what repairs it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.models import units

from dashboards import links, meanings
from dashboards.board import Board, Chapter, one, registry
from dashboards.card import Ask, Card
from dashboards.panels import graph, note, number, states
from dashboards.promql import ONE_REGISTRY, REQUIRED, each, earliest, flag, losses, owned
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric
from exporter.publish.metrics import storage_families as stored

if TYPE_CHECKING:
    from exporter.publish.metrics.family import Family

_REPOSITORY: Final = (ONE_REGISTRY, 'repository="$repository"')
_THIS: Final = (*_REPOSITORY, 'tag="$tag"')
_SOLE: Final = f'metric="{stored.SOLE_PROTECTOR.name}"'
_WORKLOAD: Final = "workload_cluster, workload_namespace, workload_kind, workload, platforms"
_TAG: Final = "registry, repository, tag, class"


def _every_class(family: Family, *where: str) -> str:
    """How many, whoever needs them? Each stands under one class: the highest that does."""
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
        "Whether every platform that must run the tag could pull it, down to the last byte.",
        mappings=meanings.TAG,
        links=(links.own_page("${registry:raw}", "${repository:raw}", "${tag:raw}"),),
    ),
    Ask(f"max({_verdict(*_THIS)})"),
)
CLASS: Final = number(
    Card(
        11,
        "Reference class",
        "Why the tag matters: live runs or would run now; then idle, rollback, latest, selected. "
        "The highest counts.",
    ),
    Ask(each("class", metric.TAG_LACKING_PLATFORMS, *_THIS), "{{class}}"),
    named=True,
)
SINCE: Final = number(
    Card(
        12,
        "Cannot be pulled since",
        "When it was first seen; what removed it acted before that.",
        unit=units.DateTimeFromNow,
        absent="it is not known to be broken",
        base=meanings.BAD,
    ),
    Ask(f"1000 * min({earliest('tag', metric.TAG_BROKEN_SINCE, *_THIS)})"),
)
UNPROTECTED: Final = number(
    Card(
        13,
        "Unprotected manifests",
        "Below this tag, for platforms that must run it, at which no tag points straight.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLiveTagUnprotected"),),
    ),
    Ask(_every_class(metric.TAG_UNPROTECTED_CHILDREN, REQUIRED)),
)
LACKING: Final = number(
    Card(
        14,
        "Platforms without an image",
        "Platforms that must run the tag and for which it offers none.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_GOOD,
    ),
    Ask(_every_class(metric.TAG_LACKING_PLATFORMS)),
)
PROTECTS: Final = number(
    Card(
        15,
        "Kept by this tag alone",
        "Manifests that other tags need and at which no other tag points straight: do not delete "
        "the tag while this is not zero. Known only where the storage is read.",
        absent="no storage is read",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
    ),
    # Without a series it protects none, where the storage was read and none was left out.
    Ask(
        f"max({each('tag', stored.SOLE_PROTECTOR, *_THIS)}) or"
        f" max({each('registry', stored.STORED_BYTES, ONE_REGISTRY)}) * 0 unless on ()"
        f" ({each('metric', metric.SERIES_DROPPED, _SOLE)} > 0)"
    ),
)
WORKLOADS: Final = number(
    Card(
        16,
        "Workloads that could not start again",
        "As far as clusters were read. Do not restart or reschedule them before it is repaired.",
        width=6,
        absent="it is not broken, or no cluster is read",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_GOOD,
    ),
    Ask(f"max({each('tag', metric.TAG_AFFECTED_WORKLOADS, *_THIS)})"),
)
RUNNING: Final = number(
    Card(
        17,
        "Containers of them that run now",
        "They live on layers that their nodes still hold.",
        width=6,
        absent="it is not broken, or no cluster is read",
    ),
    Ask(f"max({each('tag', metric.TAG_AFFECTED_RUNNING, *_THIS)})"),
)
NEXT: Final = number(
    Card(
        18,
        "Next start by a schedule",
        "When a CronJob next runs into it.",
        width=6,
        unit=units.DateTimeFromNow,
        absent="none is known",
        base=meanings.WORRYING,
    ),
    Ask(f"1000 * min({earliest('tag', metric.TAG_AFFECTED_NEXT_RUN, *_THIS)})"),
)
LEFT: Final = number(
    Card(
        19,
        "Live images that the tag has left",
        "Images that run by this tag and to which no tag leads any more, or a pinned digest that "
        "nothing keeps.",
        width=6,
        absent="nothing that runs is known to use it",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryLiveImageUnprotected"),),
    ),
    Ask(f"max({each('tag', metric.TAG_UNPROTECTED_IMAGES, *_THIS)})"),
)
COURSE: Final = states(
    Card(
        20,
        "How it stood",
        "The verdict over time; the class may change when workloads come and go.",
        width=24,
        height=4,
        mappings=meanings.TAG,
    ),
    Ask(_verdict(*_THIS), "{{class}}"),
)
GONE: Final = rows(
    Card(
        30,
        "What is missing or broken",
        "Manifests that are gone or that stand over content that is gone, and platforms for which "
        "there is no image (these have no digest).",
        width=24,
        height=6,
        absent="nothing is known to be gone",
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
        "Who could not start again",
        "Workloads that use the tag, and the platforms of their nodes; capped for each registry, "
        "live tags are kept first.",
        width=24,
        height=6,
        absent="it is not broken, or no cluster is read",
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
        "Manifests below the tag that a pull needs",
        "How many of them are missing, broken, unknown or unprotected.",
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
        "Commands for this tag. Put the registry's host in the place of its name, where they "
        "differ; of a pinned digest, give the whole digest.",
        height=9,
    ),
    """\
See what is gone and what is left:

    pullproof inspect ${registry}/${repository}:${tag}

Who needs it, and which tags protect what it leads to:

    pullproof explain ${registry}/${repository}:${tag}

Restore the **same digests** from where they still are; a rebuild has others:

    skopeo copy --all --preserve-digests \\
      docker://MIRROR/${repository}@INDEX_DIGEST \\
      docker://${registry}/${repository}:${tag}

If layers are gone, restart the registry first: its cache still believes in them. Then prove it:

    pullproof check ${registry}/${repository}:${tag}

Keep it: `pullproof protect ${registry}/${repository}:${tag}` says which tags do.
""",
)
TAGS: Final = rows(
    Card(
        50,
        "Tags of this repository",
        "Every tag in scope with series of its own; the most urgent are kept where there are too "
        "many.",
        width=24,
        height=9,
    ),
    Label("tag", links=(links.drill("Show this tag", links.TAG, "registry", "repository", "tag"),)),
    Label("class"),
    Label("registry"),
    Label("repository"),
    Value("verdict", _verdict(*_REPOSITORY), mappings=meanings.TAG),
    Value("lacks", losses(*_REPOSITORY)),
    Value("unknown", each(_TAG, metric.TAG_UNKNOWN_CHILDREN, REQUIRED, *_REPOSITORY)),
    Value("unprotected", each(_TAG, metric.TAG_UNPROTECTED_CHILDREN, REQUIRED, *_REPOSITORY)),
    sort="verdict",
)

BOARD: Final = Board(
    uid=links.TAG,
    title="Registry integrity / Tag",
    about="What is wrong with one tag, who is hurt, and what repairs it?",
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
        Chapter(2, "How it went, and what to do", (COUNTS, REPAIR)),
        Chapter(3, "${repository}", (TAGS,)),
    ),
)
