"""Are durations, addresses and patterns read exactly, and nothing else taken for one?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.values import HostPort, ImagePattern, duration, nearest, spell


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("1d12h", timedelta(hours=36)),
        ("1h30m5s250ms", timedelta(hours=1, minutes=30, seconds=5, milliseconds=250)),
        ("100ms", timedelta(milliseconds=100)),
        ("0s", timedelta()),
        ("999999d", timedelta(days=999_999)),
    ],
)
def test_a_duration_is_exact(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize(
    "text",
    ["", "15", "s", "1.5h", "-1s", "15 m", "5m1h", "1m1m", "1h30", "1w", "1000000s", "\u0661s"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration such as 90s"):
        duration(text)


@given(st.integers(0, 10**12).map(lambda count: timedelta(milliseconds=count)))
def test_a_duration_is_spelled_as_it_is_read(length: timedelta) -> None:
    assert duration(spell(length)) == length


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:80", "0.0.0.0", 80),  # noqa: S104 - read, not listened on
        (":0", "", 0),
        ("[::1]:65535", "::1", 65_535),
        ("host.example:1", "host.example", 1),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, host: str, port: int) -> None:
    assert HostPort.parse(text) == HostPort(host, port)
    assert str(HostPort.parse(text)) == text


@pytest.mark.parametrize("text", ["", "80", "a:", "a:65536", "::1:80", "a:b:1", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address such as"):
        HostPort.parse(text)


def test_a_pattern_has_a_host_a_repository_and_a_tag() -> None:
    found = ImagePattern.parse("Registry.example:5000/team/*:v[0-9]*")

    assert found == ImagePattern("registry.example:5000", "team/*", "v[0-9]*")
    assert str(found) == "registry.example:5000/team/*:v[0-9]*"


@pytest.mark.parametrize("text", ["a", "a/b", "/b:c", "*/b:c", "a/b@c:d", "a/b:c/d", "a/B c:d"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a "):
        ImagePattern.parse(text)


def test_the_nearest_word_is_offered_or_all_of_them() -> None:
    assert nearest("intreval", ["interval", "ledger"]) == "did you mean interval?"
    collectors = ["distribution-2", "distribution-3"]
    assert nearest("distribution3", collectors) == "did you mean distribution-3?"
    assert nearest("distribution", collectors) == "known: distribution-2, distribution-3"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
