"""Sizes, times and counts read as a person says them."""

from __future__ import annotations

import pytest

from exporter.publish.formatting import age_words, count_words, size_words, time_words
from exporter.screen import plain
from tests.publish.reports import TAKEN_AT


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "?"),
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (9 * 1024, "9.0 KiB"),
        (10 * 1024, "10 KiB"),
        (1024**2, "1.0 MiB"),
        (300 * 1024**2, "300 MiB"),
        (1024**4, "1.0 TiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_a_size_has_its_unit_and_few_digits(size: int | None, words: str) -> None:
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (2 * 86400 - 1, "48 h"),
        (2 * 86400, "2 d"),
        (10 * 86400, "10 d"),
    ],
)
def test_an_age_is_rough(seconds: float, words: str) -> None:
    assert age_words(seconds) == words


def test_a_time_says_that_it_is_utc() -> None:
    assert time_words(TAKEN_AT) == "2026-04-22 10:00 UTC"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 tags"), (1, "1 tag"), (2, "2 tags"), (20_000, "20,000 tags")]
)
def test_a_count_agrees_with_its_noun(count: int, words: str) -> None:
    assert count_words(count, "tag") == words


def test_text_of_others_keeps_its_letters_and_loses_its_commands() -> None:
    assert plain("Überraschung \x1b[2J\u202e\n") == "Überraschung �[2J��"
