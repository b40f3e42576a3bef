"""Targets of audits: what the settings of a registry want audited, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.holdings import Grace
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.snapshot import Collector
from exporter.oci.reference import repository
from exporter.ports import Bytes, Outlines, Proofs, Registry
from exporter.resolve.scope import Promotion, Scope
from exporter.resolve.target import AuditLimits, Scrub, Target, Terms
from exporter.resolve.unpacking import Unpacker
from exporter.tally import ScrubTally
from exporter.wiring.storage import RegistryStorage

if TYPE_CHECKING:
    from exporter.config.registry import RegistrySettings, ScrubSettings
    from exporter.config.settings import Settings
    from exporter.config.storage import StorageSettings
    from exporter.store.ledger import Ledger


def target(
    settings: Settings,
    registry: RegistrySettings,
    opened: Registry,
    ledger: Ledger,
    shard: Shard = WHOLE,
) -> Target:
    """Return everything that an audit of one registry is told.

    Of several shards only the first reads the storage, which has one truth for the whole registry.
    """
    return Target(
        registry=opened,
        memory=ledger,
        hosts=registry.hosts,
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
        collector=registry.collector or Collector.UNKNOWN,
        storage=storage(registry.storage, ledger) if registry.storage and shard.first else None,
        grace=grace(registry.storage) if registry.storage else Grace(),
    )


def scope(settings: Settings, registry: RegistrySettings) -> Scope:
    """Return what of a registry is looked at."""
    repositories, tags = registry.repositories, registry.tags
    return Scope(
        catalogue=repositories.catalog,
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
    """The patterns by which a file promotes this registry's tags."""
    for wanted in settings.references:
        for each in wanted.images:
            if each.registry in registry.hosts:
                platforms = frozenset(wanted.platforms)
                yield Promotion(each.repository, each.tag, wanted.reference_class, platforms)


def storage(settings: StorageSettings, outlines: Outlines | None = None) -> RegistryStorage:
    """Return a registry's storage, unread; of its manifests, what is known from before."""
    return RegistryStorage(
        location=settings.location,
        options=settings.options,
        plain_http=settings.plain_http,
        outlines=outlines,
    )


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
