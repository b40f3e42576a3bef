"""Grammar of paths in distribution's storage, the same on every medium.

Source: distribution, `registry/storage/paths.go`, and opencontainers/go-digest, `digest.go`.
"""

import re
from collections.abc import Sequence
from typing import Final

from exporter.facts.digests import pack
from exporter.facts.inventory import Unlinked

ROOT: Final = ("docker", "registry", "v2")
LOCKS: Final = ("docker", "registry", "lockfiles")
"""File by which GitLab's registry marks that its database, not its storage, holds references."""
DATABASE_LOCK: Final = "database-in-use"
OCI_LAYOUT: Final = "oci-layout"
"""File that makes a folder an OCI layout: zot writes one per repository."""

GITLAB: Final = "GitLab's registry uses a metadata database here"
NOTHING: Final = "no docker/registry/v2 here: not the root directory of a registry"

LONGEST_LINK: Final = 160
"""Bytes: the longest digest, sha512, takes 135."""
DEEPEST: Final = 128
"""Folders: a repository's name has at most 255 characters, so at most 128 parts."""

_LETTERS: Final = 2
_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
ALGORITHMS: Final = tuple(_LENGTHS)
_HEX: Final = re.compile(r"[0-9a-f]+")
_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_PART: Final = re.compile(r"[A-Za-z0-9._-]+")


def is_part(name: str) -> bool:
    """Do the storage drivers accept the name of a folder? Any other makes a collector abort."""
    return bool(_PART.fullmatch(name))


def linked(content: bytes) -> str | Unlinked:
    """Parse a link file: its digest, or why a collector finds none."""
    text = content.decode("latin-1")
    algorithm, _, encoded = text.partition(":")
    if not algorithm or not encoded:
        return Unlinked.FORMAT
    length = _LENGTHS.get(algorithm)
    if length is None:
        return Unlinked.ALGORITHM if _DIGEST.fullmatch(text) else Unlinked.FORMAT
    if len(encoded) != length:
        return Unlinked.LENGTH
    return text if _HEX.fullmatch(encoded) else Unlinked.FORMAT


def is_digest(text: str) -> bool:
    """Is a text in a manifest a digest, so that it can be part of a path?"""
    return not isinstance(linked(text.encode("utf-8", "replace")), Unlinked)


def are_digests(algorithm: str, names: Sequence[str]) -> bool:
    """Are all of these encoded parts of digests? A fast path, for sha256 only."""
    return algorithm == "sha256" and pack(names) is not None


def is_bucket(letters: str, encoded: str) -> bool:
    """Does the digest of a blob begin with the letters of its folder?"""
    return len(letters) == _LETTERS and encoded.startswith(letters)


def blob_fault(algorithm: str, prefix: str, encoded: str) -> str:
    """Return why no digest can be parsed from the path of a blob; empty if one can."""
    stated = algorithm if prefix == encoded[:_LETTERS] else prefix
    digest = linked(f"{stated}:{encoded}".encode("utf-8", "surrogateescape"))
    return digest.message if isinstance(digest, Unlinked) else ""


def blob_path(digest: str) -> str:
    """Return the path of a blob's file below the root directory."""
    algorithm, _, encoded = digest.partition(":")
    return "/".join((*ROOT, "blobs", algorithm, encoded[:_LETTERS], encoded, "data"))


def own_path(repository: str, digest: str) -> str:
    """Return the path of a repository's own file of a blob in zot's storage."""
    algorithm, _, encoded = digest.partition(":")
    return f"{repository}/blobs/{algorithm}/{encoded}"
