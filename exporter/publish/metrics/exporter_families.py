"""Metrics of requests to registries and of the exporter itself: a part of the catalogue."""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics.family import PREFIX, Family, Group, Kind, Status, counter, gauge

REQUESTS: Final = counter(
    Group.REQUESTS,
    "registry_requests_total",
    "registry resource code",
    "Requests to the registry and its token server, by resource and response code.",
)
REQUEST_DURATION: Final = Family(
    PREFIX + "registry_request_duration_seconds",
    Kind.HISTOGRAM,
    ("registry", "resource"),
    "Duration of requests to the registry, including the response body.",
    Group.REQUESTS,
    status=Status.STABLE,
)
RETRIES: Final = counter(
    Group.REQUESTS,
    "registry_retries_total",
    "registry",
    "Requests repeated after an inconclusive response.",
)
THROTTLE_WAIT: Final = counter(
    Group.REQUESTS,
    "registry_throttle_wait_seconds_total",
    "registry",
    "Time spent waiting because of a rate limit, of the registry or configured.",
)

BUILD_INFO: Final = gauge(
    Group.EXPORTER,
    "build_info",
    "version python_version",
    "Always 1. Version of the exporter and of Python.",
)
CONFIG_LAST_RELOAD_SUCCESSFUL: Final = gauge(
    Group.EXPORTER,
    "config_last_reload_successful",
    "",
    "Whether the last configuration reload succeeded.",
)
CONFIG_LAST_RELOAD_SUCCESS: Final = gauge(
    Group.EXPORTER,
    "config_last_reload_success_timestamp_seconds",
    "",
    "Time of the last successful configuration reload.",
)
CONFIG_HASH: Final = gauge(
    Group.EXPORTER,
    "config_hash",
    "",
    "Hash of the configuration in force. Changes exactly when the configuration does.",
)
LEDGER_WRITABLE: Final = gauge(
    Group.EXPORTER,
    "ledger_writable",
    "",
    "Whether the last writes to the ledger succeeded. Absent without a ledger file.",
)
LOOP_STALLS: Final = counter(
    Group.EXPORTER,
    "event_loop_stalls_total",
    "loop",
    "Stalls of 0.1 s or more of an event loop: `audit` or `web`.",
)
LOOP_STALLED: Final = counter(
    Group.EXPORTER,
    "event_loop_stalled_seconds_total",
    "loop",
    "Duration of the stalls of an event loop, of 0.1 s or more each.",
)
SERIES_LIMIT: Final = gauge(
    Group.EXPORTER,
    "metrics_series_limit",
    "metric",
    "Maximum number of tags, repositories or problems that have series of their own.",
    "`metric` is how the names of the families begin. Problems are limited per registry.",
)
SERIES_DROPPED: Final = gauge(
    Group.EXPORTER,
    "metrics_series_dropped",
    "metric",
    "Tags, repositories or problems beyond the limit, which have no series of their own.",
    "The worst are kept.",
)

FAMILIES: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Family))
"""Every family above, in order."""
