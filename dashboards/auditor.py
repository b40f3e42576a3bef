"""Health and cost of the auditor itself."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards import links, meanings
from dashboards.board import Board, Chapter, registries
from dashboards.card import Ask, Card
from dashboards.panels import graph, heat, number
from dashboards.promql import TARGET, age, each, earliest, least, rate, series, total, within
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric
from exporter.publish.metrics import scrub_families

_SEEN: Final = least("registry", metric.REGISTRY_UP)
_SHARD: Final = "registry, shard, shards"
_BUILD: Final = "instance, version, python_version"

UP: Final = number(
    Card(
        10,
        "Exporters up",
        "Targets of the scrape job that answer, including replicas.",
        base=meanings.BAD,
        steps=((1, meanings.GOOD),),
        links=(links.runbook("RegistryAuditorTargetDown"), links.runbook("RegistryAuditorAbsent")),
    ),
    Ask(f"sum(max by (cluster, job, instance) (up{{{TARGET}}}))"),
)
RUNNING: Final = number(
    Card(11, "Running audits", "Registries that are being audited now."),
    Ask(total("", metric.AUDIT_IN_PROGRESS)),
)
UNSEEN: Final = number(
    Card(
        12,
        "Incomplete audits",
        "Registries whose last audit was incomplete.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryUnreachable"),),
    ),
    Ask(f"count({_SEEN}) - sum({_SEEN})"),
)
RELOADED: Final = number(
    Card(
        13,
        "Configuration reload",
        "Whether the last reload succeeded. If not, the previous configuration stays in force.",
        mappings=meanings.YES_IS_GOOD,
        links=(links.runbook("RegistryAuditorConfigReloadFailed"),),
    ),
    Ask(f"min({series(metric.CONFIG_LAST_RELOAD_SUCCESSFUL)})"),
)
LOADED: Final = number(
    Card(
        14,
        "Configuration loaded",
        "Time when the configuration in force was loaded.",
        unit=units.DateTimeFromNow,
    ),
    Ask(f"1000 * max({series(metric.CONFIG_LAST_RELOAD_SUCCESS)})"),
)
DROPPED: Final = number(
    Card(
        15,
        "Objects beyond a limit",
        "Tags, repositories and problems without series of their own because of a limit. The "
        "worst are kept.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryAuditorSeriesDropped"),),
    ),
    Ask(total("", metric.SERIES_DROPPED)),
)
BUILDS: Final = rows(
    Card(
        16,
        "Versions",
        "Version and configuration hash of each replica. Replicas with different hashes run with "
        "different configurations.",
        height=6,
    ),
    Label("instance"),
    Label("version"),
    Label("python_version"),
    Value(
        "configuration",
        f"{each(_BUILD, metric.BUILD_INFO)} * on (cluster, instance) group_left ()"
        f" {each('instance', metric.CONFIG_HASH)}",
        unit=units.Hexadecimal,
    ),
)
SOURCES: Final = rows(
    Card(
        17,
        "Image sources",
        "Files and clusters that provide image references. If one cannot be read, its newer "
        "images may be audited as if unused.",
        height=6,
        absent="no source is configured",
        links=(links.runbook("RegistryLiveSetSourceDown"),),
    ),
    Label("source"),
    # Each process reads for itself, and a shard that cannot is blind for its own part.
    Value("readable", earliest("source", metric.SOURCE_UP), mappings=meanings.YES_IS_GOOD),
    Value("all kinds", earliest("source", metric.KIND_UP), mappings=meanings.YES_IS_GOOD),
    Value("all watched", earliest("source", metric.KIND_WATCHED), mappings=meanings.YES),
    Value(
        "last read", f"1000 * {earliest('source', metric.SOURCE_LAST_SYNC)}", units.DateTimeFromNow
    ),
    Value("references", each("source", metric.SOURCE_REFERENCES)),
)
DURATION: Final = graph(
    Card(
        20,
        "Audit duration",
        "Duration of the last audit; with shards, the longest.",
        unit=units.Seconds,
    ),
    Ask(each("registry", metric.AUDIT_DURATION), "{{registry}}"),
)
SHARE: Final = graph(
    Card(
        24,
        "Audit duration as share of the interval",
        "Duration of the last audit divided by the interval. At 100 % audits are skipped.",
        unit=units.PercentUnit,
    ),
    Ask(
        f"max by (cluster, registry) ({each('registry, shard', metric.AUDIT_DURATION)}"
        f" / {each('registry, shard', metric.AUDIT_INTERVAL)})",
        "{{registry}}",
    ),
)
EVENTS: Final = graph(
    Card(
        26,
        "Events",
        "Events of the registries per hour, by outcome. Refused ones show no valid token, or are "
        "unreadable.",
        absent="no events are configured",
    ),
    Ask(f"3600 * {rate('registry, outcome', metric.EVENTS)}", "{{registry}}, {{outcome}}"),
)
VERIFIED: Final = graph(
    Card(
        27,
        "Time from an event to the result",
        "95 % of the audits that events requested are published within this time.",
        unit=units.Seconds,
        absent="no events are configured",
    ),
    Ask(
        "histogram_quantile(0.95, "
        f"{rate('le, registry', metric.EVENT_DURATION, suffix='_bucket')})",
        "{{registry}}",
    ),
)
SHARDS: Final = rows(
    Card(
        25,
        "Shards",
        "Exporters per shard. 0 means that the shard is not being audited.",
        links=(links.runbook("RegistryShardMissing"),),
    ),
    Label("registry"),
    Label("shard"),
    Label("shards"),
    Value(
        "exporters",
        f"count by ({within(_SHARD)}) ({series(metric.SHARD_INFO)})"
        f" or 0 * {each(_SHARD, metric.SHARD_EXPECTED)}",
    ),
)
AGE: Final = graph(
    Card(
        21,
        "Age of the results",
        "Age of the last complete audit and of the last attempt. Only the first grows while a "
        "registry cannot be audited.",
        unit=units.Seconds,
        links=(links.runbook("RegistryAuditStale"), links.runbook("RegistryAuditStaleLong")),
    ),
    Ask(age(metric.AUDIT_LAST_SUCCESS), "{{registry}}, complete"),
    Ask(age(metric.AUDIT_LAST_ATTEMPT), "{{registry}}, attempt"),
)
AUDITS: Final = graph(
    Card(
        22,
        "Audits and failures",
        "Audits per hour, and incomplete audits per hour.",
        links=(links.runbook("RegistryUnreachable"),),
    ),
    Ask(f"3600 * {rate('registry', metric.AUDITS)}", "{{registry}}, ended"),
    Ask(
        f"3600 * {rate('registry', metric.AUDIT_FAILURES)}",
        "{{registry}}, incomplete",
    ),
)
GAPS: Final = graph(
    Card(
        23,
        "Gaps by reason",
        "Gaps of the last audit, complete or not.",
        absent="no gaps",
        links=(links.runbook("RegistryAuditBlind"),),
    ),
    Ask(f"{total('reason', metric.GAPS)} > 0", "{{reason}}"),
)
REQUESTS: Final = graph(
    Card(
        30,
        "Requests by resource",
        "Requests to the registries and their token servers.",
        unit=units.RequestsPerSecond,
    ),
    Ask(f"{rate('resource', metric.REQUESTS)} > 0", "{{resource}}"),
    stacked=True,
)
ANSWERS: Final = graph(
    Card(
        31,
        "Requests by response code",
        "404 is the response for a missing manifest, and 401 precedes a token; both are normal.",
        unit=units.RequestsPerSecond,
        links=(links.runbook("RegistryAuditorThrottled"),),
    ),
    Ask(f"{rate('code', metric.REQUESTS)} > 0", "{{code}}"),
    stacked=True,
)
LATENCY: Final = heat(
    Card(
        32,
        "Request latency",
        "Time until the full response: the darker, the more requests.",
        unit=units.Seconds,
    ),
    Ask(rate("le", metric.REQUEST_DURATION, suffix="_bucket"), "{{le}}"),
)
SLOWEST: Final = graph(
    Card(
        33,
        "p95 latency",
        "95 % of requests are answered within this time, by resource.",
        unit=units.Seconds,
    ),
    Ask(
        "histogram_quantile(0.95, "
        f"{rate('le, resource', metric.REQUEST_DURATION, suffix='_bucket')})",
        "{{resource}}",
    ),
)
PATIENCE: Final = graph(
    Card(
        34,
        "Retries",
        "Requests repeated after an inconclusive response.",
        unit=units.RequestsPerSecond,
    ),
    Ask(rate("registry", metric.RETRIES), "{{registry}}"),
)
WAITING: Final = graph(
    Card(
        35,
        "Time throttled",
        "Share of time spent waiting because of a rate limit, of the registry or configured. "
        "Above 100 % if several requests wait at once.",
        unit=units.PercentUnit,
        links=(links.runbook("RegistryAuditorThrottled"),),
    ),
    Ask(rate("registry", metric.THROTTLE_WAIT), "{{registry}}"),
)
PROVEN: Final = graph(
    Card(
        50,
        "Bytes verified within the period",
        "Share of all needed bytes that were read in full and hashed within the scrub period. "
        "Only registries that are scrubbed.",
        unit=units.PercentUnit,
        absent="no registry is scrubbed",
        links=(links.runbook("RegistryScrubOverdue"),),
    ),
    Ask(least("registry", scrub_families.DONE), "{{registry}}"),
)
OLDEST: Final = graph(
    Card(
        51,
        "Oldest verification",
        "Time since the least recently verified live data was read in full, and since the content "
        "of a class of tags was last requested; with the configured periods.",
        unit=units.Seconds,
        links=(links.runbook("RegistryScrubOverdue"), links.runbook("RegistryProofOverdue")),
    ),
    Ask(
        f"time() - {least('registry, class', metric.OLDEST_PROOF)}",
        "{{registry}}, {{class}} requested",
    ),
    Ask(each("registry, class", metric.PROOF_PERIOD), "{{registry}}, {{class}} period"),
    Ask(age(scrub_families.OLDEST), "{{registry}}, oldest"),
    Ask(each("registry", scrub_families.PERIOD), "{{registry}}, period"),
)
READ: Final = graph(
    Card(
        52,
        "Bytes read",
        "Bytes per day: of all responses, and of scrubs with their daily budget. Bytes that the "
        "last audit read in full, where the registry ignores ranges.",
        unit=units.BytesIEC,
        absent="nothing was read",
    ),
    Ask(f"86400 * {rate('registry', metric.RECEIVED_BYTES)}", "{{registry}}, in all"),
    Ask(total("registry", metric.FULL_READ_BYTES), "{{registry}}, in full by the last audit"),
    Ask(f"86400 * {rate('registry', scrub_families.BYTES)}", "{{registry}}, read"),
    Ask(f"86400 * {rate('registry', scrub_families.UNPACKED)}", "{{registry}}, unpacked"),
    Ask(total("registry", scrub_families.BUDGET), "{{registry}}, budget"),
)
READINGS: Final = graph(
    Card(
        53,
        "Verifications by outcome",
        "Blobs and manifests per hour: match, mismatch (corrupt), gone (short or not there), "
        "unknown (could not be read).",
        absent="no registry is scrubbed",
        links=(links.runbook("RegistryBlobCorrupt"), links.runbook("RegistryIdleBlobCorrupt")),
    ),
    Ask(f"3600 * {rate('outcome', scrub_families.BLOBS)}", "{{outcome}}"),
)
SCRAPES: Final = graph(
    Card(
        40,
        "Scrape duration",
        "Time until Prometheus has the metrics. Independent of the size of the registries.",
        unit=units.Seconds,
    ),
    Ask(f"max by (cluster, instance) (scrape_duration_seconds{{{TARGET}}})", "{{instance}}"),
)
SAMPLES: Final = graph(
    Card(
        41,
        "Samples per scrape",
        "Samples that each replica exports. They count toward sample limits of the scrape job.",
    ),
    Ask(f"max by (cluster, instance) (scrape_samples_scraped{{{TARGET}}})", "{{instance}}"),
)
CPU: Final = graph(
    Card(42, "CPU", "Processor time; 1 is one core.", unit=units.Short),
    Ask(
        "sum by (cluster, instance) "
        f"(rate(process_cpu_seconds_total{{{TARGET}}}[$__rate_interval]))",
        "{{instance}}",
    ),
)
MEMORY: Final = graph(
    Card(
        43,
        "Memory",
        "Resident memory of the process.",
        unit=units.BytesIEC,
    ),
    Ask(f"max by (cluster, instance) (process_resident_memory_bytes{{{TARGET}}})", "{{instance}}"),
)
STALLS: Final = graph(
    Card(
        45,
        "Event loop stalls",
        "Share of time in which the event loop of audits, or of the web server, is stalled for "
        "0.2 s or more at a time.",
        unit=units.PercentUnit,
        width=24,
    ),
    Ask(rate("instance, loop", metric.LOOP_STALLED), "{{instance}}, {{loop}}"),
)
LIMITS: Final = rows(
    Card(
        44,
        "Limits",
        "Maximum number of objects with series of their own, by prefix of the metric name, and "
        "the number beyond it.",
        width=24,
        height=7,
        links=(links.runbook("RegistryAuditorSeriesDropped"),),
    ),
    Label("metric"),
    Value("limit", each("metric", metric.SERIES_LIMIT)),
    Value("dropped", each("metric", metric.SERIES_DROPPED)),
    sort="dropped",
)

BOARD: Final = Board(
    uid=links.AUDITOR,
    title="Registry integrity / Auditor",
    about="Health and cost of the auditor itself.",
    choices=(registries(),),
    chapters=(
        Chapter(
            1,
            "Now",
            (UP, RUNNING, UNSEEN, RELOADED, LOADED, DROPPED, BUILDS, SOURCES),
        ),
        Chapter(2, "Audits", (DURATION, SHARE, AGE, AUDITS, GAPS, SHARDS, EVENTS, VERIFIED)),
        Chapter(
            3, "Requests", (REQUESTS, ANSWERS, LATENCY, SLOWEST, PATIENCE, WAITING), folded=True
        ),
        Chapter(4, "Full verification", (PROVEN, OLDEST, READ, READINGS), folded=True),
        Chapter(5, "Process", (SCRAPES, SAMPLES, CPU, MEMORY, STALLS, LIMITS), folded=True),
    ),
)
