from __future__ import annotations

from typing import Final

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.limits import Breaker, RequestLimits

LIMITS: Final = RequestLimits(failures=3, probe_after=10)
DOWN: Final = Unseen("app", Reason.CONNECT, "Connection refused")


def broken() -> Breaker:
    breaker = Breaker("tests", LIMITS)
    for _ in range(3):
        breaker.failed(DOWN, signs=0, now=0.0)
    return breaker


def test_a_registry_counts_as_dead_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker("tests", LIMITS)
    breaker.failed(DOWN, signs=0, now=0.0)
    breaker.failed(DOWN, signs=0, now=0.0)
    breaker.admit("other", 0.0)

    breaker.failed(DOWN, signs=0, now=0.0)

    with pytest.raises(Unseen) as raised:
        breaker.admit("other", 0.0)
    assert (raised.value.subject, raised.value.reason) == ("other", Reason.CONNECT)


def test_a_sign_of_life_starts_the_count_again() -> None:
    breaker = Breaker("tests", LIMITS)

    for signs in range(10):
        breaker.failed(DOWN, signs=signs, now=0.0)

    breaker.admit("app", 0.0)


def test_what_is_about_one_question_kills_nobody() -> None:
    breaker = Breaker("tests", LIMITS)

    for _ in range(10):
        breaker.failed(Unseen("app", Reason.UNAUTHORIZED), signs=0, now=0.0)

    breaker.admit("app", 0.0)


def test_one_question_now_and_then_may_probe() -> None:
    breaker = broken()

    breaker.admit("probe", 10.0)

    with pytest.raises(Unseen):
        breaker.admit("other", 10.0)
    with pytest.raises(Unseen):
        breaker.admit("other", 19.9)
    breaker.admit("probe", 20.0)


def test_an_answer_lets_everybody_ask_again() -> None:
    breaker = broken()

    breaker.answered()

    breaker.admit("app", 0.0)


def test_a_refusal_shows_that_somebody_is_there() -> None:
    breaker = broken()

    breaker.failed(Unseen("app", Reason.UNAUTHORIZED), signs=1, now=0.0)

    breaker.admit("app", 0.0)
