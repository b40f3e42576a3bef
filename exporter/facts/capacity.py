"""How much does a whole registry hold, and for what? The answer over the facts of all shards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """Over the API: what tags in scope lead to."""

    repositories: int
    unsealed_repositories: int
    """Whose tags are not all known: they say nothing of protection."""
    tags: int
    referenced_bytes: int
    """Of what is there, each digest once for the registry."""
    unprotected_children: int


@dataclass(frozen=True, slots=True)
class Stored:
    """In the storage: everything, in scope or not."""

    stored_bytes: int
    blobs: int
    referenced_bytes: int
    """Of blobs that some manifest leads to, tagged or not."""
    orphaned_blobs: int
    orphaned_bytes: int
    """Of blobs that no manifest leads to."""
    orphaned_manifests: int
    untagged_bytes: int
    """Of blobs that only untagged manifests lead to."""
    stale_upload_bytes: int
    exclusive: tuple[tuple[str, int], ...]
    """By repository, most first: bytes that no other repository leads to."""

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
    """Of the oldest audit among the shards: seconds since the epoch."""
    seen: Seen
    stored: Stored | None
    """None where no shard reads the storage."""
    incomplete: tuple[str, ...] = ()
    """Why what was seen is not all: a source of references that a shard could not read. Which tags
    are in scope depends on it, and nothing of what is stored does."""


@dataclass(frozen=True, slots=True)
class Untold:
    """No answer may be given for a registry, and why."""

    registry: str
    reasons: tuple[str, ...]
