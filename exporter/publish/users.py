"""How is it said who uses an image, and whom its loss hits?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import aside
from exporter.judge.impact import Impact, User, users_of
from exporter.judge.report import TagVerdict
from exporter.publish.words import count_words, platform_words, time_words
from exporter.screen import plain

_MOST: Final = 5
"""Of those who are hit: the JSON has them all."""


def wanted_by(verdict: TagVerdict) -> tuple[str, ...]:
    """Say who names this tag, or pins this digest, one text each."""
    return tuple(map(user_words, users_of(verdict.uses)))


def user_words(user: User) -> str:
    """Say who uses an image, and how: where it runs, how much of it, when next."""
    if user.workload is None:
        return plain(user.name)
    platforms = ", ".join(map(platform_words, user.platforms))
    parts = (
        plain(user.name) + (f" on {platforms}" if platforms else ""),
        "" if user.reference_class is ReferenceClass.LIVE else str(user.reference_class),
        f"{user.running:,} running" if user.running else "",
        "" if user.next_run is None else f"next run {time_words(user.next_run)}",
    )
    return ", ".join(part for part in parts if part)


def needed_words(root: Root, required_by: ReferenceClass | None) -> tuple[str, ...]:
    """Say who needs something of a tag, where it is not what is highest of the tag's uses."""
    if required_by is None:
        return ("no required platform needs it",)
    return tuple(filter(None, (aside(root, required_by),)))


def impact_words(found: Impact) -> tuple[str, ...]:
    """Say whom the loss of a tag hits, one line each, and what must not be done now."""
    return tuple(_lines(found))


def _lines(found: Impact) -> Iterator[str]:
    for user in found.workloads[:_MOST]:
        yield f"affects {user_words(user)}"
    if len(found.workloads) > _MOST:
        yield f"affects {count_words(len(found.workloads) - _MOST, 'more workload')}"
    if found.running:
        running = count_words(found.running, "container")
        yield f"do not restart or reschedule: {running} running on layers cached on their nodes"
