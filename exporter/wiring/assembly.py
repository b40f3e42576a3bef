"""Everything that the settings name, opened together and closed together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from exporter.config.registry import RegistrySettings, Source
from exporter.config.settings import Settings
from exporter.facts.shard import WHOLE, Shard
from exporter.ports import Bytes, OpenRegistry
from exporter.serve.audit_job import Watched
from exporter.serve.loop_thread import LoopThread
from exporter.store.ledger import Ledger
from exporter.tally import LoopTally
from exporter.wiring.references import ReferenceSources, configured
from exporter.wiring.registries import opened, parted
from exporter.wiring.targets import scrub, storage, target


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that was opened."""

    watched: tuple[Watched, ...]
    references: ReferenceSources
    ledger: Ledger


@asynccontextmanager
async def assembled(
    settings: Settings,
    environ: Mapping[str, str],
    shard: Shard = WHOLE,
    loops: LoopTally | None = None,
) -> AsyncIterator[Assembly]:
    """Open what the settings name, for one shard with its part of every registry's limits.

    With `loops`, each registry has a loop of its own, whose stalls are counted there. On leaving,
    all of it is closed.
    """
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger(settings.ledger, time.time))
        references = ReferenceSources(configured(settings, environ))
        watched = []
        for registry in (parted(each, shard) for each in settings.registries):
            home = LoopThread()
            if loops is not None:
                await stack.enter_async_context(home.running(loops))
            asked = opened(registry, environ)
            stack.push_async_callback(home.call, asked.aclose)
            aim = target(settings, registry, asked, ledger, shard)
            if registry.scrub is not None:
                source = _bytes(stack, registry, asked, home)
                aim = replace(aim, scrub=scrub(registry.scrub, source, ledger))
            if any(each.pull_secrets for each in settings.clusters):
                check = asked.credential_check(references.pull_secrets)
                aim = replace(aim, credential_check=check)
            watched.append(
                Watched(
                    target=aim,
                    tally=asked.tally,
                    interval=(registry.interval or settings.interval).total_seconds(),
                    max_staleness=settings.max_staleness.total_seconds(),
                    home=home,
                )
            )
        yield Assembly(tuple(watched), references, ledger)


def _bytes(
    stack: AsyncExitStack, registry: RegistrySettings, asked: OpenRegistry, home: LoopThread
) -> Bytes:
    """Return where content is read whole: the storage, or the registry over another connection.

    Else a blob that takes an hour would take an audit's place for an hour.
    """
    settings = registry.scrub
    if settings and settings.read_from is Source.STORAGE and registry.storage:
        return storage(registry.storage)
    alone = asked.beside()
    stack.push_async_callback(home.call, alone.aclose)
    return alone
