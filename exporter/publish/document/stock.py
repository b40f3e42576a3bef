"""What does the report say, as JSON, of a storage and of its next collections?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.preconditions import Code, Effect

if TYPE_CHECKING:
    from exporter.judge.stock import Prediction, Stock

Bytes = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class ReclaimableEntry(Struct, frozen=True):
    """Bytes that nothing needs, by reason; each byte once."""

    untagged: Annotated[Bytes, Meta(description="Only untagged manifests lead to them.")]
    orphaned_blob: Annotated[Bytes, Meta(description="No manifest leads to them.")]
    stale_upload: Annotated[Bytes, Meta(description="Of uploads that nobody goes on with.")]


class VictimsEntry(Struct, frozen=True):
    """Manifests at or below tags and pinned digests that a collection would break, by class."""

    live: Count
    idle: Count
    rollback: Count
    latest: Count
    selected: Count


class PredictionEntry(Struct, frozen=True):
    """What one collector would do in one mode, if it were run when the storage was read."""

    dialect: Annotated[str, Meta(min_length=1)]
    mode: Mode
    victims: VictimsEntry
    reclaimable_bytes: Bytes
    abort: Annotated[str | None, Meta(description="Why it would give up; null: it would not.")]


class PreconditionEntry(Struct, frozen=True):
    """One thing that the registry's own collector would stumble over."""

    code: Code
    repository: Annotated[str | None, Meta(description="null: the storage as a whole.")]
    effect: Effect
    detail: str


class ShareEntry(Struct, frozen=True):
    """What one repository holds."""

    repository: str
    logical_bytes: Annotated[Bytes, Meta(description="Of all that its manifests lead to.")]
    exclusive_bytes: Annotated[Bytes, Meta(description="Of what no other repository needs.")]


class SoleProtectorEntry(Struct, frozen=True):
    """One tag that alone points straight at children which another tag needs."""

    repository: str
    tag: str
    children: Count


class StockEntry(Struct, frozen=True):
    """What a registry's storage holds, and what each collection would make of it."""

    stored_bytes: Annotated[Bytes, Meta(description="Of all blobs, each once.")]
    referenced_bytes: Annotated[Bytes, Meta(description="Of what some manifest leads to.")]
    reclaimable_bytes: ReclaimableEntry
    orphaned_blobs: Count
    orphaned_manifests: Annotated[Count, Meta(description="No tag leads to them.")]
    repositories: tuple[ShareEntry, ...]
    sole_protectors: tuple[SoleProtectorEntry, ...]
    predictions: tuple[PredictionEntry, ...]
    preconditions: tuple[PreconditionEntry, ...]


def stock_entry(stock: Stock) -> StockEntry:
    """Return what is said of a storage."""
    reclaimable = stock.reclaimable
    return StockEntry(
        stored_bytes=stock.stored_bytes,
        referenced_bytes=stock.referenced_bytes,
        reclaimable_bytes=ReclaimableEntry(
            reclaimable.untagged, reclaimable.orphaned, reclaimable.stale_uploads
        ),
        orphaned_blobs=stock.orphaned_blobs,
        orphaned_manifests=stock.orphaned_manifests,
        repositories=tuple(
            ShareEntry(each.repository, each.logical, each.exclusive) for each in stock.shares
        ),
        sole_protectors=tuple(
            SoleProtectorEntry(repository, tag, children)
            for (repository, tag), children in sorted(stock.sole_protectors.items())
        ),
        predictions=tuple(map(_prediction, stock.predictions)),
        preconditions=tuple(
            PreconditionEntry(each.code, each.repository or None, each.effect, each.detail)
            for each in stock.preconditions
        ),
    )


def _prediction(prediction: Prediction) -> PredictionEntry:
    return PredictionEntry(
        dialect=prediction.dialect,
        mode=prediction.mode,
        victims=VictimsEntry(*(prediction.victims.get(each, 0) for each in ReferenceClass)),
        reclaimable_bytes=prediction.reclaimable_bytes,
        abort=prediction.abort or None,
    )
