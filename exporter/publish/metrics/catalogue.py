"""The catalogue of metrics: the one table of names, types, labels and help.

Metrics, their documentation, the rules and the dashboards are checked against it. No label is named
like a target's (`job`, `instance`, `namespace`, `pod` …): Prometheus would rename it on scrape.
"""

from typing import Final

from exporter.publish.metrics import scrub_families
from exporter.publish.metrics.family import Family, Group

TAGS: Final = Group.VERDICTS.gauge(
    "tags{registry,shard,class,state}", "Tags and pinned digests in scope, by class and state."
)
CHILDREN: Final = Group.VERDICTS.gauge(
    "children{registry,shard,class,state}",
    "Manifests that tags reference, by class and state.",
    "Each is counted once per repository.",
)
BLOBS: Final = Group.VERDICTS.gauge(
    "blobs{registry,shard,state}",
    "Audited blobs (image configurations, layers and others), by state.",
    "Each is counted once per repository.",
)
UNPROTECTED_CHILDREN: Final = Group.VERDICTS.gauge(
    "unprotected_children{registry,shard,class}",
    "Manifests that the registry may remove although the tag that needs them stays. Absent if "
    "unknown.",
    "Which manifests these are depends on the kind of registry: see "
    "[unprotected-child](findings/unprotected-child.md). Repositories whose tags could not all be "
    "listed are not counted; the series is absent if no repository is left.",
)
FINDINGS: Final = Group.VERDICTS.gauge(
    "findings{registry,shard,check,severity}",
    "Findings, by check and severity. Absent for a check that could not run.",
    "Each check has a [page](findings/).",
)
REFERENCED_BYTES: Final = Group.VERDICTS.gauge(
    "referenced_bytes{registry,shard}",
    "Bytes of all content that tags in scope need and that is present.",
    "Each digest is counted once per shard. Content that shards share is counted in each: "
    "for the whole registry, use `capacity --facts`.",
)
REPOSITORY_TAGS: Final = Group.VERDICTS.gauge(
    "repository_tags{registry,repository}", "Tags and pinned digests in scope in the repository."
)
REPOSITORY_MISSING_CHILDREN: Final = Group.VERDICTS.gauge(
    "repository_missing_children{registry,repository}",
    "Missing manifests that tags of the repository reference, each counted once.",
    "The registry said twice that they are not there.",
)
REPOSITORY_BROKEN_CHILDREN: Final = Group.VERDICTS.gauge(
    "repository_broken_children{registry,repository}",
    "Manifests of the repository whose content is missing, short or corrupt, each counted once.",
)
REPOSITORY_UNKNOWN_CHILDREN: Final = Group.VERDICTS.gauge(
    "repository_unknown_children{registry,repository}",
    "Manifests of the repository whose state could not be established, each counted once.",
)
REPOSITORY_UNPROTECTED_CHILDREN: Final = Group.VERDICTS.gauge(
    "repository_unprotected_children{registry,repository}",
    "Manifests that the registry may remove although the tag that needs them stays. Absent if "
    "unknown.",
)
REPOSITORY_LOGICAL_BYTES: Final = Group.VERDICTS.gauge(
    "repository_logical_bytes{registry,repository}",
    "Bytes of all content that tags of the repository need. Do not sum: repositories share "
    "content.",
    "Only content that is present counts.",
)
TAG_MISSING_CHILDREN: Final = Group.VERDICTS.gauge(
    "tag_missing_children{registry,repository,tag,class,need}",
    "Missing manifests that the tag references. A missing tag counts as one.",
    "Each is counted under the highest class that needs it. `need` is `required`, `possible` "
    "(live workloads may start on its platform, but need not) or `optional`. The registry said "
    "twice that they are not there.",
)
TAG_BROKEN_CHILDREN: Final = Group.VERDICTS.gauge(
    "tag_broken_children{registry,repository,tag,class,need}",
    "Manifests that the tag references whose content is missing, short or corrupt.",
)
TAG_UNKNOWN_CHILDREN: Final = Group.VERDICTS.gauge(
    "tag_unknown_children{registry,repository,tag,class,need}",
    "Manifests that the tag references whose state is unknown. An unreadable tag counts as one.",
)
TAG_UNPROTECTED_CHILDREN: Final = Group.VERDICTS.gauge(
    "tag_unprotected_children{registry,repository,tag,class,need}",
    "Manifests that the registry may remove although the tag stays. Absent if unknown.",
    "Without every tag of the repository, nobody can say that none names the manifest directly.",
)
TAG_LACKING_PLATFORMS: Final = Group.VERDICTS.gauge(
    "tag_lacking_platforms{registry,repository,tag,class}",
    "Platforms that must run the tag but for which it has no image.",
)
TAG_UNMIRRORED_PLATFORMS: Final = Group.VERDICTS.gauge(
    "tag_unmirrored_platforms{registry,repository,tag,class}",
    "Platforms that must run the tag but that this mirror omits on purpose.",
    "The tag offers them; the mirror is configured to leave platforms out.",
)
TAG_GONE_INFO: Final = Group.VERDICTS.gauge(
    "tag_gone_info{registry,repository,tag,class}",
    "Always 1. Tags that could not be pulled when last seen and are not listed any more.",
    "For a day. Their loss has no series any more, but nothing was repaired.",
)
TAG_BROKEN_SINCE: Final = Group.VERDICTS.gauge(
    "tag_broken_since_timestamp_seconds{registry,repository,tag,class}",
    "Time when the loss was first seen. Only for tags that this class cannot pull.",
)
TAG_UNPROTECTED_IMAGES: Final = Group.VERDICTS.gauge(
    "tag_unprotected_images{registry,repository,tag,class}",
    "Live images that no tag references any more. Absent if unknown or if nothing is live.",
    "For a pinned digest: 1 if no tag references it. For a tag: the number of running images "
    "that were pulled by the tag and that it no longer references.",
)
TAG_AFFECTED_WORKLOADS: Final = Group.VERDICTS.gauge(
    "tag_affected_workloads{registry,repository,tag,class,need}",
    "Workloads that cannot restart from the tag. Only for broken or missing tags.",
    "As far as clusters could be read. Under a lower class than the tag's own: workloads of "
    "that class. With `need` `possible`: live workloads that may start where they cannot, but "
    "need not.",
)
TAG_AFFECTED_RUNNING: Final = Group.VERDICTS.gauge(
    "tag_affected_running_containers{registry,repository,tag,class,need}",
    "Running containers of the affected workloads. Only for broken or missing tags.",
    "They run because their nodes still hold the layers.",
)
TAG_AFFECTED_NEXT_RUN: Final = Group.VERDICTS.gauge(
    "tag_affected_next_run_timestamp_seconds{registry,repository,tag,class}",
    "Next scheduled start of an affected workload. Only for broken or missing tags with a "
    "schedule.",
)
TAG_FAILING_PULLS: Final = Group.VERDICTS.gauge(
    "tag_failing_pulls{registry,repository,tag,class}",
    "Pods that wait because their nodes fail to pull the tag. Absent if there are none.",
    "As clusters tell. It is no verdict: the cause may be credentials or the network.",
)
LOGIN_REFUSED_INFO: Final = Group.VERDICTS.gauge(
    "login_refused_info{registry,repository,login}",
    "Always 1. One series per set of pull secrets that the registry refuses, and repository.",
    "Only for pull secrets that workloads use for the repository and that pullproof may "
    "read. Capped per registry.",
)
AFFECTED_WORKLOAD_INFO: Final = Group.VERDICTS.gauge(
    "affected_workload_info{registry,repository,tag,class,workload_cluster,workload_namespace,workload_kind,workload,platforms,need}",
    "Always 1. One series per workload that cannot restart from a broken or missing tag.",
    "`platforms` are those on which it cannot start. `need` is `possible` if it may start there, "
    "but need not. Capped per registry; live tags are kept first.",
)
MISSING_CHILD_INFO: Final = Group.VERDICTS.gauge(
    "missing_child_info{registry,repository,tag,class,platform,digest,kind,state,need}",
    "Always 1. One series per missing or broken manifest of a tag, and per missing platform.",
    "A missing platform has no digest. Capped per registry; live tags are kept first.",
)
CAUSE_INFO: Final = Group.VERDICTS.gauge(
    "cause_info{registry,digest,kind,state}",
    "Always 1. One series per digest that is missing, short or corrupt and breaks a tag.",
    "Capped per registry by `metrics.problems`; the worst are kept.",
)
CAUSE_AFFECTED_TAGS: Final = Group.VERDICTS.gauge(
    "cause_affected_tags{registry,digest,kind,class}",
    "Tags that a missing, short or corrupt digest breaks.",
    "Those of `pullproof_cause_info`.",
)
REGISTRY_INFO: Final = Group.AUDITS.gauge(
    "registry_info{registry,role,kind,collector}",
    "Always 1. Role, kind and garbage collector of the registry.",
    "As configured or detected.",
)
SHARD_INFO: Final = Group.AUDITS.gauge(
    "shard_info{registry,shard,shards}",
    "Always 1. Shard that this exporter audits, and the number of shards.",
)
SHARD_EXPECTED: Final = Group.AUDITS.gauge(
    "shard_expected{registry,shard,shards}",
    "Always 1. One series per shard that the configuration expects, including this one.",
)
REGISTRY_UP: Final = Group.AUDITS.gauge(
    "registry_up{registry,shard}",
    "Whether the last audit was complete. Absent before the first audit.",
)
AUDIT_INTERVAL: Final = Group.AUDITS.gauge(
    "audit_interval_seconds{registry,shard}", "Configured time between the starts of two audits."
)
OLDEST_PROOF: Final = Group.AUDITS.gauge(
    "oldest_proof_timestamp_seconds{registry,shard,class}",
    "Time when the content of tags was last requested, of the tag where that is longest ago.",
    "Tags themselves are resolved at every audit. Where the storage is read, what it proves counts "
    "too. As of the last audit.",
)
PROOF_PERIOD: Final = Group.AUDITS.gauge(
    "proof_period_seconds{registry,shard,class}",
    "Configured time between two requests for the content of a tag. 0 means at every audit.",
)
AUDIT_DURATION: Final = Group.AUDITS.gauge(
    "audit_duration_seconds{registry,shard}", "Duration of the last audit."
)
AUDIT_IN_PROGRESS: Final = Group.AUDITS.gauge(
    "audit_in_progress{registry,shard}", "Whether an audit of the registry is running."
)
AUDIT_LAST_ATTEMPT: Final = Group.AUDITS.gauge(
    "audit_last_attempt_timestamp_seconds{registry,shard}",
    "Start time of the last audit, complete or not.",
)
AUDIT_LAST_SUCCESS: Final = Group.AUDITS.gauge(
    "audit_last_success_timestamp_seconds{registry,shard}",
    "Start time of the last complete audit, whose results are served. Survives a restart "
    "with a ledger.",
)
FACTS_LAST_EXPORT: Final = Group.AUDITS.gauge(
    "facts_last_export_timestamp_seconds{registry,shard}",
    "Start time of the audit that was last exported. Absent if no export is configured.",
    "Before the first export: when the exporter started.",
)
AUDITS: Final = Group.AUDITS.counter(
    "audits_total{registry,shard}", "Finished audits, complete or not."
)
AUDIT_FAILURES: Final = Group.AUDITS.counter(
    "audit_failures_total{registry,shard,reason}",
    "Incomplete audits, by first reason.",
    "The [reasons](reasons.md) are a closed list.",
)
GAPS: Final = Group.AUDITS.gauge(
    "gaps{registry,shard,scope,reason}",
    "Gaps in the last audit, complete or not, by scope and reason.",
    "The [reasons](reasons.md) are a closed list. Gaps of image sources: `reference_gaps`.",
)
EVENTS: Final = Group.AUDITS.counter(
    "events_received_total{registry,shard,outcome}",
    "Events received from the registry, by outcome. Absent if no events are configured.",
    "`requested` an audit; `coalesced` with an event before it; `ignored`: a pull, or out of "
    "scope here; `refused`: no valid token, too large or unreadable.",
)
EVENT_DURATION: Final = Group.AUDITS.histogram(
    "event_to_verdict_seconds{registry,shard}",
    "Time from an event to the published results of the audit that it requested.",
    "Coalesced events count from the first.",
)
SOURCE_UP: Final = Group.REFERENCES.gauge(
    "reference_source_up{source}", "Whether the source of image references could be read."
)
SOURCE_LAST_SYNC: Final = Group.REFERENCES.gauge(
    "reference_source_last_sync_timestamp_seconds{source}",
    "Time when the source of image references was last read.",
)
SOURCE_REFERENCES: Final = Group.REFERENCES.gauge(
    "reference_source_references{source}", "Image references that the source provides."
)
KIND_UP: Final = Group.REFERENCES.gauge(
    "reference_kind_up{source,kind}",
    "Whether the source's objects of a kind could all be listed.",
    "`kind` as a role names it: `deployments.apps`. A kind that could not be listed keeps its "
    "last content.",
)
KIND_LAST_SYNC: Final = Group.REFERENCES.gauge(
    "reference_kind_last_sync_timestamp_seconds{source,kind}",
    "Time when the objects of a kind were last listed completely.",
    "Before the first time: when the exporter first tried.",
)
KIND_WATCHED: Final = Group.REFERENCES.gauge(
    "reference_kind_watched{source,kind}",
    "Whether changes to objects of a kind are seen at once, by a watch.",
    "If not, the kind is listed at every audit. Absent where no watch is possible: its server "
    "serves none, or the source has more than 100 lists.",
)
REFERENCE_MAX_AGE: Final = Group.REFERENCES.gauge(
    "reference_max_age_seconds",
    "Age after which what a source or kind named last is stale: `max_staleness` or 3 intervals.",
)
SOURCE_GAPS: Final = Group.REFERENCES.gauge(
    "reference_gaps{source,kind,reason}",
    "Gaps in the source, by kind of object and reason. Absent if there are none.",
    "`kind` is empty for single objects and for lines of a file. The [reasons](reasons.md) are "
    "a closed list.",
)
FULL_READ_BYTES: Final = Group.VERDICTS.gauge(
    "audit_full_read_bytes{registry,shard}",
    "Bytes of blobs that the last audit read in full, because the registry ignores ranges.",
    "0 if the registry sends the byte that is asked for.",
)
REQUESTS: Final = Group.REQUESTS.counter(
    "registry_requests_total{registry,resource,code}",
    "Requests to the registry and its token server, by resource and response code.",
)
RECEIVED_BYTES: Final = Group.REQUESTS.counter(
    "registry_received_bytes_total{registry,resource}",
    "Bytes of response bodies that were read, scrubs included.",
)
REQUEST_DURATION: Final = Group.REQUESTS.histogram(
    "registry_request_duration_seconds{registry,resource}",
    "Duration of requests to the registry, including the response body.",
)
RETRIES: Final = Group.REQUESTS.counter(
    "registry_retries_total{registry}", "Requests repeated after an inconclusive response."
)
THROTTLE_WAIT: Final = Group.REQUESTS.counter(
    "registry_throttle_wait_seconds_total{registry}",
    "Time spent waiting because of a rate limit, of the registry or configured.",
)
BUILD_INFO: Final = Group.EXPORTER.gauge(
    "build_info{version,python_version,external_url}",
    "Always 1. Version of the exporter and of Python, and the address of its pages.",
)
CONFIG_LAST_RELOAD_SUCCESSFUL: Final = Group.EXPORTER.gauge(
    "config_last_reload_successful", "Whether the last configuration reload succeeded."
)
CONFIG_LAST_RELOAD_SUCCESS: Final = Group.EXPORTER.gauge(
    "config_last_reload_success_timestamp_seconds",
    "Time of the last successful configuration reload.",
)
CONFIG_HASH: Final = Group.EXPORTER.gauge(
    "config_hash",
    "Hash of the configuration in force. Changes exactly when the configuration does.",
)
LEDGER_WRITABLE: Final = Group.EXPORTER.gauge(
    "ledger_writable",
    "Whether the last writes to the ledger succeeded. Absent without a ledger file.",
)
LOOP_STALLED: Final = Group.EXPORTER.counter(
    "event_loop_stalled_seconds_total{loop}",
    "Duration of stalls of 0.2 s or more of an event loop: `audit`, `registry` or `web`.",
)
SERIES_LIMIT: Final = Group.EXPORTER.gauge(
    "metrics_series_limit{metric}",
    "Maximum number of tags, repositories or problems that have series of their own.",
    "`metric` is how the names of the families begin. Problems are limited per registry.",
)
SERIES_DROPPED: Final = Group.EXPORTER.gauge(
    "metrics_series_dropped{metric}",
    "Tags, repositories or problems beyond the limit, which have no series of their own.",
    "The worst are kept.",
)
STORED_BYTES: Final = Group.STORAGE.gauge(
    "stored_bytes{registry}", "Bytes of all blobs in the registry's storage."
)
STORED_REFERENCED_BYTES: Final = Group.STORAGE.gauge(
    "stored_referenced_bytes{registry}",
    "Bytes of the stored blobs that a manifest references, tagged or not.",
    "Each blob is counted once.",
)
RECLAIMABLE_BYTES: Final = Group.STORAGE.gauge(
    "reclaimable_bytes{registry,reason}",
    "Bytes of unreferenced data past the grace period, by reason.",
    "Each byte is counted under one reason.",
)
ORPHANED_BLOBS: Final = Group.STORAGE.gauge(
    "orphaned_blobs{registry}", "Stored blobs that no manifest references."
)
ORPHANED_MANIFESTS: Final = Group.STORAGE.gauge(
    "orphaned_manifests{registry}", "Stored manifests that no tag references."
)
REPOSITORY_EXCLUSIVE_BYTES: Final = Group.STORAGE.gauge(
    "repository_exclusive_bytes{registry,repository}",
    "Bytes that only this repository references: the most that removing it could free.",
)
SOLE_PROTECTOR: Final = Group.STORAGE.gauge(
    "tag_sole_protected_children{registry,repository,tag}",
    "Children of other tags that this tag alone tags directly. Absent if there are none.",
)
GC_VICTIMS: Final = Group.STORAGE.gauge(
    "gc_victims{registry,dialect,mode,class}",
    "Manifests that this garbage collection would break, by class.",
    "Manifests of tags and pinned digests count, each once under its highest class. Tags out "
    "of scope count as `selected`.",
)
GC_RECLAIMABLE_BYTES: Final = Group.STORAGE.gauge(
    "gc_reclaimable_bytes{registry,dialect,mode}",
    "Bytes of the blobs that this garbage collection would remove, needed or not.",
)
GC_WOULD_ABORT: Final = Group.STORAGE.gauge(
    "gc_would_abort{registry,dialect,mode}",
    "Whether this garbage collection would abort with an error.",
)
GC_PRECONDITIONS: Final = Group.STORAGE.gauge(
    "gc_preconditions{registry,code,effect}",
    "Faults in the storage that make the registry's collector abort or silently lose data.",
)
FAMILIES: Final = (
    *(each for each in tuple(globals().values()) if isinstance(each, Family)),
    *scrub_families.FAMILIES,
)
"""Every family that can be published, in the order of their documentation."""
