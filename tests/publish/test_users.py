"""Who uses an image is said by name, and whom its loss hits with what must not be done now."""

from __future__ import annotations

from exporter.facts.use import ReferenceClass, Use
from exporter.judge.impact import users_of
from exporter.judge.tag_report import impact_of
from exporter.publish.formatting import impact_words, user_words
from tests.fakes import use, workload
from tests.publish.reports import MISSING, child, cron_job, deployment, tag

MANY = tuple(deployment(workload=workload("Deployment", f"a/w{n}")) for n in range(7))


def lost(*uses: Use) -> tuple[str, ...]:
    return tuple(impact_words(impact_of(tag("shop/app:v1", child(state=MISSING), uses=uses))))


def test_five_of_those_who_are_hit_are_named_and_the_others_counted() -> None:
    lines = lost(*MANY)

    assert [line.split()[2] for line in lines[:5]] == ["a/w0", "a/w1", "a/w2", "a/w3", "a/w4"]
    assert lines[5:] == (
        "affects 2 more workloads",
        "do not restart or reschedule: 84 containers running on layers cached on their nodes",
    )
    assert len(lost(*MANY[:5])) == 6


def test_a_whole_tag_hits_nobody() -> None:
    assert not [*impact_words(impact_of(tag("shop/app:v1", child(), uses=MANY)))]


def test_of_a_mere_reference_only_its_owner_is_said() -> None:
    named = tag("app:v1", child(), uses=(use("app:v1", "linux/amd64"),))

    assert [*map(user_words, users_of(named.uses))] == ["refs.yml:1"]


def test_what_sleeps_says_so_and_what_is_scheduled_says_when() -> None:
    asleep = deployment(reference_class=ReferenceClass.IDLE, alive=0)
    said = map(user_words, users_of([asleep, cron_job(admitted=())]))

    assert list(said) == [
        "CronJob shop/sync (prod), next run 2026-05-01 03:00 UTC",
        "Deployment shop/web (prod) on linux/amd64, linux/arm64, idle",
    ]
