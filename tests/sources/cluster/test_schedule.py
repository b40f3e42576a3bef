"""Is the next run of a CronJob the one that Kubernetes would start?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.cluster.controllers import next_run

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def following(schedule: str, zone: str | None = None, now: datetime = NOW) -> str | None:
    found = next_run(schedule, zone, now.timestamp())
    return None if found is None else datetime.fromtimestamp(found, UTC).isoformat()[:16]


@pytest.mark.parametrize(
    ("schedule", "when"),
    [
        ("0 3 1 * *", "2026-02-01T03:00"),
        ("*/15 * * * *", "2026-01-31T12:15"),
        ("0 0 * * SUN", "2026-02-01T00:00"),
        ("30 2 29 2 *", "2028-02-29T02:30"),
        ("0 4 ? * 1-5", "2026-02-02T04:00"),
        ("@monthly", "2026-02-01T00:00"),
        ("@hourly", "2026-01-31T13:00"),
        ("CRON_TZ=Asia/Tokyo 0 9 * * *", None),
    ],
)
def test_a_schedule_is_read_as_the_controller_reads_it(schedule: str, when: str | None) -> None:
    assert following(schedule) == when


def test_a_schedule_runs_in_its_time_zone_through_summer_time() -> None:
    winter, summer = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 7, 10, tzinfo=UTC)

    assert following("0 3 * * *", "Europe/Berlin", winter) == "2026-01-10T02:00"
    assert following("0 3 * * *", "Europe/Berlin", summer) == "2026-07-10T01:00"


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [
        ("@every 1h", None),
        ("nonsense", None),
        (f"*/{'9' * 5_000} * * * *", None),
        ("0 0 31 2 *", None),
        ("0 3 * * *", "Nowhere/Land"),
        ("0 3 * * *", "../../etc/passwd"),
    ],
)
def test_a_time_that_nobody_tells_is_not_made_up(schedule: str, zone: str | None) -> None:
    assert following(schedule, zone) is None


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["UTC", "Asia/Kolkata", "America/Phoenix"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - its zone follows
)
def test_a_daily_run_is_the_first_such_time_after_now(
    minute: int, hour: int, zone: str, now: datetime
) -> None:
    found = next_run(f"{minute} {hour} * * *", zone, now.timestamp())

    assert found is not None
    then = datetime.fromtimestamp(found, ZoneInfo(zone))
    assert (then.hour, then.minute, then.second) == (hour, minute, 0)
    assert now < then <= now + timedelta(days=1)


@given(st.text(max_size=40), st.text(max_size=20) | st.none())
def test_no_text_breaks_it(schedule: str, zone: str | None) -> None:
    found = next_run(schedule, zone, NOW.timestamp())

    assert found is None or found > NOW.timestamp()


def test_a_zone_of_a_thousand_parts_is_none() -> None:
    assert next_run(f"TZ={'a/' * 1_000}b 0 0 * * *", None, 0.0) is None
    assert next_run("0 0 * * *", "a/" * 1_000, 0.0) is None
