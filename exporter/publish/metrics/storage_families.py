"""Which metrics tell of a registry's storage, and of its collections? A part of the catalogue."""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics.family import Family, Group, gauge

STORED_BYTES: Final = gauge(
    Group.STORAGE, "stored_bytes", "registry", "Bytes of all blobs in the registry's storage."
)
STORED_REFERENCED_BYTES: Final = gauge(
    Group.STORAGE,
    "stored_referenced_bytes",
    "registry",
    "Bytes of the stored blobs that some manifest leads to, tagged or not, each blob once.",
)
RECLAIMABLE_BYTES: Final = gauge(
    Group.STORAGE,
    "reclaimable_bytes",
    "registry reason",
    "Bytes that nothing needs and that are past their grace time, each byte under one reason.",
)
ORPHANED_BLOBS: Final = gauge(
    Group.STORAGE, "orphaned_blobs", "registry", "Stored blobs that no manifest leads to."
)
ORPHANED_MANIFESTS: Final = gauge(
    Group.STORAGE, "orphaned_manifests", "registry", "Stored manifests that no tag leads to."
)
REPOSITORY_EXCLUSIVE_BYTES: Final = gauge(
    Group.STORAGE,
    "repository_exclusive_bytes",
    "registry repository",
    "Bytes that no other repository's manifests lead to: what its removal could free at most.",
)
SOLE_PROTECTOR: Final = gauge(
    Group.STORAGE,
    "tag_sole_protected_children",
    "registry repository tag",
    "Children that another tag needs and at which this tag alone points straight; tags that "
    "protect none have no series.",
)
GC_VICTIMS: Final = gauge(
    Group.STORAGE,
    "gc_victims",
    "registry dialect mode reference",
    "Manifests at or below tags and pinned digests that this collection would break, each once "
    "under its highest reference class; tags out of scope count as selected.",
)
GC_RECLAIMABLE_BYTES: Final = gauge(
    Group.STORAGE,
    "gc_reclaimable_bytes",
    "registry dialect mode",
    "Bytes of the blobs that this collection would remove, needed or not.",
)
GC_WOULD_ABORT: Final = gauge(
    Group.STORAGE,
    "gc_would_abort",
    "registry dialect mode",
    "Whether this collection would give up before its end.",
)
GC_PRECONDITIONS: Final = gauge(
    Group.STORAGE,
    "gc_preconditions",
    "registry code effect",
    "What in the storage makes the registry's own collector give up, or lose something in silence.",
)

FAMILIES: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Family))
"""Every family above, in order."""
