"""What do the settings amount to? Opened together, and closed together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from exporter.config.registry import RegistrySettings
from exporter.config.scrub import Source
from exporter.config.settings import Settings
from exporter.facts.shard import WHOLE, Shard
from exporter.ports import Bytes
from exporter.serve.loop_thread import LoopThread
from exporter.serve.rounds import Watched
from exporter.sources.registry.credential_check import CredentialCheck
from exporter.sources.registry.distribution import Distribution
from exporter.store.ledger import Ledger
from exporter.tally import LoopTally
from exporter.wiring.logins import logins
from exporter.wiring.parts import parted
from exporter.wiring.references import ReferenceSources, configured
from exporter.wiring.targets import HUB_API, limits, scrub, storage, target, trust

Opened = TypeVar("Opened", bound=Distribution)


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
            opened = opened_as(Distribution, registry, environ)
            stack.push_async_callback(home.call, opened.aclose)
            asked = target(settings, registry, opened, ledger, shard)
            if registry.scrub is not None:
                source = _bytes(stack, registry, environ, opened, home)
                asked = replace(asked, scrub=scrub(registry.scrub, source, ledger))
            if any(each.pull_secrets for each in settings.clusters):
                asked = replace(
                    asked, credential_check=CredentialCheck(opened, references.pull_secrets)
                )
            watched.append(
                Watched(
                    target=asked,
                    tally=opened.tally,
                    interval=(registry.interval or settings.interval).total_seconds(),
                    max_staleness=settings.max_staleness.total_seconds(),
                    home=home,
                )
            )
        yield Assembly(tuple(watched), references, ledger)


def _bytes(
    stack: AsyncExitStack,
    registry: RegistrySettings,
    environ: Mapping[str, str],
    opened: Distribution,
    home: LoopThread,
) -> Bytes:
    """Return where content is read whole: one thing at a time, over a line that only this uses.

    Else a blob that takes an hour would take an audit's place for an hour.
    """
    settings = registry.scrub
    if settings and settings.read_from is Source.STORAGE and registry.storage:
        return storage(registry.storage)
    alone = registry.model_copy(update={"concurrency": 1})
    line = opened_as(Distribution, alone, environ, opened)
    stack.push_async_callback(home.call, line.aclose)
    return line


def opened_as(
    kind: type[Opened],
    registry: RegistrySettings,
    environ: Mapping[str, str],
    beside: Distribution | None = None,
) -> Opened:
    """Return one registry, ready to be asked as its settings say.

    `beside` is the same one over other connections: its counts go on, and it limits both.
    """
    return kind.open(
        registry.label,
        registry.url.replace("//docker.io", f"//{HUB_API}"),
        credentials=logins(registry, environ),
        tls=trust(registry),
        limits=limits(registry),
        environ=environ,
        beside=beside,
    )
