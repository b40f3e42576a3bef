"""The next run of a CronJob."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_LONGEST: Final = 300
"""Characters of a schedule that is looked at; Kubernetes takes any number."""
_LONGEST_ZONE: Final = 100
"""Characters: three times the longest name there is. Each slash in one is a package to import."""
_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Source: robfig/cron v3 `parseDescriptor`, which Kubernetes uses."""


def next_run(schedule: str, zone: str | None, now: float) -> float | None:
    """Return the next time, in seconds since the epoch; None where the schedule does not tell it.

    Without a zone it is UTC, as nearly every control plane runs. `@every` counts from a start that
    nobody tells, and a zone within the schedule is not supported by Kubernetes either.
    """
    if len(schedule) > _LONGEST:
        return None
    known = _zone(zone)
    if known is None:
        return None
    text = _MACROS.get(schedule.strip(), schedule).replace("?", "*")
    try:
        return next(CronSim(text, datetime.fromtimestamp(now, known))).timestamp()
    except (CronSimError, StopIteration, OverflowError, ValueError):
        return None


def _zone(name: str | None) -> tzinfo | None:
    if not name:
        return UTC
    if len(name) > _LONGEST_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # `ZoneInfoNotFoundError` is a KeyError
        return None
