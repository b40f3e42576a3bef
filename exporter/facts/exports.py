"""Exports of audits as Parquet: the release of each, and the capacity that they add up to."""

from dataclasses import dataclass

from exporter.facts.shard import Shard

SCHEMA = 1
"""Rises with every change of a table that a reader would notice."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of a table."""

    table: str
    path: str
    """Below the root of all facts."""
    rows: int
    size: int
    """Bytes."""
    sha256: str
    """The hash of the whole file, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class ReleaseName:
    """The parts of a release's path."""

    registry: str
    shard: int
    shards: int
    audit: str
    path: str


@dataclass(frozen=True, slots=True)
class Release:
    """The file that is written last: without it, an export is incomplete and must not be read."""

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
    files: tuple[ExportedFile, ...]
    gaps: tuple[str, ...]
    """Gaps of the registry or of a repository, in words."""
    proxy: bool = False
    """Is it a pull-through cache, which is partial by design?"""
    storage: bool = False
    """Does it hold what the registry's storage holds, all shards' repositories included?"""
    blobs_before: int = 0
    """Blobs of a storage written later may belong to a push; nanoseconds since the epoch."""
    uploads_before: int = 0
    """Uploads of a storage written to later are not left over."""

    @property
    def part(self) -> Shard:
        """The shard that wrote it."""
        return Shard(self.shard, self.shards)

    def of(self, table: str) -> tuple[ExportedFile, ...]:
        """Return the files of one table."""
        return tuple(file for file in self.files if file.table == table)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The result of a complete export."""

    release: str
    """Where its release is."""
    untidy: str = ""
    """Why what is old could not be removed; empty where it was."""


@dataclass(frozen=True, slots=True)
class TagUsage:
    """Over the API: what tags in scope reference."""

    repositories: int
    unsealed_repositories: int
    """Repositories without a complete list of tags: protection is unknown there."""
    tags: int
    referenced_bytes: int
    """Bytes of present content, each digest once for the registry."""
    unprotected_children: int


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """In the storage: everything, in scope or not."""

    stored_bytes: int
    blobs: int
    referenced_bytes: int
    """Bytes of blobs that a manifest references, tagged or not."""
    orphaned_blobs: int
    orphaned_bytes: int
    """Bytes of blobs that no manifest references."""
    orphaned_manifests: int
    untagged_bytes: int
    """Bytes of blobs that only untagged manifests reference."""
    stale_upload_bytes: int
    exclusive: tuple[tuple[str, int], ...]
    """By repository, most first: bytes that no other repository references."""

    @property
    def reclaimable_bytes(self) -> int:
        """Everything that nothing needs and that is past its grace time, each byte once."""
        return self.orphaned_bytes + self.untagged_bytes + self.stale_upload_bytes


@dataclass(frozen=True, slots=True)
class Capacity:
    """One registry."""

    registry: str
    shards: int
    taken_at: float
    """Start of the oldest audit among the shards: seconds since the epoch."""
    seen: TagUsage
    stored: StorageUsage | None
    """None where no shard reads the storage."""
    incomplete: tuple[str, ...] = ()
    """Why what was seen is not all: a source of references that a shard could not read. Which tags
    are in scope depends on it, and nothing of what is stored does."""


@dataclass(frozen=True, slots=True)
class NoCapacity:
    """No answer may be given for a registry, and why."""

    registry: str
    reasons: tuple[str, ...]
    proxy: bool = False
    """Is it left out as a pull-through cache? Then nothing of the answer is missing."""
