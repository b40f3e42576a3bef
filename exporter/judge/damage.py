"""Which content is corrupt or wrong, and which tags and uses does it stop?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.facts.snapshot import Root
from exporter.judge.report import Lack, Report
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform

if TYPE_CHECKING:
    _Key = tuple[Digest, str]


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
    """One corrupt blob or manifest, or one layer that is not what an image says."""

    lack: Lack
    stops: tuple[Stop, ...]
    """Live first."""


def damages(report: Report) -> tuple[Damage, ...]:
    """Return everything that is corrupt or wrong, in the order of the tags that it stops."""
    found: dict[_Key, Damage] = {}
    for verdict in report.verdicts:
        owners = tuple(use.owner for use in verdict.uses)
        stopped: dict[_Key, Stop] = {}
        for child in verdict.children:
            for lack in (each for each in child.lacks if each.corrupt or each.misfit):
                named = _stop(verdict.root, owners)
                before = stopped.get(_key(lack), named)
                platforms = (*before.platforms, *((child.platform,) if child.platform else ()))
                needed = before.required or child.required
                stopped[_key(lack)] = replace(before, platforms=platforms, required=needed)
                found.setdefault(_key(lack), Damage(lack, ()))
        for key, stop in stopped.items():
            found[key] = replace(found[key], stops=(*found[key].stops, stop))
    return tuple(found.values())


def _key(lack: Lack) -> _Key:
    """One layer may be wrong for two images, each in its own way."""
    return lack.digest, lack.detail if lack.misfit else ""


def _stop(root: Root, owners: tuple[str, ...]) -> Stop:
    joint = ":" if root.tag else ""
    name = f"{root.repository}{joint}{root.name}"
    return Stop(name, root.reference_class, (), required=False, owners=owners)
