"""Does the auditor itself work, and what does it cost?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards import links, meanings
from dashboards.board import Board, Chapter, registries
from dashboards.card import Ask, Card
from dashboards.panels import graph, heat, number
from dashboards.promql import TARGET, age, each, earliest, least, rate, series, total
from dashboards.table import Label, Value, rows
from exporter.publish.metrics import catalogue as metric
from exporter.publish.metrics import scrub_families as scrub

_SEEN: Final = least("registry", metric.REGISTRY_UP)
_SHARD: Final = "registry, shard, shards"
_BUILD: Final = "instance, version, python_version"

UP: Final = number(
    Card(
        10,
        "Exporters that answer",
        "Targets of the scrape job that could be scraped, all replicas counted.",
        base=meanings.BAD,
        steps=((1, meanings.GOOD),),
        links=(links.runbook("RegistryAuditorTargetDown"), links.runbook("RegistryAuditorAbsent")),
    ),
    Ask(f"sum(max by (job, instance) (up{{{TARGET}}}))"),
)
RUNNING: Final = number(
    Card(11, "Audits that run now", "Registries that are being audited at this moment."),
    Ask(total("", metric.AUDIT_IN_PROGRESS)),
)
UNSEEN: Final = number(
    Card(
        12,
        "Registries that were not seen",
        "Registries whose last audit did not see them as a whole.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryUnreachable"),),
    ),
    Ask(f"count({_SEEN}) - sum({_SEEN})"),
)
RELOADED: Final = number(
    Card(
        13,
        "Configuration is in force",
        "Whether the last attempt to load the configuration succeeded; where not, the one before "
        "stays in force.",
        mappings=meanings.YES_IS_GOOD,
        links=(links.runbook("RegistryAuditorConfigReloadFailed"),),
    ),
    Ask(f"min({series(metric.CONFIG_LAST_RELOAD_SUCCESSFUL)})"),
)
LOADED: Final = number(
    Card(
        14,
        "Loaded",
        "When the configuration in force was loaded.",
        unit=units.DateTimeFromNow,
    ),
    Ask(f"1000 * max({series(metric.CONFIG_LAST_RELOAD_SUCCESS)})"),
)
DROPPED: Final = number(
    Card(
        15,
        "Objects past a limit",
        "Tags, repositories and problems that are not exported one by one because there are too "
        "many; the worst are kept.",
        base=meanings.GOOD,
        steps=meanings.NONE_IS_BETTER,
        links=(links.runbook("RegistryAuditorSeriesDropped"),),
    ),
    Ask(total("", metric.SERIES_DROPPED)),
)
BUILDS: Final = rows(
    Card(
        16,
        "What runs",
        "Version of each replica, and a number that changes exactly when its configuration does: "
        "replicas with different numbers run on different configurations.",
        height=6,
    ),
    Label("instance"),
    Label("version"),
    Label("python_version"),
    Value(
        "configuration",
        f"{each(_BUILD, metric.BUILD_INFO)} * on (instance) group_left ()"
        f" {each('instance', metric.CONFIG_HASH)}",
        unit=units.Hexadecimal,
    ),
)
SOURCES: Final = rows(
    Card(
        17,
        "Where the set of live images comes from",
        "Files and clusters that say what runs. Where one cannot be read, images that it names may "
        "be audited as if nothing used them.",
        height=6,
        absent="no source is configured",
        links=(links.runbook("RegistryLiveSetSourceDown"),),
    ),
    Label("source"),
    # Each process reads for itself, and a shard that cannot is blind for its own part.
    Value("readable", earliest("source", metric.SOURCE_UP), mappings=meanings.YES_IS_GOOD),
    Value(
        "last read", f"1000 * {earliest('source', metric.SOURCE_LAST_SYNC)}", units.DateTimeFromNow
    ),
    Value("references", each("source", metric.SOURCE_REFERENCES)),
)
DURATION: Final = graph(
    Card(
        20,
        "How long audits take",
        "Time that the last audit took; of shards, the longest.",
        unit=units.Seconds,
    ),
    Ask(each("registry", metric.AUDIT_DURATION), "{{registry}}"),
)
SHARE: Final = graph(
    Card(
        24,
        "Share of the interval that an audit takes",
        "Time that the last audit took, of the time from one to the next. At 100 % audits are "
        "skipped.",
        unit=units.PercentUnit,
    ),
    Ask(
        f"max by (registry) ({each('registry, shard', metric.AUDIT_DURATION)}"
        f" / {each('registry, shard', metric.AUDIT_INTERVAL)})",
        "{{registry}}",
    ),
)
SHARDS: Final = rows(
    Card(
        25,
        "Shards",
        "Which parts of a registry's repositories are audited, and by how many exporters each; 0 "
        "is nobody, and what breaks there is not told.",
        links=(links.runbook("RegistryShardMissing"),),
    ),
    Label("registry"),
    Label("shard"),
    Label("shards"),
    Value(
        "exporters",
        f"count by ({_SHARD}) ({series(metric.SHARD_INFO)})"
        f" or 0 * {each(_SHARD, metric.SHARD_EXPECTED)}",
    ),
)
AGE: Final = graph(
    Card(
        21,
        "Age of what is served",
        "Since the last complete audit began, and since the last attempt. The first grows alone "
        "while a registry cannot be seen.",
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
        "Audits that ended in an hour, and those of them that did not see the registry as a whole.",
        links=(links.runbook("RegistryUnreachable"),),
    ),
    Ask(f"3600 * {rate('registry', metric.AUDITS)}", "{{registry}}, ended"),
    Ask(
        f"3600 * {rate('registry', metric.AUDIT_FAILURES)}",
        "{{registry}}, failed",
    ),
)
GAPS: Final = graph(
    Card(
        23,
        "What audits could not see",
        "Gaps of the last audit by reason, complete or not.",
        absent="nothing was left out",
        links=(links.runbook("RegistryAuditBlind"),),
    ),
    Ask(f"{total('reason', metric.GAPS)} > 0", "{{reason}}"),
)
REQUESTS: Final = graph(
    Card(
        30,
        "Requests by what is asked",
        "Requests to the registries and their token servers.",
        unit=units.RequestsPerSecond,
    ),
    Ask(f"{rate('resource', metric.REQUESTS)} > 0", "{{resource}}"),
    stacked=True,
)
ANSWERS: Final = graph(
    Card(
        31,
        "Requests by answer",
        "404 is what a lost manifest answers, and 401 what comes before a token; both are usual.",
        unit=units.RequestsPerSecond,
        links=(links.runbook("RegistryAuditorThrottled"),),
    ),
    Ask(f"{rate('code', metric.REQUESTS)} > 0", "{{code}}"),
    stacked=True,
)
LATENCY: Final = heat(
    Card(
        32,
        "How fast registries answer",
        "Time until a request was answered in full: the darker, the more requests.",
        unit=units.Seconds,
    ),
    Ask(rate("le", metric.REQUEST_DURATION, suffix="_bucket"), "{{le}}"),
)
SLOWEST: Final = graph(
    Card(
        33,
        "The slowest twentieth",
        "95 of 100 requests are answered within this time, by what is asked.",
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
        "Repeats",
        "Requests that were sent again after an answer that proves nothing.",
        unit=units.RequestsPerSecond,
    ),
    Ask(rate("registry", metric.RETRIES), "{{registry}}"),
)
WAITING: Final = graph(
    Card(
        35,
        "Waiting for the registry's leave",
        "Share of time spent waiting because the registry, or the configured rate, asked for it; "
        "above 100 % where several requests wait at once.",
        unit=units.PercentUnit,
        links=(links.runbook("RegistryAuditorThrottled"),),
    ),
    Ask(rate("registry", metric.THROTTLE_WAIT), "{{registry}}"),
)
PROVEN: Final = graph(
    Card(
        50,
        "Bytes proven within the period",
        "Share of all needed bytes that was read whole and hashed within the configured period. "
        "Only registries that are scrubbed.",
        unit=units.PercentUnit,
        absent="no registry is scrubbed",
        links=(links.runbook("RegistryScrubOverdue"),),
    ),
    Ask(least("registry", scrub.DONE), "{{registry}}"),
)
OLDEST: Final = graph(
    Card(
        51,
        "Age of the oldest proof",
        "Since the live bytes were read whole whose reading is the longest ago, beside the period.",
        unit=units.Seconds,
        absent="no registry is scrubbed",
        links=(links.runbook("RegistryScrubOverdue"),),
    ),
    Ask(age(scrub.OLDEST), "{{registry}}, oldest"),
    Ask(each("registry", scrub.PERIOD), "{{registry}}, period"),
)
READ: Final = graph(
    Card(
        52,
        "Bytes read whole",
        "Bytes a day, beside the budget of a day.",
        unit=units.BytesIEC,
        absent="no registry is scrubbed",
    ),
    Ask(f"86400 * {rate('registry', scrub.BYTES)}", "{{registry}}, read"),
    Ask(f"86400 * {rate('registry', scrub.UNPACKED)}", "{{registry}}, unpacked"),
    Ask(total("registry", scrub.BUDGET), "{{registry}}, budget"),
)
READINGS: Final = graph(
    Card(
        53,
        "How readings end",
        "Blobs and manifests an hour: right, corrupt (mismatch), short or not there (gone), or not "
        "to be read (unknown).",
        absent="no registry is scrubbed",
        links=(links.runbook("RegistryBlobCorrupt"), links.runbook("RegistryIdleBlobCorrupt")),
    ),
    Ask(f"3600 * {rate('outcome', scrub.BLOBS)}", "{{outcome}}"),
)
SCRAPES: Final = graph(
    Card(
        40,
        "Time of a scrape",
        "What Prometheus waits for. It does not depend on the registries.",
        unit=units.Seconds,
    ),
    Ask(f"max by (instance) (scrape_duration_seconds{{{TARGET}}})", "{{instance}}"),
)
SAMPLES: Final = graph(
    Card(
        41,
        "Samples of a scrape",
        "What each replica exports; it counts toward sample limits of the scrape job.",
    ),
    Ask(f"max by (instance) (scrape_samples_scraped{{{TARGET}}})", "{{instance}}"),
)
CPU: Final = graph(
    Card(42, "CPU", "Processor time; 1 is one core.", unit=units.Short),
    Ask(
        f"sum by (instance) (rate(process_cpu_seconds_total{{{TARGET}}}[$__rate_interval]))",
        "{{instance}}",
    ),
)
MEMORY: Final = graph(
    Card(
        43,
        "Memory",
        "What the process has resident.",
        unit=units.BytesIEC,
    ),
    Ask(f"max by (instance) (process_resident_memory_bytes{{{TARGET}}})", "{{instance}}"),
)
LIMITS: Final = rows(
    Card(
        44,
        "Limits",
        "How many objects have series of their own at most, by what the names of the metrics "
        "begin with, and how many are past that.",
        width=24,
        height=7,
        links=(links.runbook("RegistryAuditorSeriesDropped"),),
    ),
    Label("metric"),
    Value("limit", each("metric", metric.SERIES_LIMIT)),
    Value("past it", each("metric", metric.SERIES_DROPPED)),
    sort="past it",
)

BOARD: Final = Board(
    uid=links.AUDITOR,
    title="Registry integrity / Auditor",
    about="Does the auditor itself work, and what does it cost?",
    choices=(registries(),),
    chapters=(
        Chapter(
            1,
            "Now",
            (UP, RUNNING, UNSEEN, RELOADED, LOADED, DROPPED, BUILDS, SOURCES),
        ),
        Chapter(2, "Audits", (DURATION, SHARE, AGE, AUDITS, GAPS, SHARDS)),
        Chapter(3, "Requests", (REQUESTS, ANSWERS, LATENCY, SLOWEST, PATIENCE, WAITING)),
        Chapter(4, "Whole reads", (PROVEN, OLDEST, READ, READINGS)),
        Chapter(5, "The process", (SCRAPES, SAMPLES, CPU, MEMORY, LIMITS)),
    ),
)
