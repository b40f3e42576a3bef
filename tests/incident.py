"""Which registry had the incident? A two-platform image, and what may become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests import worlds
from tests.fakes import NOW, Fake, audited, codes

if TYPE_CHECKING:
    from exporter.judge.report import Report

INDEX: Final = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
NEWER: Final = worlds.two_platforms("newer")
LATER: Final = NOW + 900
LOSS: Final = ("missing-child", "warning")


def stocked(made: worlds.Made = INDEX) -> Fake:
    """A registry with `v1`."""
    registry = Fake()
    registry.push(made, "v1")
    return registry


async def broken() -> tuple[Fake, Report]:
    """A registry whose `v1` has lost its arm64 child, and the report that says so."""
    registry = stocked()
    registry.sweep(ARM64.digest)
    return registry, await audited(registry)


def move(registry: Fake) -> None:
    """Somebody points `v1` at a newer image, and cleans up."""
    registry.push(NEWER, "v1")
    registry.sweep(ARM64.digest)


def losses(report: Report) -> list[tuple[str, str]]:
    """Every finding of something that is gone: its rule and severity."""
    return [each for each in codes(report) if each[0] != "unprotected-child"]
