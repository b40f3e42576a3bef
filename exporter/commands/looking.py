"""Look once at everything that was asked for, and return where each registry stands."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from exporter.audit import Audited, examine
from exporter.commands import Refused
from exporter.commands.progress import showing
from exporter.commands.settings import Typed
from exporter.commands.subjects import Subjects
from exporter.facts.proof import Proof
from exporter.facts.shard import WHOLE, Shard
from exporter.judge.report import Report
from exporter.ports import Unseen
from exporter.resolve.scope import Scope
from exporter.resolve.target import Target
from exporter.wiring.assembly import Assembly, assembled

_USE: Final = os.R_OK | os.W_OK


async def look(args: argparse.Namespace, subjects: Subjects, typed: Typed) -> list[Report]:
    """Audit every registry that was asked for, side by side."""
    return [audited.report for _, audited in await examined(args, subjects, typed, WHOLE)]


async def examined(
    args: argparse.Namespace, subjects: Subjects, typed: Typed, shard: Shard
) -> list[tuple[Target, Audited]]:
    """Audit what was asked for, or this shard of it, and return what it was found in as well."""
    async with (
        opened(_borrowing(typed), shard) as assembly,
        showing(partial(_answered, assembly)),
    ):
        wanted = await assembly.references()
        uses = subjects.with_uses(wanted.uses)
        targets = [aimed(args, subjects, watched.target) for watched in assembly.watched]
        now = time.time()
        found = await asyncio.gather(*(examine(target, uses, None, now) for target in targets))
        return list(zip(targets, found, strict=True))


@asynccontextmanager
async def opened(typed: Typed, shard: Shard = WHOLE) -> AsyncIterator[Assembly]:
    """Open what the settings name; raises `Refused` where a file of theirs cannot be used."""
    async with AsyncExitStack() as stack:
        try:
            assembly = await stack.enter_async_context(
                assembled(typed.settings, typed.environ, shard)
            )
        except Unseen as unseen:
            raise Refused(f"{unseen.subject}: {unseen.detail or unseen.reason}") from unseen
        yield assembly


def _borrowing(typed: Typed) -> Typed:
    """Use the exporter's ledger where that is there and ours to use, and never make it.

    Made by whoever asks once, it would be a file that the exporter's own user may not write.
    """
    ledger = typed.settings.ledger
    if ledger is None or (os.access(ledger, _USE) and os.access(ledger.parent, _USE)):
        return typed
    return replace(typed, settings=typed.settings.model_copy(update={"ledger": None}))


def aimed(args: argparse.Namespace, subjects: Subjects, target: Target) -> Target:
    """Narrow or widen a target to what was typed: images, a whole registry, or as configured."""
    method = target.method
    if args.head_only:
        method = replace(method, proof=Proof.HEAD)
    scope = target.scope
    if subjects.registries & target.hosts:
        tags = tuple(args.tags or ("*",))
        scope = replace(scope, catalogue=True, select=tags, leave_out_tags=tuple(args.exclude_tags))
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
