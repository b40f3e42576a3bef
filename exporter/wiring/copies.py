"""Copies of images outside registries, for `repair`: layouts, archives, storages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.ports import Bytes, Unseen
from exporter.sources.storage.archive import ImageArchive, OciLayout
from exporter.wiring.registry_storage import RegistryStorage

LAYOUT: Final = "oci"
KINDS: Final = (LAYOUT, "oci-archive", "docker-archive", "storage")
"""Before the first colon of a source; anything else is an image or a registry."""


@dataclass(frozen=True, slots=True)
class Copies:
    """A source that is no registry, and the digest of its typed tag."""

    content: Bytes
    digest: Digest | None = None


def copies(text: str, options: Mapping[str, str], *, plain_http: bool) -> Copies:
    """Open `KIND:PATH[:TAG]`; `options` are those of an object store. Raises `Unseen`."""
    kind, _, rest = text.partition(":")
    if kind == "storage":
        stored = RegistryStorage(rest, options, plain_http)
        stored.recognise()
        return Copies(stored)
    path, tag = rest, ""
    if not Path(rest).exists() and ":" in rest:
        path, _, tag = rest.rpartition(":")
    if kind == LAYOUT:
        layout = OciLayout.read(path)
        return Copies(layout, _named(path, layout.tags, tag))
    archive = ImageArchive.read(path, docker=kind == "docker-archive")
    return Copies(archive, _named(path, archive.tags, tag))


def _named(path: str, tags: Mapping[str, Digest], tag: str) -> Digest | None:
    """Return the digest of a tag; without one, the only manifest."""
    if tag and tag not in tags:
        known = ", ".join(sorted(filter(None, tags))) or "none"
        raise Unseen(path, Reason.UNREADABLE, f"it has no tag {tag} (it has {known})")
    return tags[tag] if tag else next(iter(tags.values())) if len(tags) == 1 else None
