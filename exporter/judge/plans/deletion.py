"""Deletions, as tools and people write them, and the tags that they remove."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from exporter.facts.snapshot import Root
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import host, names_host, repository, tag


class DeletionKind(StrEnum):
    """The kind of object that a deletion removes at once."""

    MANIFEST = "manifest"
    """A manifest of a repository by its digest, and every tag that references it, whether or not
    it is the one that is named beside the digest."""
    TAG = "tag"
    """The name alone; the manifest stays until somebody collects it."""
    VERSION = "version"
    """The manifest that a tag references, and so the tag (GitHub deletes so)."""
    BLOB = "blob"
    """Bytes, for every repository."""
    LAYER_LINK = "layer-link"
    """A repository's right to read a blob."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing to delete."""

    kind: DeletionKind
    repository: str = ""
    """Empty if unnamed: then every repository that has it is meant."""
    digest: str = ""
    tag: str = ""
    host: str = ""
    """The registry, if it is named."""

    def __str__(self) -> str:
        """Return it as a reference, with whatever parts it has."""
        name = "/".join(part for part in (self.host, self.repository) if part)
        tag = f":{self.tag}" if self.tag else ""
        joint = "@" if name and self.digest else ""
        return f"{name}{tag}{joint}{self.digest}"


@dataclass(frozen=True, slots=True)
class DeletionList:
    """The deletions of a plan, and how far it was recognised."""

    deletions: tuple[Deletion, ...] = ()
    """Each once, in the order of the lines."""
    formats: tuple[str, ...] = ()
    """The tools whose lines were recognised, sorted."""
    lines: int = 0
    """How many were not blank."""
    unknown: int = 0
    """How many of them were not recognised."""
    examples: tuple[str, ...] = ()
    """The first of those, cut to a length for the eye."""
    doubts: tuple[str, ...] = ()
    """Why something may be deleted that is not among the deletions, a sentence each."""
    gave_up: str = ""
    """With which error the collector that wrote it gave up before it removed anything."""


def parse_deletion(text: str) -> Deletion | None:
    """Parse `[host/]repository:tag`, `…@digest`, both, or a digest alone as a deletion.

    Where both are given it is the manifest that is deleted, and the tag is named beside it. None
    for anything else. No defaults are filled in: nobody pulls it.
    """
    rest, at, digest = text.partition("@")
    if not at and rest.startswith(("sha256:", "sha512:")):
        rest, digest = "", rest
    head, slash, tail = rest.partition("/")
    named = bool(slash) and names_host(head)
    name, colon, tag_text = (tail if named else rest).partition(":")
    if not digest and not colon:
        return None
    try:
        return Deletion(
            DeletionKind.MANIFEST if digest else DeletionKind.TAG,
            repository(name) if name or not digest else "",
            Digest.parse(digest) if digest else "",
            tag(tag_text) if colon else "",
            host(head) if named else "",
        )
    except Malformed:
        return None


_TAGS: Final = frozenset({DeletionKind.MANIFEST, DeletionKind.TAG, DeletionKind.VERSION})
"""Deletions that remove tags."""


def intended(deletions: Iterable[Deletion], patterns: Iterable[str] = ()) -> Callable[[Root], bool]:
    """Return a function that tells whether the removal of a tag was named.

    A digest alone names every tag that referenced it; beside a tag it names that tag only, while
    it references the digest. A pattern is one of `repository:tag`.
    """
    named: dict[str, list[Deletion]] = defaultdict(list)
    for each in deletions:
        if each.kind in _TAGS:
            named[each.tag or each.digest].append(each)
    texts = tuple(patterns)

    def is_intended(root: Root) -> bool:
        found = [*named.get(root.tag or "", ()), *named.get(root.digest or "", ())]
        if any(_names(each, root) for each in found):
            return True
        return any(fnmatchcase(f"{root.repository}:{root.tag}", text) for text in texts)

    return is_intended


def _names(deletion: Deletion, root: Root) -> bool:
    """Tools on GitHub leave the owner of a repository out."""
    place = deletion.repository
    there = not place or root.repository == place or root.repository.endswith(f"/{place}")
    return there and deletion.digest in ("", root.digest) and deletion.tag in ("", root.tag)
