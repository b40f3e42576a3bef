"""Causes: the content that is missing, short or corrupt, and the tags that it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from exporter.judge.report import BrokenTag, Cause, Lack, TagVerdict
from exporter.oci.digest import Digest


def causes(verdicts: Iterable[TagVerdict]) -> tuple[Cause, ...]:
    """Return everything that is proven to be wrong, in the order of the tags that it breaks."""
    lacks: dict[tuple[Digest, str], Lack] = {}
    breaks: dict[tuple[Digest, str], list[BrokenTag]] = {}
    for verdict in verdicts:
        for key, (lack, broken) in _broken_by(verdict).items():
            lacks.setdefault(key, lack)
            breaks.setdefault(key, []).append(broken)
    return tuple(Cause(lack, tuple(breaks[key])) for key, lack in lacks.items())


def _broken_by(verdict: TagVerdict) -> dict[tuple[Digest, str], tuple[Lack, BrokenTag]]:
    found: dict[tuple[Digest, str], tuple[Lack, BrokenTag]] = {}
    for child in verdict.children:
        for lack in child.lacks:
            if not lack.lost:
                continue
            # One layer may be wrong for two images, each in its own way.
            key = lack.digest, lack.detail if lack.misfit else ""
            _, before = found.get(key, (lack, BrokenTag(verdict, (), required=False)))
            platforms = (*before.platforms, *((child.platform,) if child.platform else ()))
            required = before.required or child.required
            found[key] = lack, replace(before, platforms=platforms, required=required)
    return found
