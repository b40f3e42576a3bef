"""The catalogue of metrics: the one table of names, types, labels and help.

Metrics, their documentation, the rules and the dashboards are checked against it. No label is named
like a target's (`job`, `instance`, `namespace`, `pod` …): Prometheus would rename it on scrape.
"""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics import exporter_families, scrub_families, storage_families
from exporter.publish.metrics.family import Family, Group
from exporter.publish.metrics.family import counter as _counter
from exporter.publish.metrics.family import gauge as _gauge

_TAG: Final = "registry repository tag class"
_NEEDED: Final = f"{_TAG} need"

TAGS: Final = _gauge(
    Group.VERDICTS,
    "tags",
    "registry shard class state",
    "Tags and pinned digests in scope, by class and state.",
    "Each is counted once, under its highest class.",
)
CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "children",
    "registry shard class state",
    "Manifests that tags reference, by class and state.",
    "Each is counted once per repository, under the highest class that needs it.",
)
BLOBS: Final = _gauge(
    Group.VERDICTS,
    "blobs",
    "registry shard state",
    "Audited blobs (image configurations, layers and others), by state.",
    "Each is counted once per repository.",
)
UNPROTECTED_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "unprotected_children",
    "registry shard class",
    (
        "Manifests reachable only through an index. Absent if not all tags of the repository "
        "could be listed."
    ),
    (
        "Repositories whose tags could not all be listed are not counted; the series is absent if"
        " no repository is left. Some collectors remove such manifests: see "
        "[preflight](preflight.md)."
    ),
)
FINDINGS: Final = _gauge(
    Group.VERDICTS,
    "findings",
    "registry shard check severity",
    "Findings, by check and severity. Absent for a check that could not run.",
    "Each check has a [page](findings/).",
)
REFERENCED_BYTES: Final = _gauge(
    Group.VERDICTS,
    "referenced_bytes",
    "registry shard",
    "Bytes of all content that tags in scope need and that is present.",
    (
        "Each digest is counted once per shard. Content that shards share is counted in each: for"
        " the whole registry, use `capacity --facts`."
    ),
)

REPOSITORY_TAGS: Final = _gauge(
    Group.VERDICTS,
    "repository_tags",
    "registry repository",
    "Tags and pinned digests in scope in the repository.",
)
REPOSITORY_MISSING_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_missing_children",
    "registry repository",
    "Missing manifests that tags of the repository reference, each counted once.",
    "The registry said twice that they are not there.",
)
REPOSITORY_BROKEN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_broken_children",
    "registry repository",
    "Manifests of the repository whose content is missing, short or corrupt, each counted once.",
)
REPOSITORY_UNKNOWN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_unknown_children",
    "registry repository",
    "Manifests of the repository whose state could not be established, each counted once.",
)
REPOSITORY_UNPROTECTED_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "repository_unprotected_children",
    "registry repository",
    (
        "Manifests reachable only through an index. Absent if not all tags of the repository "
        "could be listed."
    ),
    "Each is counted once.",
)
REPOSITORY_LOGICAL_BYTES: Final = _gauge(
    Group.VERDICTS,
    "repository_logical_bytes",
    "registry repository",
    (
        "Bytes of all content that tags of the repository need. Do not sum: repositories share "
        "content."
    ),
    "Only content that is present counts.",
)

TAG_MISSING_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_missing_children",
    _NEEDED,
    "Missing manifests that the tag references. A missing tag counts as one.",
    (
        "Each is counted under the highest class that needs it. The registry said twice that they"
        " are not there."
    ),
)
TAG_BROKEN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_broken_children",
    _NEEDED,
    "Manifests that the tag references whose content is missing, short or corrupt.",
    "Each is counted under the highest class that needs it.",
)
TAG_UNKNOWN_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_unknown_children",
    _NEEDED,
    "Manifests that the tag references whose state is unknown. An unreadable tag counts as one.",
    "Each is counted under the highest class that needs it.",
)
TAG_UNPROTECTED_CHILDREN: Final = _gauge(
    Group.VERDICTS,
    "tag_unprotected_children",
    _NEEDED,
    (
        "Manifests of the tag reachable only through an index. Absent if not all tags could be "
        "listed."
    ),
    "Without every tag of the repository, nobody can say that none names the manifest directly.",
)
TAG_LACKING_PLATFORMS: Final = _gauge(
    Group.VERDICTS,
    "tag_lacking_platforms",
    _TAG,
    "Platforms that must run the tag but for which it has no image.",
    "Each is counted under the highest class that needs it.",
)
TAG_UNMIRRORED_PLATFORMS: Final = _gauge(
    Group.VERDICTS,
    "tag_unmirrored_platforms",
    _TAG,
    "Platforms that must run the tag but that this mirror omits on purpose.",
    "The tag offers them; the mirror is configured to leave platforms out.",
)
TAG_BROKEN_SINCE: Final = _gauge(
    Group.VERDICTS,
    "tag_broken_since_timestamp_seconds",
    _TAG,
    "Time when the loss was first seen. Only for tags that this class cannot pull.",
)
TAG_UNPROTECTED_IMAGES: Final = _gauge(
    Group.VERDICTS,
    "tag_unprotected_images",
    _TAG,
    "Live images that no tag references any more. Absent if unknown or if nothing is live.",
    (
        "For a pinned digest: 1 if no tag references it. For a tag: the number of running images "
        "that were pulled by the tag and that it no longer references."
    ),
)
TAG_AFFECTED_WORKLOADS: Final = _gauge(
    Group.VERDICTS,
    "tag_affected_workloads",
    _TAG,
    "Workloads that cannot restart from the tag. Only for broken or missing tags.",
    (
        "As far as clusters could be read. Under a lower class than the tag's own: workloads of "
        "that class."
    ),
)
TAG_AFFECTED_RUNNING: Final = _gauge(
    Group.VERDICTS,
    "tag_affected_running_containers",
    _TAG,
    "Running containers of the affected workloads. Only for broken or missing tags.",
    "They run because their nodes still hold the layers.",
)
TAG_AFFECTED_NEXT_RUN: Final = _gauge(
    Group.VERDICTS,
    "tag_affected_next_run_timestamp_seconds",
    _TAG,
    (
        "Next scheduled start of an affected workload. Only for broken or missing tags with a "
        "schedule."
    ),
)
LOGIN_REFUSED_INFO: Final = _gauge(
    Group.VERDICTS,
    "login_refused_info",
    "registry repository login",
    "Always 1. One series per set of pull secrets that the registry refuses, and repository.",
    (
        "Only for pull secrets that workloads use for the repository and that pullproof may read."
        " Capped per registry."
    ),
)
AFFECTED_WORKLOAD_INFO: Final = _gauge(
    Group.VERDICTS,
    "affected_workload_info",
    f"{_TAG} workload_cluster workload_namespace workload_kind workload platforms",
    "Always 1. One series per workload that cannot restart from a broken or missing tag.",
    (
        "`platforms` are those of the workload's nodes. Capped per registry; live tags are kept "
        "first."
    ),
)
MISSING_CHILD_INFO: Final = _gauge(
    Group.VERDICTS,
    "missing_child_info",
    f"{_TAG} platform digest kind state need",
    "Always 1. One series per missing or broken manifest of a tag, and per missing platform.",
    "A missing platform has no digest. Capped per registry; live tags are kept first.",
)

REGISTRY_INFO: Final = _gauge(
    Group.AUDITS,
    "registry_info",
    "registry role collector",
    "Always 1. Role and garbage collector of the registry.",
    "As configured or detected.",
)
SHARD_INFO: Final = _gauge(
    Group.AUDITS,
    "shard_info",
    "registry shard shards",
    "Always 1. Shard that this exporter audits, and the number of shards.",
)
SHARD_EXPECTED: Final = _gauge(
    Group.AUDITS,
    "shard_expected",
    "registry shard shards",
    "Always 1. One series per shard that the configuration expects, including this one.",
)
REGISTRY_UP: Final = _gauge(
    Group.AUDITS,
    "registry_up",
    "registry shard",
    "Whether the last audit was complete. Absent before the first audit.",
)
AUDIT_INTERVAL: Final = _gauge(
    Group.AUDITS,
    "audit_interval_seconds",
    "registry shard",
    "Configured time between the starts of two audits.",
)
AUDIT_DURATION: Final = _gauge(
    Group.AUDITS,
    "audit_duration_seconds",
    "registry shard",
    "Duration of the last audit.",
)
AUDIT_IN_PROGRESS: Final = _gauge(
    Group.AUDITS,
    "audit_in_progress",
    "registry shard",
    "Whether an audit of the registry is running.",
)
AUDIT_LAST_ATTEMPT: Final = _gauge(
    Group.AUDITS,
    "audit_last_attempt_timestamp_seconds",
    "registry shard",
    "Start time of the last audit, complete or not.",
)
AUDIT_LAST_SUCCESS: Final = _gauge(
    Group.AUDITS,
    "audit_last_success_timestamp_seconds",
    "registry shard",
    (
        "Start time of the last complete audit, whose results are served. Survives a restart with"
        " a ledger."
    ),
)
FACTS_LAST_EXPORT: Final = _gauge(
    Group.AUDITS,
    "facts_last_export_timestamp_seconds",
    "registry shard",
    "Start time of the audit that was last exported. Absent if no export is configured.",
    "Before the first export: when the exporter started.",
)
AUDITS: Final = _counter(
    Group.AUDITS,
    "audits_total",
    "registry shard",
    "Finished audits, complete or not.",
)
AUDIT_FAILURES: Final = _counter(
    Group.AUDITS,
    "audit_failures_total",
    "registry shard reason",
    "Incomplete audits, by first reason.",
    "The [reasons](reasons.md) are a closed list.",
)
GAPS: Final = _gauge(
    Group.AUDITS,
    "gaps",
    "registry shard scope reason",
    "Gaps in the last audit, complete or not, by scope and reason.",
    "The [reasons](reasons.md) are a closed list.",
)

SOURCE_UP: Final = _gauge(
    Group.REFERENCES,
    "reference_source_up",
    "source",
    "Whether the source of image references could be read.",
)
SOURCE_LAST_SYNC: Final = _gauge(
    Group.REFERENCES,
    "reference_source_last_sync_timestamp_seconds",
    "source",
    "Time when the source of image references was last read.",
)
SOURCE_REFERENCES: Final = _gauge(
    Group.REFERENCES,
    "reference_source_references",
    "source",
    "Image references that the source provides.",
)

FAMILIES: Final = (
    *(each for each in tuple(globals().values()) if isinstance(each, Family)),
    *exporter_families.FAMILIES,
    *storage_families.FAMILIES,
    *scrub_families.FAMILIES,
)
"""Every family above and of the other tables, in order: no other can be published."""
