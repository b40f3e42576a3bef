"""The grammar of paths in distribution's storage, the same on every medium.

Source: distribution, `registry/storage/paths.go`, and opencontainers/go-digest, `digest.go`.
"""

import re
from collections.abc import Sequence
from typing import Final

from exporter.facts.digests import pack
from exporter.facts.inventory import Unlinked

ROOT: Final = ("docker", "registry", "v2")
LOCKS: Final = ("docker", "registry", "lockfiles")
"""Where GitLab's registry says that its database, not its storage, knows what is referenced."""
DATABASE_LOCK: Final = "database-in-use"
OCI_LAYOUT: Final = "oci-layout"
"""The file that makes a folder an OCI layout: zot keeps one for every repository."""

GITLAB: Final = "GitLab's registry uses a metadata database here"
NOTHING: Final = "no docker/registry/v2 here: not the root directory of a registry"

LONGEST_LINK: Final = 160
"""Bytes: no digest is longer (sha512 takes 135)."""
DEEPEST: Final = 128
"""Folders: a repository's name has at most 255 characters, so at most that many parts."""

_LETTERS: Final = 2
_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
ALGORITHMS: Final = tuple(_LENGTHS)
_HEX: Final = re.compile(r"[0-9a-f]+")
_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_PART: Final = re.compile(r"[A-Za-z0-9._-]+")


def is_part(name: str) -> bool:
    """Do the storage drivers accept a folder's name? Others make a collector give up."""
    return bool(_PART.fullmatch(name))


def linked(content: bytes) -> str | Unlinked:
    """Read a link file: the digest that it names, or why a collector finds none in it."""
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
    """Is a text from a manifest a digest, so that a path may be made of it?"""
    return not isinstance(linked(text.encode("utf-8", "replace")), Unlinked)


def are_digests(algorithm: str, names: Sequence[str]) -> bool:
    """Are all of these the encoded parts of digests? Quick for sha256, and only for that."""
    return algorithm == "sha256" and pack(names) is not None


def is_bucket(letters: str, encoded: str) -> bool:
    """Does a blob belong into the folder of these letters?"""
    return len(letters) == _LETTERS and encoded.startswith(letters)


def blob_fault(algorithm: str, prefix: str, encoded: str) -> str:
    """Why can no digest be told from a blob's path? Empty where one can be told."""
    stated = algorithm if prefix == encoded[:_LETTERS] else prefix
    digest = linked(f"{stated}:{encoded}".encode("utf-8", "surrogateescape"))
    return digest.message if isinstance(digest, Unlinked) else ""


def blob_path(digest: str) -> str:
    """Return where a blob's file is, below the root directory."""
    algorithm, _, encoded = digest.partition(":")
    return "/".join((*ROOT, "blobs", algorithm, encoded[:_LETTERS], encoded, "data"))


def own_path(repository: str, digest: str) -> str:
    """Return where zot keeps a repository's own file of a blob, below the root directory."""
    algorithm, _, encoded = digest.partition(":")
    return f"{repository}/blobs/{algorithm}/{encoded}"
