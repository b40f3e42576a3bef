"""The queries of capacity, put to an engine in their order. The SQL is in the folder beside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Final, Protocol

from exporter.facts.exports import Capacity, NoCapacity, Release, StorageUsage, TagUsage

_FOLDER: Final = files(__name__.rpartition(".")[0]) / "sql"
_TABLES: Final = ("repositories", "tags", "manifests", "blobs", "gaps")
_STORED: Final = ("stored_tags", "stored_revisions", "stored_blobs", "stored_edges")
_DEEPEST: Final = 8
"""Indexes within indexes that are followed, as in an audit."""
_ENDS: Final = (-(1 << 63), (1 << 63) - 1)
"""The smallest and the largest number that a digest's first half can be."""
_MOST: Final = 10
_ASKED: Final = "SELECT CAST({} AS BIGINT) AS blobs_before, CAST({} AS BIGINT) AS uploads_before"

Row = Mapping[str, int | str | None]


class Engine(Protocol):
    """An engine that runs SQL. Every method raises `Unseen`."""

    slice: int | None
    """Blobs that are grouped at a time; None where the engine shares them out itself."""

    def table(self, name: str, paths: Sequence[str]) -> None:
        """Give the rows of some Parquet files a name."""
        ...

    def keep(self, name: str, query: str) -> None:
        """Give the answer to a query a name, and keep it."""
        ...

    def rows(self, query: str) -> Sequence[Row]:
        """Return the answer to a query; a small one."""
        ...


def question(name: str) -> str:
    """Return the SQL of that name."""
    return (_FOLDER / f"{name}.sql").read_text()


def answer(
    engine: Engine, shards: Sequence[Release], locate: Callable[[str], str]
) -> Capacity | NoCapacity:
    """Put the questions to an engine; `locate` says where it finds a file.

    The releases must be all shards' of one registry, whole and recent.
    """
    for name in (*_TABLES, *(("stored_uploads", *_STORED) if _storing(shards) else ())):
        parts = (file for release in shards for file in release.of(name))
        engine.table(name, [locate(file.path) for file in parts])
    registry = shards[0].registry
    reasons = tuple(_doubts(engine, shards))
    if reasons:
        return NoCapacity(registry, reasons)
    stored = _stored(engine, shards) if _storing(shards) else None
    if isinstance(stored, str):
        return NoCapacity(registry, (stored,))
    oldest = min(release.taken_at for release in shards)
    incomplete = tuple(_first(_unread(engine, len(shards)), "sources"))
    return Capacity(registry, len(shards), oldest, _seen(engine), stored, incomplete)


def _storing(shards: Iterable[Release]) -> Release | None:
    return next((release for release in shards if release.storage), None)


def _doubts(engine: Engine, shards: Sequence[Release]) -> Iterable[str]:
    """Say what was not seen, after all: tags, manifests, blobs, repositories."""
    for kind, count in _numbers(engine, "unseen").items():
        if count:
            yield f"{count} of the {kind} are unknown"
    if _storing(shards) and all(release.whole for release in shards):
        missing = [
            f"repository {row['repository']} is in the storage, but no shard audited it"
            for row in engine.rows(question("missing"))
        ]
        yield from _first(missing, "repositories")


def _unread(engine: Engine, count: int) -> Sequence[str]:
    """Say which sources of references were not read, and by which of so many shards."""
    blind: dict[str, list[str]] = {}
    for row in engine.rows(question("unread")):
        blind.setdefault(f"{row['subject']}: {row['reason']}", []).append(str(row["shard"]))
    return [
        f"shard{'s' if shards[1:] else ''} {', '.join(shards)} of {count} could not read {source}"
        for source, shards in blind.items()
    ]


def _first(lines: Sequence[str], kind: str) -> Iterable[str]:
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"and {len(lines) - _MOST} more {kind}"


def _seen(engine: Engine) -> TagUsage:
    return TagUsage(
        **_numbers(engine, "scope"), **_numbers(engine, "seen"), **_numbers(engine, "protection")
    )


def _stored(engine: Engine, shards: Iterable[Release]) -> StorageUsage | str | None:
    release = _storing(shards)
    if release is None:
        return None
    times = (release.blobs_before, release.uploads_before)
    engine.keep("asked", _ASKED.format(*times))
    for name in ("places", "links"):
        engine.keep(name, question(name))
    if not _walked(engine):
        return f"indexes are nested deeper than {_DEEPEST} within each other"
    _grouped(engine, sum(file.rows for file in release.of("stored_blobs")))
    exclusive = engine.rows(question("exclusive"))
    return StorageUsage(
        **_numbers(engine, "stored"),
        **_numbers(engine, "uploads"),
        exclusive=tuple((str(row["repository"]), int(row["bytes"] or 0)) for row in exclusive),
    )


def _walked(engine: Engine) -> bool:
    """Keep the manifests that some tag references as `tagged`; return whether all were reached."""
    engine.keep("depth_0", question("pointed"))
    below = question("below")
    for depth in range(1, _DEEPEST + 2):
        engine.keep(f"depth_{depth}", below.format(above=f"depth_{depth - 1}"))
        (found,) = engine.rows(f"SELECT COUNT(*) AS manifests FROM depth_{depth}")  # noqa: S608 - ours
        if not found["manifests"]:
            steps = (f"SELECT high, low FROM depth_{each}" for each in range(depth))  # noqa: S608 - ours
            engine.keep("tagged", " UNION ".join(steps))
            return True
    return False


def _grouped(engine: Engine, blobs: int) -> None:
    """Keep what is stored by owner as `owners`, one slice of all digests after the other."""
    slices = max(-(-blobs // engine.slice), 1) if engine.slice else 1
    first, last = _ENDS
    step = (last - first) // slices + 1
    owners = question("owners")
    for at in range(slices):
        begin = first + at * step
        query = owners.format(first=begin, last=min(begin + step - 1, last))
        engine.keep(f"owners_{at}", query)
    every = (f"SELECT * FROM owners_{at}" for at in range(slices))  # noqa: S608 - ours
    engine.keep("owners", " UNION ALL ".join(every))


def _numbers(engine: Engine, name: str) -> dict[str, int]:
    """Return the one row of an answer by its columns' names."""
    (row,) = engine.rows(question(name))
    return {column: int(value or 0) for column, value in row.items()}
