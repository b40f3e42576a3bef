"""Which bytes are corrupt, and which tags and uses do they stop?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.judge.report import Lack
from exporter.oci.platform import Platform

if TYPE_CHECKING:
    from exporter.facts.snapshot import Root
    from exporter.judge.report import Report
    from exporter.oci.digest import Digest


@dataclass(frozen=True, slots=True)
class Stop:
    """A tag that cannot be pulled for it."""

    name: str
    """`repository:tag`, or `repository@digest`."""
    reference_class: str
    platforms: tuple[Platform, ...]
    """On which; empty where no platform is known."""
    required: bool
    """Must one of them run it?"""
    owners: tuple[str, ...]
    """Who uses it."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One corrupt blob or manifest."""

    lack: Lack
    stops: tuple[Stop, ...]
    """Live first."""


def damages(report: Report) -> tuple[Damage, ...]:
    """Return everything that is corrupt, in the order of the tags that it stops."""
    found: dict[Digest, Damage] = {}
    for verdict in report.verdicts:
        owners = tuple(use.owner for use in verdict.uses)
        stopped: dict[Digest, Stop] = {}
        for child in verdict.children:
            for lack in (each for each in child.lacks if each.corrupt):
                named = _stop(verdict.root, owners)
                before = stopped.get(lack.digest, named)
                platforms = (*before.platforms, *((child.platform,) if child.platform else ()))
                needed = before.required or child.required
                stopped[lack.digest] = replace(before, platforms=platforms, required=needed)
                found.setdefault(lack.digest, Damage(lack, ()))
        for digest, stop in stopped.items():
            found[digest] = replace(found[digest], stops=(*found[digest].stops, stop))
    return tuple(found.values())


def _stop(root: Root, owners: tuple[str, ...]) -> Stop:
    joint = ":" if root.tag else ""
    name = f"{root.repository}{joint}{root.name}"
    return Stop(name, root.reference_class, (), required=False, owners=owners)
