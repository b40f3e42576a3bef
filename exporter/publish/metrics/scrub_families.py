"""Which metrics tell of whole reads? A part of the catalogue."""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics.family import Family, Group, counter, gauge

BYTES: Final = counter(
    Group.SCRUB,
    "scrub_bytes_total",
    "registry shard",
    "Bytes that were read whole and hashed, second readings included.",
)
UNPACKED: Final = counter(
    Group.SCRUB,
    "scrub_unpacked_bytes_total",
    "registry shard",
    "Bytes that layers were unpacked to, where that is asked; each layer once.",
)
BLOBS: Final = counter(
    Group.SCRUB,
    "scrub_blobs_total",
    "registry shard outcome",
    "Blobs and manifests that were read whole, by outcome: match; mismatch, where two readings "
    "hashed to another digest; gone, where they are short or not there; unknown.",
)
OLDEST: Final = gauge(
    Group.SCRUB,
    "scrub_oldest_live_proof_timestamp_seconds",
    "registry shard",
    "When the live blob was last proven whose proof is the oldest; one that never was counts from "
    "when it was first needed. As of the last audit; no series where nothing is live.",
)
DONE: Final = gauge(
    Group.SCRUB,
    "scrub_proven_ratio",
    "registry shard",
    "Share of the needed bytes, live or not, that was read and right within the period. As of the "
    "last audit.",
)
PERIOD: Final = gauge(
    Group.SCRUB,
    "scrub_period_seconds",
    "registry shard",
    "Within which every byte is to be read; no series where a registry is not scrubbed.",
)
BUDGET: Final = gauge(
    Group.SCRUB,
    "scrub_budget_bytes",
    "registry shard",
    "Bytes a day that may be read here: the shard's part of what is configured, or as many as its "
    "period needs.",
)

FAMILIES: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Family))
"""Every family above, in order."""
