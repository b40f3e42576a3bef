"""The metrics of full verification: a part of the catalogue."""

from typing import Final

from exporter.publish.metrics.family import Family, Group

BYTES: Final = Group.SCRUB.counter(
    "scrub_bytes_total{registry,shard}", "Bytes read and hashed in full, including second reads."
)
UNPACKED: Final = Group.SCRUB.counter(
    "scrub_unpacked_bytes_total{registry,shard}",
    "Bytes that layers were unpacked to. Each layer counts once.",
    "Only with `uncompressed`.",
)
BLOBS: Final = Group.SCRUB.counter(
    "scrub_blobs_total{registry,shard,outcome}",
    "Blobs and manifests read in full, by outcome.",
    "`match`; `mismatch`: two reads hashed to another digest; `gone`: short or not there; "
    "`unknown`.",
)
OLDEST: Final = Group.SCRUB.gauge(
    "scrub_oldest_live_proof_timestamp_seconds{registry,shard}",
    "Oldest last-verified time of the blobs that live tags need. Absent if nothing is live.",
    "A blob that was never verified counts from when it was first needed. As of the last audit.",
)
DONE: Final = Group.SCRUB.gauge(
    "scrub_proven_ratio{registry,shard}",
    "Share of the needed bytes that were verified within the scrub period.",
    "Live or not. As of the last audit.",
)
PERIOD: Final = Group.SCRUB.gauge(
    "scrub_period_seconds{registry,shard}",
    "Configured scrub period. Absent if the registry is not scrubbed.",
    "Every needed byte is read within it.",
)
BUDGET: Final = Group.SCRUB.gauge(
    "scrub_budget_bytes{registry,shard}",
    "Bytes per day that this shard may read.",
    "The shard's part of the configured budget, or as many as its period needs.",
)

FAMILIES: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Family))
