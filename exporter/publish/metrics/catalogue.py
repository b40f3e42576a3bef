"""Which metrics are there? The one table of names, types, labels and help.

Metrics, their documentation, the rules and the dashboards are checked against it. No label is named
like a target's (`job`, `instance`, `namespace`, `pod` …): Prometheus would rename it on scrape.
"""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics import scrub_families, storage_families
from exporter.publish.metrics.family import PREFIX, Family, Group, Kind
from exporter.publish.metrics.family import counter as _counter
from exporter.publish.metrics.family import gauge as _gauge

_TAG: Final = "registry repository tag reference"
_NEEDED: Final = f"{_TAG} need"

TAGS: Final = _gauge(
    Group.VERDICTS,
    "tags",
    "registry shard reference state",
    "Tags and pinned digests in scope, each under its highest reference class.",
)
CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "children",
    "registry shard reference state",
    "Manifests that tags lead to, each once per repository under its highest reference class.",
)
BLOBS: Final = _gauge(
    Group.VERDICTS,
    "blobs",
    "registry shard state",
    "Configurations, layers and other blobs that were looked at, each once per repository.",
)
UNPROTECTED_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "unprotected_children",
    "registry shard reference",
    "Manifests that a tag leads to and at which no tag points straight, in the repositories "
    "whose tags are all known; no series where there is no such repository.",
)
FINDINGS: Final = _gauge(
    Group.VERDICTS,
    "findings",
    "registry shard check severity",
    "What the checks found; a check that could not run anywhere has no series.",
)
REFERENCED_BYTES: Final = _gauge(
    Group.VERDICTS,
    "referenced_bytes",
    "registry shard",
    "Bytes of the manifests and blobs that tags in scope need and that are there, each digest once "
    "for the shard; content that shards share is counted in each, see `capacity --facts`.",
)

REPOSITORY_TAGS: Final = _gauge(
    Group.VERDICTS, "repository_tags", "registry repository", "Tags and pinned digests in scope."
)
REPOSITORY_MISSING_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_missing_children",
    "registry repository",
    "Manifests that tags lead to and that the registry confirmed to be gone, each once.",
)
REPOSITORY_BROKEN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_broken_children",
    "registry repository",
    "Manifests that stand over content that is gone, short or wrong, each once.",
)
REPOSITORY_UNKNOWN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_unknown_children",
    "registry repository",
    "Manifests of which nothing could be established, each once.",
)
REPOSITORY_UNPROTECTED_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_unprotected_children",
    "registry repository",
    "Manifests at which no tag points straight, each once; no series unless every tag of the "
    "repository is known.",
)
REPOSITORY_LOGICAL_BYTES: Final = _gauge(
    Group.VERDICTS,
    "repository_logical_bytes",
    "registry repository",
    "Bytes of the manifests and blobs that tags in scope need and that are there. Content that "
    "repositories share is counted in each: do not sum.",
)

TAG_MISSING_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_missing_children",
    _NEEDED,
    "Manifests that the tag leads to and that the registry confirmed to be gone, each under the "
    "highest class that needs it; a tag that is itself gone counts one.",
)
TAG_BROKEN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_broken_children",
    _NEEDED,
    "Manifests that the tag leads to, that stand over content that is gone, short or wrong.",
)
TAG_UNKNOWN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_unknown_children",
    _NEEDED,
    "Manifests that the tag leads to and of which nothing could be established; a tag that could "
    "not be read counts one.",
)
TAG_UNPROTECTED_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_unprotected_children",
    _NEEDED,
    "Manifests below the tag at which no tag points straight; no series where that is not known, "
    "because not every tag of the repository is.",
)
TAG_LACKING_PLATFORMS: Final = _gauge(
    Group.VERDICTS,
    "tag_lacking_platforms",
    _TAG,
    "Platforms that must run the tag and for which it offers no image, each under the highest "
    "class that needs it.",
)
TAG_UNMIRRORED_PLATFORMS: Final = _gauge(
    Group.VERDICTS,
    "tag_unmirrored_platforms",
    _TAG,
    "Platforms that must run the tag, that it offers and a sparse mirror leaves out on purpose.",
)
TAG_BROKEN_SINCE: Final = _gauge(
    Group.VERDICTS,
    "tag_broken_since_timestamp_seconds",
    _TAG,
    "When it was first seen that the tag cannot be pulled by uses of this class; only of what is "
    "broken or missing to them.",
)
TAG_UNPROTECTED_IMAGES: Final = _gauge(
    Group.VERDICTS,
    "tag_unprotected_images",
    _TAG,
    "Live images that no tag leads to: 1 of a pinned digest that nothing keeps; of a tag, how many "
    "images run by it that it has left. No series where that is not known, or nothing is live.",
)
TAG_AFFECTED_WORKLOADS: Final = _gauge(
    Group.VERDICTS,
    "tag_affected_workloads",
    _TAG,
    "Workloads that could not start again from the tag, as far as clusters were read; broken and "
    "missing tags only. Under a lower class than the tag's own: those of that class.",
)
TAG_AFFECTED_RUNNING: Final = _gauge(
    Group.VERDICTS,
    "tag_affected_running_containers",
    _TAG,
    "Containers of these workloads that run now, on layers that their nodes hold; likewise.",
)
TAG_AFFECTED_NEXT_RUN: Final = _gauge(
    Group.VERDICTS,
    "tag_affected_next_run_timestamp_seconds",
    _TAG,
    "When a schedule next starts one of these workloads; likewise, and only where one does.",
)
LOGIN_REFUSED_INFO: Final = _gauge(
    Group.VERDICTS,
    "login_refused_info",
    "registry repository login",
    "Always 1: one series for every set of pull secrets that does not open a repository for which "
    "workloads use it, where clusters let these be read; capped for each registry.",
)
AFFECTED_WORKLOAD_INFO: Final = _gauge(
    Group.VERDICTS,
    "affected_workload_info",
    f"{_TAG} workload_cluster workload_namespace workload_kind workload platforms",
    "Always 1: one series for every workload that could not start again from a broken or missing "
    "tag, with the platforms of its nodes; capped for each registry, live tags are kept first.",
)
MISSING_CHILD_INFO: Final = _gauge(
    Group.VERDICTS,
    "missing_child_info",
    f"{_TAG} platform digest kind state need",
    "Always 1: one series for every missing or broken manifest below a tag and for every platform "
    "that it lacks (no digest); capped for each registry, live tags are kept first.",
)

REGISTRY_INFO: Final = _gauge(
    Group.AUDITS,
    "registry_info",
    "registry role collector",
    "Always 1: what may be expected of the registry, and how its garbage collector decides.",
)
SHARD_INFO: Final = _gauge(
    Group.AUDITS,
    "shard_info",
    "registry shard shards",
    "Always 1: which part of the registry's repositories is audited here, and of how many.",
)
SHARD_EXPECTED: Final = _gauge(
    Group.AUDITS,
    "shard_expected",
    "registry shard shards",
    "Always 1: one series for every shard that there must be where this one is, itself included.",
)
REGISTRY_UP: Final = _gauge(
    Group.AUDITS,
    "registry_up",
    "registry shard",
    "Whether the last audit saw the registry as a whole; no series before the first has ended.",
)
AUDIT_INTERVAL: Final = _gauge(
    Group.AUDITS,
    "audit_interval_seconds",
    "registry shard",
    "Time between the starts of two audits.",
)
AUDIT_DURATION: Final = _gauge(
    Group.AUDITS, "audit_duration_seconds", "registry shard", "Time that the last audit took."
)
AUDIT_IN_PROGRESS: Final = _gauge(
    Group.AUDITS,
    "audit_in_progress",
    "registry shard",
    "Whether the registry is being audited now.",
)
AUDIT_LAST_ATTEMPT: Final = _gauge(
    Group.AUDITS,
    "audit_last_attempt_timestamp_seconds",
    "registry shard",
    "When the last audit began, complete or not.",
)
AUDIT_LAST_SUCCESS: Final = _gauge(
    Group.AUDITS,
    "audit_last_success_timestamp_seconds",
    "registry shard",
    "When the last complete audit began, which is the one that is served; survives a restart.",
)
FACTS_LAST_EXPORT: Final = _gauge(
    Group.AUDITS,
    "facts_last_export_timestamp_seconds",
    "registry shard",
    "When the audit began whose facts were written last; before the first, when the watch began. "
    "No series where none are asked for.",
)
AUDITS: Final = _counter(Group.AUDITS, "audits_total", "registry shard", "Audits that ended.")
AUDIT_FAILURES: Final = _counter(
    Group.AUDITS,
    "audit_failures_total",
    "registry shard reason",
    "Audits that did not see the registry as a whole, by the first reason.",
)
GAPS: Final = _gauge(
    Group.AUDITS,
    "gaps",
    "registry shard scope reason",
    "What the last audit, complete or not, could not see.",
)

SOURCE_UP: Final = _gauge(
    Group.REFERENCES,
    "reference_source_up",
    "source",
    "Whether the source of references could be read.",
)
SOURCE_LAST_SYNC: Final = _gauge(
    Group.REFERENCES,
    "reference_source_last_sync_timestamp_seconds",
    "source",
    "When the source of references was last read.",
)
SOURCE_REFERENCES: Final = _gauge(
    Group.REFERENCES, "reference_source_references", "source", "References that the source names."
)

REQUESTS: Final = _counter(
    Group.REQUESTS,
    "registry_requests_total",
    "registry resource code",
    "Requests to the registry and its token server, by what was asked and how it was answered.",
)
REQUEST_DURATION: Final = Family(
    PREFIX + "registry_request_duration_seconds",
    Kind.HISTOGRAM,
    ("registry", "resource"),
    "Time until a request was answered in full.",
    Group.REQUESTS,
)
RETRIES: Final = _counter(
    Group.REQUESTS,
    "registry_retries_total",
    "registry",
    "Requests that were repeated after an answer that proves nothing.",
)
THROTTLE_WAIT: Final = _counter(
    Group.REQUESTS,
    "registry_throttle_wait_seconds_total",
    "registry",
    "Time spent waiting because the registry, or the configured rate, asked for it.",
)

BUILD_INFO: Final = _gauge(
    Group.EXPORTER,
    "build_info",
    "version python_version",
    "Always 1: what is running.",
)
CONFIG_LAST_RELOAD_SUCCESSFUL: Final = _gauge(
    Group.EXPORTER,
    "config_last_reload_successful",
    "",
    "Whether the last attempt to load the configuration succeeded.",
)
CONFIG_LAST_RELOAD_SUCCESS: Final = _gauge(
    Group.EXPORTER,
    "config_last_reload_success_timestamp_seconds",
    "",
    "When the configuration in force was loaded.",
)
CONFIG_HASH: Final = _gauge(
    Group.EXPORTER,
    "config_hash",
    "",
    "A number that changes exactly when the configuration in force does.",
)
LEDGER_WRITABLE: Final = _gauge(
    Group.EXPORTER,
    "ledger_writable",
    "",
    "Whether the last writes to the ledger succeeded. Absent without a ledger file.",
)
LOOP_STALLS: Final = _counter(
    Group.EXPORTER,
    "event_loop_stalls_total",
    "loop",
    "Times that the event loop of audits, or of the web server, was held up for 0.1 s or more.",
)
LOOP_STALLED: Final = _counter(
    Group.EXPORTER,
    "event_loop_stalled_seconds_total",
    "loop",
    "Seconds that an event loop was held up, counted in stalls of 0.1 s or more.",
)
SERIES_LIMIT: Final = _gauge(
    Group.EXPORTER,
    "metrics_series_limit",
    "metric",
    "How many tags, repositories or (for each registry) problems are exported at most, by what the "
    "families' names begin with.",
)
SERIES_DROPPED: Final = _gauge(
    Group.EXPORTER,
    "metrics_series_dropped",
    "metric",
    "How many tags, repositories or problems are past the limit and not exported; the worst are "
    "kept.",
)

FAMILIES: Final = (
    *(each for each in tuple(globals().values()) if isinstance(each, Family)),
    *storage_families.FAMILIES,
    *scrub_families.FAMILIES,
)
"""Every family above, in order, those of storages and of scrubs: no other can be published."""
