"""Storage use and predicted garbage collections, as part of the report's document."""

from typing import Annotated

from msgspec import Meta, Struct

from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.preconditions import Effect, PreconditionCode
from exporter.judge.storage_use import CollectorForecast, StorageUse
from exporter.publish.answers.document import Bytes, Count, about


class ReclaimableEntry(Struct, frozen=True):
    """Reclaimable bytes by reason, each byte once."""

    untagged: Annotated[Bytes, about("Only untagged manifests reference them.")]
    orphaned_blob: Annotated[Bytes, about("No manifest references them.")]
    stale_upload: Annotated[Bytes, about("Of unfinished uploads.")]


class VictimsEntry(Struct, frozen=True):
    """Manifests of tags and pinned digests that a garbage collection would break, by class."""

    live: Count
    idle: Count
    rollback: Count
    latest: Count
    selected: Count


class PredictionEntry(Struct, frozen=True):
    """The predicted garbage collection of one dialect in one mode."""

    dialect: Annotated[str, Meta(min_length=1)]
    mode: Mode
    victims: VictimsEntry
    reclaimable_bytes: Bytes
    abort: Annotated[str | None, about("Why it would abort; null: it would not.")]


class PreconditionEntry(Struct, frozen=True):
    """One fault in the storage for the registry's own collector."""

    code: PreconditionCode
    repository: Annotated[str | None, about("null for the whole storage.")]
    effect: Effect
    detail: str


class ShareEntry(Struct, frozen=True):
    """Storage use of one repository."""

    repository: str
    logical_bytes: Annotated[Bytes, about("Content that its manifests reference.")]
    exclusive_bytes: Annotated[Bytes, about("Content that no other repository references.")]


class SoleProtectorEntry(Struct, frozen=True):
    """One tag that is the only one to name children of other tags directly."""

    repository: str
    tag: str
    children: Count


class StorageUseEntry(Struct, frozen=True):
    """Storage use of a registry, and its predicted garbage collections."""

    stored_bytes: Annotated[Bytes, about("All blobs, each once.")]
    referenced_bytes: Annotated[Bytes, about("Blobs that a manifest references.")]
    reclaimable_bytes: ReclaimableEntry
    orphaned_blobs: Count
    orphaned_manifests: Annotated[Count, about("No tag references them.")]
    repositories: tuple[ShareEntry, ...]
    sole_protectors: tuple[SoleProtectorEntry, ...]
    predictions: tuple[PredictionEntry, ...]
    preconditions: tuple[PreconditionEntry, ...]


def storage_entry(storage: StorageUse) -> StorageUseEntry:
    """Return the storage use of a registry."""
    reclaimable = storage.reclaimable
    return StorageUseEntry(
        stored_bytes=storage.stored_bytes,
        referenced_bytes=storage.referenced_bytes,
        reclaimable_bytes=ReclaimableEntry(
            reclaimable.untagged, reclaimable.orphaned, reclaimable.stale_uploads
        ),
        orphaned_blobs=storage.orphaned_blobs,
        orphaned_manifests=storage.orphaned_manifests,
        repositories=tuple(
            ShareEntry(each.repository, each.logical, each.exclusive) for each in storage.shares
        ),
        sole_protectors=tuple(
            SoleProtectorEntry(repository, tag, children)
            for (repository, tag), children in sorted(storage.sole_protectors.items())
        ),
        predictions=tuple(map(_forecast, storage.predictions)),
        preconditions=tuple(
            PreconditionEntry(each.code, each.repository or None, each.effect, each.detail)
            for each in storage.preconditions
        ),
    )


def _forecast(prediction: CollectorForecast) -> PredictionEntry:
    return PredictionEntry(
        dialect=prediction.dialect,
        mode=prediction.mode,
        victims=VictimsEntry(*(prediction.victims.get(each, 0) for each in ReferenceClass)),
        reclaimable_bytes=prediction.reclaimable_bytes,
        abort=prediction.abort or None,
    )
