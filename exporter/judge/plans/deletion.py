"""What is to be deleted, in whose words, and what of the words was not understood?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeletionKind(StrEnum):
    """What a deletion takes away at once."""

    MANIFEST = "manifest"
    """A manifest of a repository by its digest. Every tag that points at it goes with it, whether
    or not it is the one that is named beside the digest."""
    TAG = "tag"
    """The name alone; the manifest stays until somebody collects it."""
    VERSION = "version"
    """The manifest that a tag points at, and so the tag (GitHub deletes so)."""
    BLOB = "blob"
    """Bytes, for every repository."""
    LAYER_LINK = "layer-link"
    """A repository's right to read a blob."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing that would go."""

    what: DeletionKind
    repository: str = ""
    """Empty where nothing says which: then every repository that has it is meant."""
    digest: str = ""
    tag: str = ""
    host: str = ""
    """The registry, where it is named."""

    def __str__(self) -> str:
        """Return it as a reference, with whatever parts it has."""
        name = "/".join(part for part in (self.host, self.repository) if part)
        tag = f":{self.tag}" if self.tag else ""
        joint = "@" if name and self.digest else ""
        return f"{name}{tag}{joint}{self.digest}"


@dataclass(frozen=True, slots=True)
class DeletionList:
    """What a plan lists, and how far it was understood."""

    deletions: tuple[Deletion, ...] = ()
    """Each once, in the order of the lines."""
    formats: tuple[str, ...] = ()
    """Whose words were recognised, sorted."""
    lines: int = 0
    """How many were not blank."""
    unknown: int = 0
    """How many of them mean nothing to us."""
    examples: tuple[str, ...] = ()
    """The first of those, cut to a length for the eye."""
    doubts: tuple[str, ...] = ()
    """Why something may be deleted that is not among the deletions, a sentence each."""
    gave_up: str = ""
    """With which error the collector that wrote it gave up before it removed anything."""
