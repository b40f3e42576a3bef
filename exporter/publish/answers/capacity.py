"""Storage use: the answer of `capacity` on a whole registry, and the storage on the pages."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from exporter.facts.exports import Capacity, NoCapacity, StorageUsage, TagUsage
from exporter.facts.registry_kind import Collector
from exporter.facts.use import ReferenceClass
from exporter.judge.storage_use import CollectorForecast, StorageUse
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    Bytes,
    Count,
    Moment,
    Name,
    about,
)
from exporter.publish.blocks import (
    Block,
    Cell,
    List,
    Table,
    TableColumn,
    Text,
    Tone,
    heading,
    line,
    listed,
)
from exporter.publish.formatting import count_words, moment, size_words, time_words

_MOST: Final = 20
"""Repositories, or faults of a storage, that a person is shown."""
_URGENT: Final = frozenset({ReferenceClass.LIVE, ReferenceClass.IDLE})


class SeenEntry(Struct, frozen=True):
    """Content that tags in scope need, from the registry's API."""

    repositories: Count
    unsealed_repositories: Annotated[
        Count, about("Not all tags of them could be listed: no word on protection.")
    ]
    tags: Count
    referenced_bytes: Annotated[Bytes, about("Present; each digest once.")]
    unprotected_children: Count


class StoredEntry(Struct, frozen=True):
    """The whole storage, in scope or not."""

    stored_bytes: Bytes
    blobs: Count
    referenced_bytes: Annotated[Bytes, about("Blobs that a manifest references.")]
    orphaned_blobs: Annotated[Count, about("No manifest references them.")]
    orphaned_bytes: Bytes
    orphaned_manifests: Annotated[Count, about("No tag references them.")]
    untagged_bytes: Annotated[Bytes, about("Only untagged manifests reference them.")]
    stale_upload_bytes: Bytes
    reclaimable_bytes: Annotated[Bytes, about("Each byte once.")]
    exclusive: Annotated[
        dict[str, int], about("By repository: bytes that no other repository references.")
    ]


class CapacityEntry(Struct, frozen=True):
    """One registry: its capacity, or why it is untold."""

    registry: Name
    untold: Annotated[tuple[str, ...], about("Why there is no answer; then all else is null.")] = ()
    proxy: Annotated[bool, about("Whether it is left out as a pull-through cache.")] = False
    shards: Count | None = None
    taken_at: Annotated[Moment | None, about("Start of the oldest audit among the shards.")] = None
    seen: Annotated[SeenEntry | None, about("null if incomplete.")] = None
    seen_in_part: Annotated[SeenEntry | None, about("In place of `seen`, if incomplete.")] = None
    incomplete: Annotated[tuple[str, ...], about("Why `seen` is incomplete.")] = ()
    stored: Annotated[StoredEntry | None, about("null if no shard reads the storage.")] = None


class CapacityDocument(AnswerDocument, frozen=True):
    """Storage use of whole registries."""

    registries: tuple[CapacityEntry, ...]


def document(answers: Iterable[Capacity | NoCapacity], generated: float) -> CapacityDocument:
    """Return the answers for a program; `generated` is in seconds since the epoch."""
    return CapacityDocument(VERSION, moment(generated), tuple(map(_entry, answers)))


def _entry(each: Capacity | NoCapacity) -> CapacityEntry:
    if isinstance(each, NoCapacity):
        return CapacityEntry(each.registry, each.reasons, proxy=each.proxy)
    seen = msgspec.convert(each.seen, SeenEntry, from_attributes=True)
    stored = each.stored and {
        **msgspec.to_builtins(each.stored),
        "reclaimable_bytes": each.stored.reclaimable_bytes,
        "exclusive": dict(each.stored.exclusive),
    }
    return CapacityEntry(
        registry=each.registry,
        shards=each.shards,
        taken_at=moment(each.taken_at),
        # A part has another name: it is never taken for all by who does not look for more.
        seen=None if each.incomplete else seen,
        seen_in_part=seen if each.incomplete else None,
        incomplete=each.incomplete,
        stored=msgspec.convert(stored, StoredEntry | None),
    )


def blocks(answers: Iterable[Capacity | NoCapacity]) -> Iterator[Block]:
    """Return the answers for a person."""
    for each in answers:
        if isinstance(each, NoCapacity) and each.proxy:
            yield line(f"{each.registry}: {'; '.join(each.reasons)}")
            continue
        if isinstance(each, NoCapacity):
            yield heading(f"{each.registry}: inconclusive")
            yield List(listed(each.reasons))
            continue
        parts = "" if each.shards == 1 else f" by {each.shards} shards"
        yield heading(f"{each.registry}: exported{parts} since {time_words(each.taken_at)}")
        partial = "partial: " if each.incomplete else ""
        incomplete = (f"incomplete: {reason}" for reason in each.incomplete)
        seen = (f"{partial}{said}" for said in _seen(each.seen))
        yield List(listed((*incomplete, *seen)))
        if each.stored is None:
            yield line("No shard reads the storage: unreferenced data is unknown.")
        else:
            yield from _stored(each.stored)


def _seen(seen: TagUsage) -> Iterator[str]:
    tags = count_words(seen.tags, "tag")
    where = count_words(seen.repositories, "repository")
    yield f"{size_words(seen.referenced_bytes)} present, needed by {tags} in scope in {where}"
    children = count_words(seen.unprotected_children, "manifest") + " at risk"
    unsealed = count_words(seen.unsealed_repositories, "repository")
    yield children + (f", {unsealed} not counted" if seen.unsealed_repositories else "")


def _stored(stored: StorageUsage) -> Iterator[Block]:
    orphans = count_words(stored.orphaned_manifests, "manifest")
    rows = (
        ("stored", stored.stored_bytes, count_words(stored.blobs, "blob")),
        ("referenced", stored.referenced_bytes, "by a manifest"),
        ("reclaimable", stored.reclaimable_bytes, "in total"),
        ("orphaned", stored.orphaned_bytes, count_words(stored.orphaned_blobs, "blob")),
        ("untagged", stored.untagged_bytes, f"{orphans} without a tag"),
        ("uploads", stored.stale_upload_bytes, "unfinished"),
    )
    yield Table(
        (TableColumn("Storage"), TableColumn("Size", right=True), TableColumn("Of")),
        tuple((name, size_words(size), more) for name, size, more in rows),
    )
    yield Table(
        (TableColumn("Exclusive to repository"), TableColumn("Size", right=True)),
        tuple((repository, size_words(size)) for repository, size in stored.exclusive[:_MOST]),
    )
    if len(stored.exclusive) > _MOST:
        yield line(f"and {len(stored.exclusive) - _MOST} more: --output json has all of them")


def storage_blocks(storage: StorageUse, collector: Collector) -> Iterator[Block]:
    """Return the storage use of one registry, and its predicted garbage collections."""
    reclaimable = storage.reclaimable
    young = storage.stored_bytes - storage.referenced_bytes - reclaimable.orphaned
    parts = (
        ("needed by tags", storage.referenced_bytes - reclaimable.untagged),
        ("untagged", reclaimable.untagged),
        ("unreferenced", reclaimable.orphaned),
        ("stale uploads", reclaimable.stale_uploads),
        ("unreferenced, within the grace period", max(0, young)),
    )
    free = reclaimable.untagged + reclaimable.orphaned + reclaimable.stale_uploads
    total = size_words(sum(size for _, size in parts))
    yield line(f"{total} stored, {size_words(free)} reclaimable")
    rows = tuple(
        (name, size_words(size)) for at, (name, size) in enumerate(parts) if size or not at
    )
    yield Table((TableColumn("Storage"), TableColumn("Size", right=True)), rows)
    if storage.predictions:
        # The site's own collector first.
        ordered = sorted(storage.predictions, key=lambda each: each.dialect != collector)
        yield Table(
            (
                TableColumn("Garbage collection"),
                TableColumn("Result"),
                TableColumn("Frees", right=True),
            ),
            tuple(
                (_forecast(each, collector), _result(each), size_words(each.reclaimable_bytes))
                for each in ordered
            ),
        )
    if storage.preconditions:
        yield line(f"{count_words(len(storage.preconditions), 'fault')} in the storage")
        faults = (
            f"{each.repository or 'storage'}: {each.detail}" for each in storage.preconditions
        )
        yield List(listed(faults, _MOST))


def _forecast(forecast: CollectorForecast, collector: Collector) -> Text:
    own = (" ", Cell("this registry")) if forecast.dialect == collector else ()
    return f"{forecast.dialect}, {forecast.mode}", *own


def _result(forecast: CollectorForecast) -> Text:
    """Return victims by class, and why it aborts: it may have removed some by then."""
    cells = [
        Cell(
            f"breaks {count_words(count, f'{each} manifest')}",
            Tone.BAD if each in _URGENT else Tone.UNSURE,
        )
        for each in ReferenceClass
        if (count := forecast.victims.get(each, 0))
    ]
    if forecast.abort:
        cells.insert(0, Cell("aborts", Tone.UNSURE))
    shown = cells or [Cell("breaks nothing", Tone.GOOD)]
    return *(span for each in shown for span in (each, " ")), forecast.abort
