"""Metrics of a registry's storage and of its garbage collections: a part of the catalogue."""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics.family import Family, Group, gauge

STORED_BYTES: Final = gauge(
    Group.STORAGE,
    "stored_bytes",
    "registry",
    "Bytes of all blobs in the registry's storage.",
)
STORED_REFERENCED_BYTES: Final = gauge(
    Group.STORAGE,
    "stored_referenced_bytes",
    "registry",
    "Bytes of the stored blobs that a manifest references, tagged or not.",
    "Each blob is counted once.",
)
RECLAIMABLE_BYTES: Final = gauge(
    Group.STORAGE,
    "reclaimable_bytes",
    "registry reason",
    "Bytes of unreferenced data past the grace period, by reason.",
    "Each byte is counted under one reason.",
)
ORPHANED_BLOBS: Final = gauge(
    Group.STORAGE,
    "orphaned_blobs",
    "registry",
    "Stored blobs that no manifest references.",
)
ORPHANED_MANIFESTS: Final = gauge(
    Group.STORAGE,
    "orphaned_manifests",
    "registry",
    "Stored manifests that no tag references.",
)
REPOSITORY_EXCLUSIVE_BYTES: Final = gauge(
    Group.STORAGE,
    "repository_exclusive_bytes",
    "registry repository",
    "Bytes that only this repository references: the most that removing it could free.",
)
SOLE_PROTECTOR: Final = gauge(
    Group.STORAGE,
    "tag_sole_protected_children",
    "registry repository tag",
    "Children of other tags that this tag alone tags directly. Absent if there are none.",
)
GC_VICTIMS: Final = gauge(
    Group.STORAGE,
    "gc_victims",
    "registry dialect mode class",
    "Manifests that this garbage collection would break, by class.",
    (
        "Manifests of tags and pinned digests count, each once under its highest class. Tags out "
        "of scope count as `selected`."
    ),
)
GC_RECLAIMABLE_BYTES: Final = gauge(
    Group.STORAGE,
    "gc_reclaimable_bytes",
    "registry dialect mode",
    "Bytes of the blobs that this garbage collection would remove, needed or not.",
)
GC_WOULD_ABORT: Final = gauge(
    Group.STORAGE,
    "gc_would_abort",
    "registry dialect mode",
    "Whether this garbage collection would abort with an error.",
)
GC_PRECONDITIONS: Final = gauge(
    Group.STORAGE,
    "gc_preconditions",
    "registry code effect",
    "Faults in the storage that make the registry's collector abort or silently lose data.",
)

FAMILIES: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Family))
"""Every family above, in order."""
