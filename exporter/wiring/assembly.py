"""Everything that the settings name, opened together and closed together."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from exporter.config.registry import RegistrySettings, ScrubSettings, Source
from exporter.config.settings import Settings
from exporter.config.storage import StorageSettings
from exporter.facts.holdings import Grace
from exporter.facts.registry_kind import Collector
from exporter.facts.shard import WHOLE, Shard
from exporter.memory import Outlines, Proofs
from exporter.oci.reference import repository
from exporter.ports import Bytes, OpenRegistry, Registry
from exporter.resolve.scope import AuditScope, Promotion
from exporter.resolve.target import (
    DAY,
    AttachmentScope,
    AuditLimits,
    FullReads,
    Scrub,
    Target,
    Terms,
)
from exporter.resolve.unpacking import Unpacker
from exporter.serve.audit_job import Watched
from exporter.serve.loop_thread import LoopThread
from exporter.store.ledger import Ledger
from exporter.tally import EventTally, LoopTally, ScrubTally
from exporter.wiring.references import ReferenceSources, configured
from exporter.wiring.registries import opened, parted, parts
from exporter.wiring.registry_storage import RegistryStorage


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

    With `loops`, each registry has a loop of its own, whose stalls are timed there. On leaving,
    all of it is closed.
    """
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger(settings.ledger, time.time))
        references = ReferenceSources(configured(settings, environ), ledger)
        watched = []
        for registry in (parted(each, shard) for each in settings.registries):
            home = LoopThread()
            if loops is not None:
                await stack.enter_async_context(home.running(loops))
            connection = opened(registry, environ)
            stack.push_async_callback(home.call, connection.aclose)
            audited = target(settings, registry, connection, ledger, shard)
            if registry.scrub is not None:
                source = _bytes(stack, registry, connection, home)
                audited = _scrubbed(audited, scrub(registry.scrub, source, ledger), registry)
            if any(each.pull_secrets for each in settings.clusters):
                check = connection.credential_check(references.pull_secrets)
                audited = replace(audited, credential_check=check)
            watched.append(
                Watched(
                    target=audited,
                    tally=connection.tally,
                    interval=(registry.interval or settings.interval).total_seconds(),
                    max_staleness=settings.oldest(registry.interval).total_seconds(),
                    home=home,
                    events=EventTally() if registry.events else None,
                )
            )
        yield Assembly(tuple(watched), references, ledger)


def _scrubbed(target: Target, scrub: Scrub, registry: RegistrySettings) -> Target:
    """Return a target whose content is read in full over time, and not again by its audits."""
    period = registry.verify.period
    reads = FullReads(
        scrub.proofs,
        period.total_seconds() if period else scrub.terms.period,
        registry.verify.bytes_per_audit,
        shared=scrub.source.shared,
    )
    return replace(target, scrub=scrub, full_reads=reads)


def _bytes(
    stack: AsyncExitStack, registry: RegistrySettings, connection: OpenRegistry, home: LoopThread
) -> Bytes:
    """Return where content is read in full: the storage, or the registry over another connection.

    Else a blob that takes an hour would take an audit's place for an hour.
    """
    settings = registry.scrub
    if settings and settings.read_from is Source.STORAGE and registry.storage:
        return storage(registry.storage)
    alone = connection.beside()
    stack.push_async_callback(home.call, alone.aclose)
    return alone


def target(
    settings: Settings,
    registry: RegistrySettings,
    connection: Registry,
    ledger: Ledger,
    shard: Shard = WHOLE,
) -> Target:
    """Return the target of the audits of one registry.

    Of several shards only the first reads the whole storage.
    """
    return Target(
        registry=connection,
        memory=ledger,
        hosts=registry.hosts,
        address=registry.url,
        scope=replace(scope(settings, registry), shard=shard),
        limits=AuditLimits(
            width=registry.concurrency,
            confirm_after=settings.confirm_after.total_seconds(),
            deadline=settings.audit_deadline.total_seconds(),
            tags=registry.tags.total,
            entries=registry.manifest_entries,
        ),
        role=registry.role,
        platforms=frozenset(registry.platforms),
        parts=parts(registry),
        periods=registry.verify.periods,
        attachments=AttachmentScope(require=registry.referrers.require)
        if registry.referrers
        else None,
        collector=registry.collector or Collector.UNKNOWN,
        storage=_storage(registry.storage, ledger, shard) if registry.storage else None,
        asked_within=(registry.verify.period or timedelta(seconds=DAY)).total_seconds(),
        grace=grace(registry.storage) if registry.storage else Grace(),
        full_reads=FullReads(
            ledger,
            (registry.verify.period or timedelta(seconds=DAY)).total_seconds(),
            registry.verify.bytes_per_audit,
        ),
    )


def scope(settings: Settings, registry: RegistrySettings) -> AuditScope:
    """Return the scope of the audits of one registry."""
    repositories, tags = registry.repositories, registry.tags
    return AuditScope(
        catalogue=repositories.catalog,
        namespaces=repositories.namespaces,
        listed=tuple(map(repository, repositories.listed)),
        only=repositories.only or ("*",),
        leave_out=repositories.leave_out,
        latest=tags.latest,
        select=tags.select,
        leave_out_tags=tags.leave_out,
        promotions=tuple(_promotions(settings, registry)),
        require=frozenset(registry.require),
    )


def _promotions(settings: Settings, registry: RegistrySettings) -> Iterator[Promotion]:
    """The patterns in the configuration that promote this registry's tags."""
    for wanted in settings.references:
        for each in wanted.images:
            if each.registry in registry.hosts:
                platforms = frozenset(wanted.platforms)
                yield Promotion(each.repository, each.tag, wanted.reference_class, platforms)


def _storage(settings: StorageSettings, ledger: Ledger, shard: Shard) -> RegistryStorage | None:
    """Return the storage that a shard reads: the first one all of it, and reports its use.

    A bucket can only be listed as a whole, so the others leave it out.
    """
    whole = storage(settings, ledger)
    if shard.first:
        return whole
    return replace(whole, shard=shard) if settings.path else None


def storage(settings: StorageSettings, outlines: Outlines | None = None) -> RegistryStorage:
    """Return a registry's storage, unread, with what is known of its manifests."""
    options, plain_http = settings.options, settings.plain_http
    lists = settings.inventory or ""
    return RegistryStorage(settings.location, options, plain_http, outlines, lists)


def scrub(settings: ScrubSettings, source: Bytes, proofs: Proofs) -> Scrub:
    """Return how a registry's content is read in full. Raises `Unseen` without its unpacker."""
    terms = Terms(
        settings.period.total_seconds(), settings.bytes_per_day, settings.bytes_per_second
    )
    tally = ScrubTally(terms.period)

    def counted(size: int) -> None:
        tally.unpacked += size

    unpacker = Unpacker(settings.uncompressed_limit, counted) if settings.uncompressed else None
    return Scrub(source, proofs, terms, tally, unpacker)


def grace(settings: StorageSettings) -> Grace:
    """Return how old something must be to count as left over."""
    return Grace(settings.grace.total_seconds(), settings.stale_uploads.total_seconds())
