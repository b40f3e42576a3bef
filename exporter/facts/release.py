"""Which facts of one audit were written down, where, and of which part of the registry?"""

from __future__ import annotations

from dataclasses import dataclass

from exporter.facts.shard import Shard

SCHEMA = 1
"""Rises with every change of a table that a reader would notice."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a table."""

    table: str
    path: str
    """Below the root of all facts."""
    rows: int
    size: int
    """Bytes."""
    sha256: str
    """Of the whole file, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a release's path says of it."""

    registry: str
    shard: int
    shards: int
    audit: str
    path: str


@dataclass(frozen=True, slots=True)
class Release:
    """What is put last, once all files are there: without it nothing of an audit is to be read."""

    schema: int
    registry: str
    audit: str
    """Names the audit among those of its shard; names sort by time."""
    taken_at: float
    """Seconds since the epoch."""
    shard: int
    shards: int
    whole: bool
    """Was every repository of the catalogue in scope?"""
    files: tuple[File, ...]
    gaps: tuple[str, ...]
    """What could not be seen of the registry or of a repository, in words."""
    storage: bool = False
    """Does it hold what the registry's storage holds, all shards' repositories included?"""
    blobs_before: int = 0
    """Of a storage: what was written later may belong to a push; nanoseconds since the epoch."""
    uploads_before: int = 0
    """Of a storage: uploads that were written to later are not left over."""

    @property
    def part(self) -> Shard:
        """The shard that wrote it."""
        return Shard(self.shard, self.shards)

    def of(self, table: str) -> tuple[File, ...]:
        """Return the files of one table."""
        return tuple(file for file in self.files if file.table == table)


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of an export that can be read."""

    release: str
    """Where its release is."""
    untidy: str = ""
    """Why what is old could not be removed; empty where it was."""
