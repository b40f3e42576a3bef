"""Memory: the protocols of state that outlives a process, and the values that they keep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

from exporter.facts.body import Outline
from exporter.facts.diff_ids import Inside
from exporter.facts.proof import Sighting
from exporter.facts.scrubbed import Scrubbed
from exporter.oci.digest import Digest
from exporter.oci.reference import Place


class Memory(Protocol):
    """Which content was read before? It outlives a process; losing it costs reads, no truth."""

    def manifest(self, digest: Digest) -> bytes | None:
        """The body kept for a digest; its hash was checked again just now."""

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        """Keep bodies that were hashed."""


class Outlines(Protocol):
    """The references of manifests in a storage that were read before, by their digests."""

    def outlines(self, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
        """Return what was kept of some sha256 digests, unchanged."""

    def keep_outlines(self, found: Mapping[bytes, Outline]) -> None:
        """Keep outlines of manifests that were hashed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One registry's last complete truth, as it was put away."""

    snapshot: IO[bytes]
    since: Mapping[str, float]
    """First-seen times by finding, in seconds since the epoch."""


class Journal(Protocol):
    """The store of complete audits, each saved whole or not at all."""

    def last(self, registry: str) -> Kept | None:
        """Return the last saved audit, or None."""

    def keep(self, registry: str, snapshot: Iterable[bytes], since: Mapping[str, float]) -> None:
        """Put away one registry's truth, in pieces, in place of the one before."""


class SyncTimes(Protocol):
    """When was each kind of a source last listed completely? In seconds since the epoch."""

    def synced(self, source: str) -> Mapping[str, float]:
        """Return the times of a source's lists, by kind."""

    def keep_synced(self, source: str, found: Mapping[str, float]) -> None:
        """Keep when kinds of a source were listed."""


class Proofs(Protocol):
    """The memory of scrubs. Times are seconds since the epoch."""

    def scrubbed(self, registry: str) -> Scrubbed:
        """Return the full reads of a registry's content."""

    def want(self, registry: str, digests: Iterable[Digest]) -> None:
        """Note that these are needed: new ones wait for their verification from now on."""

    def note(self, registry: str, found: Mapping[Place, Sighting], at: float) -> None:
        """Keep the result of a full read: hashed, or corrupt; anything else proves nothing."""

    def forget(self, registry: str) -> None:
        """Forget the full reads: they were of another registry of that name."""

    def learn(self, registry: str, digest: Digest, content: Inside) -> None:
        """Keep the diff ids of a configuration or layer, and how many readings in a row agreed."""

    def debt(self, registry: str) -> float:
        """Return when the budget has paid for all reads; 0 without any."""

    def owe(self, registry: str, until: float) -> None:
        """Note when the budget will have paid for the next read."""
