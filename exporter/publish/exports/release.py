"""Releases of exports: a JSON file that lists the others, written last and removed first."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from exporter.facts.exports import SCHEMA, Release, ReleaseName
from exporter.facts.shard import Shard
from exporter.oci.digest import Malformed

_ENDING: Final = ".release.json"
AUDIT: Final = "[0-9TZ]{16,}-[0-9a-f]{8}"
"""How the name of an audit looks."""
_PATH: Final = re.compile(rf"([^/]+)/([0-9]+)-of-([0-9]+)/({AUDIT})\.release\.json")


def folder(registry: str, shard: Shard) -> str:
    """Return the folder of what one shard of one registry writes."""
    return f"{quote(registry, safe='')}/{shard.index}-of-{shard.count}"


def path(release: Release) -> str:
    """Return where a release is put."""
    return f"{folder(release.registry, release.part)}/{release.audit}{_ENDING}"


def names_release(path: str) -> bool:
    """Is a path that of a release?"""
    return _PATH.fullmatch(path) is not None


def named(paths: Iterable[str]) -> Iterator[ReleaseName]:
    """Name the releases among some paths."""
    for path in paths:
        if found := _PATH.fullmatch(path):
            registry, shard, shards, audit = found.groups()
            yield ReleaseName(unquote(registry), int(shard), int(shards), audit, path)


def encode(release: Release) -> bytes:
    """Write a release as JSON."""
    return msgspec.json.format(msgspec.json.encode(release), indent=1) + b"\n"


def decode(content: bytes) -> Release:
    """Read a release; raise `Malformed` for anything that this version does not write."""
    try:
        release = msgspec.json.decode(content, type=Release)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not a release of facts: {error}") from error
    if release.schema != SCHEMA:
        raise Malformed(f"facts of schema {release.schema}, but this release reads {SCHEMA}")
    return release
