"""Look once at everything that was asked for, and return where each registry stands."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from exporter.audit import examine
from exporter.commands.progress import showing
from exporter.facts.proof import Proof
from exporter.facts.shard import WHOLE
from exporter.resolve.scope import Scope
from exporter.wiring.assembly import assembled

if TYPE_CHECKING:
    import argparse

    from exporter.audit import Audited
    from exporter.commands.settings import Typed
    from exporter.commands.subjects import Subjects
    from exporter.facts.shard import Shard
    from exporter.judge.report import Report
    from exporter.resolve.target import Target
    from exporter.wiring.assembly import Assembly


async def look(words: argparse.Namespace, subjects: Subjects, typed: Typed) -> list[Report]:
    """Audit every registry that was asked for, side by side."""
    return [audited.report for _, audited in await examined(words, subjects, typed, WHOLE)]


async def examined(
    words: argparse.Namespace, subjects: Subjects, typed: Typed, shard: Shard
) -> list[tuple[Target, Audited]]:
    """Audit what was asked for, or this shard of it, and return what it was found in as well."""
    async with (
        assembled(typed.settings, typed.environ, shard) as assembly,
        showing(partial(_answered, assembly)),
    ):
        wanted = await assembly.references()
        uses = subjects.with_uses(wanted.uses)
        targets = [aimed(words, subjects, watched.target) for watched in assembly.watched]
        now = time.time()
        found = await asyncio.gather(*(examine(target, uses, None, now) for target in targets))
        return list(zip(targets, found, strict=True))


def aimed(words: argparse.Namespace, subjects: Subjects, target: Target) -> Target:
    """Narrow or widen a target to what was typed: images, a whole registry, or as configured."""
    method = target.method
    if words.head_only:
        method = replace(method, proof=Proof.HEAD)
    scope = target.scope
    if subjects.registries & target.hosts:
        tags = tuple(words.tags or ("*",))
        scope = replace(
            scope, catalogue=True, select=tags, leave_out_tags=tuple(words.exclude_tags)
        )
    elif subjects.hosts and subjects.beside:
        scope = replace(
            scope, catalogue=False, listed=(), select=subjects.beside, leave_out_tags=()
        )
    elif subjects.hosts:
        scope = Scope(catalogue=False, latest=(), require=scope.require)
    return replace(target, scope=scope, method=method)


def _answered(assembly: Assembly) -> str:
    asked = sum(sum(each.tally.requests.values()) for each in assembly.watched)
    return f"{asked:,} requests answered"
