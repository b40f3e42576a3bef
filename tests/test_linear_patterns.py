"""Every regular expression takes a time that grows with its input, and not with its square."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.patterns import Attack, Found, attacks, found, uncompiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALLEST, SOME_WAY, LARGEST = 12, 12 << 9, 12 << 13
"""Characters; the last is over 64 kB. A time that doubles with each one is found at 24, within
a second; the 32 that would follow 16 take minutes."""
WORST: Final = 5
"""Inputs of each pattern with which the ladder is climbed to its top."""
RATIO: Final = 3.0
"""Twice the input takes twice the time where that is linear, four times where it is quadratic."""
NOTICEABLE: Final = 0.03
"""Seconds below which a ratio is noise: pages of memory that a text is the first to need cost as
much as reading it. At the top of the ladder, a square takes far more."""
FOUND: Final = found()


def test_every_pattern_is_in_the_list() -> None:
    assert uncompiled() == []
    assert len(FOUND) > 50


@pytest.mark.parametrize("pattern", FOUND, ids=lambda each: each.name)
def test_a_pattern_is_linear(pattern: Found) -> None:
    for method in pattern.methods:
        assert not next(slow(pattern.pattern, method), "")


LINEAR: Final = [
    (r"<([^<>]*)>", "finditer"),
    (r"[a-z0-9]+(?:[._-][a-z0-9]+)*", "fullmatch"),
    (r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', "match"),
    (r"(?:^|;)rel=([^;]*)", "match"),
    (r"[0-9]{1,19}x", "search"),
]
QUADRATIC: Final = [
    (r"<([^>]*)>([^<]*)", "finditer"),
    (r"a*$", "search"),
    (r"\s*,\s*", "split"),
    (r"(.*?)(?:\s{2,}\S+=.*)?", "fullmatch"),
    (r"([a-z]+)+", "fullmatch"),
    (r"(?:[a-z]|[a-z][0-9]?)*!", "fullmatch"),
    (r"[0-9]+x", "search"),
    (r"(?:localhost|[^/:@]*\.[^/:@]*)(?::[0-9]+)?", "fullmatch"),
    (r"gone: .*/repositories/(\S+)/_layers/[0-9]+", "fullmatch"),
    (r"[^/]*\bDELETE\b[^/]*?v2/.*", "fullmatch"),
]


@pytest.mark.parametrize(("text", "method"), LINEAR)
def test_what_is_linear_passes(text: str, method: str) -> None:
    pattern = re.compile(text)

    assert not next(slow(pattern, method), "")


@pytest.mark.parametrize(("text", "method"), QUADRATIC)
def test_what_is_worse_is_found(text: str, method: str) -> None:
    pattern = re.compile(text)

    assert next(slow(pattern, method), "")


def slow(pattern: re.Pattern[Any], method: str) -> Iterator[str]:
    """Climb with every attack some way, and with those that took longest up to 64 kB."""
    use = using(pattern, method)
    taken: dict[Attack, float] = {}
    for attack in attacks(pattern):
        taken[attack], told = climbed(use, attack, SMALLEST, SOME_WAY)
        if told:
            yield f"{pattern.pattern!r}.{method} on {attack}: {told}"
    worst = sorted(taken, key=lambda each: taken[each])[-WORST:]
    for attack in worst:
        _, told = climbed(use, attack, SOME_WAY, LARGEST)
        if told:
            yield f"{pattern.pattern!r}.{method} on {attack}: {told}"


def using(pattern: re.Pattern[Any], method: str) -> Callable[[str], object]:
    """The pattern as it is used, on a text to its end."""
    encoded = isinstance(pattern.pattern, bytes)

    def use(text: str) -> object:
        subject: Any = text.encode("latin-1", "replace") if encoded else text
        if method in ("sub", "subn"):
            return getattr(pattern, method)(b"" if encoded else "", subject)
        answer = getattr(pattern, method)(subject)
        return sum(1 for _ in answer) if method == "finditer" else answer

    return use


def climbed(use: Callable[[str], object], attack: Attack, size: int, top: int) -> tuple[float, str]:
    """Double an input until the top; say where that takes far more than twice the time."""
    taken = best(use, attack.text(size), 1)
    while size < top:
        size *= 2
        before, taken = taken, best(use, attack.text(size), 1)
        if taken > NOTICEABLE and taken > RATIO * before:
            # Somebody else may have had the processor: the best of several tells.
            before = best(use, attack.text(size // 2), 5)
            taken = best(use, attack.text(size), 3)
            if taken > NOTICEABLE and taken > RATIO * before:
                return taken, f"{size // 2} take {before:.4f} s, {size} take {taken:.4f} s"
    return taken, ""


def best(use: Callable[[str], object], text: str, runs: int) -> float:
    """The least of several times, in seconds of this thread."""
    taken = []
    for _ in range(runs):
        began = time.thread_time()
        use(text)
        taken.append(time.thread_time() - began)
    return min(taken)
