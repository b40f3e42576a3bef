"""Look once at everything that was asked for, and return where each registry stands."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exporter.audit import examine
from exporter.facts.proof import Proof
from exporter.facts.shard import WHOLE
from exporter.resolve.scope import Scope
from exporter.wiring.assembly import assembled

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from exporter.audit import Audited
    from exporter.commands.settings import Typed
    from exporter.commands.subjects import Subjects
    from exporter.facts.shard import Shard
    from exporter.judge.report import Report
    from exporter.resolve.target import Target
    from exporter.wiring.assembly import Assembly

_TICK: Final = 0.2


async def look(words: argparse.Namespace, subjects: Subjects, typed: Typed) -> list[Report]:
    """Audit every registry that was asked for, side by side."""
    return [audited.report for _, audited in await examined(words, subjects, typed, WHOLE)]


async def examined(
    words: argparse.Namespace, subjects: Subjects, typed: Typed, shard: Shard
) -> list[tuple[Target, Audited]]:
    """Audit what was asked for, or this shard of it, and return what it was found in as well."""
    async with assembled(typed.settings, typed.environ, shard) as assembly, _progress(assembly):
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


@asynccontextmanager
async def _progress(assembly: Assembly) -> AsyncIterator[None]:
    """Show on a terminal that something is happening, and how much."""
    if not sys.stderr.isatty():
        yield
        return
    ticking = asyncio.create_task(_tick(assembly))
    try:
        yield
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


async def _tick(assembly: Assembly) -> None:
    while True:
        asked = sum(sum(each.tally.requests.values()) for each in assembly.watched)
        sys.stderr.write(f"\r\x1b[K{asked:,} requests answered")
        sys.stderr.flush()
        await asyncio.sleep(_TICK)
