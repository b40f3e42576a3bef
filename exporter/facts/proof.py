"""Observations of an object, and the conclusions that they permit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.facts.gap import Reason


class State(StrEnum):
    """The state of an object. Unknown is neither healthy nor broken."""

    PRESENT = "present"
    MISSING = "missing"
    """The registry itself denied it, twice."""
    BROKEN = "broken"
    """The registry has it, but its bytes are missing, short or wrong."""
    UNKNOWN = "unknown"


class Proof(StrEnum):
    """How a verdict was reached; each step of the ladder proves more than the one before."""

    NOTHING = "nothing"
    HEAD = "head"
    """A header only. For blobs that is no proof: registries answer from their caches."""
    STORED = "stored"
    """Its file is in the registry's storage, of the stated length and linked in the repository,
    and the registry handed it out within `verify.period`."""
    LAST_BYTE = "last-byte"
    """The last byte of the stated size was read: it exists and is no shorter."""
    HASH = "hash"
    """Every byte was read and hashed. Present content matched; broken content did not, twice."""
    INLINE = "inline"
    """The descriptor carries the content, and it matches."""
    EXTERNAL = "external"
    """Not expected in this registry (foreign layers)."""
    CONFIRMED = "confirmed"
    """A loss: two requests agreed, and a neighbour was read in full between them."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An observation of one object in one repository."""

    state: State
    proof: Proof = Proof.NOTHING
    reason: Reason | None = None
    """Why nothing more is known; set for `unknown` only."""
    detail: str = ""
    """The observation, for people: `404 BLOB_UNKNOWN`, `0 of 1034 bytes`."""
    seen_at: float | None = None
    """Seconds since the epoch, if older than the snapshot: kept while it could not be read."""

    @property
    def corrupt(self) -> bool:
        """Did all bytes come, with another hash than the digest? Two reads agreed."""
        return self.state is State.BROKEN and self.proof is Proof.HASH

    @property
    def hashed(self) -> bool:
        """Was every byte read, and did the digest match?"""
        return self.state is State.PRESENT and self.proof is Proof.HASH


GONE: Final = frozenset({State.MISSING, State.BROKEN})
"""The states that are claimed of a loss, and only once it is confirmed."""

HEADER: Final = Sighting(State.PRESENT, Proof.HEAD)
STORED: Final = Sighting(State.PRESENT, Proof.STORED)
LAST_BYTE: Final = Sighting(State.PRESENT, Proof.LAST_BYTE)
HASHED: Final = Sighting(State.PRESENT, Proof.HASH)
INLINED: Final = Sighting(State.PRESENT, Proof.INLINE)
ELSEWHERE: Final = Sighting(State.PRESENT, Proof.EXTERNAL)


def gone(state: State, detail: str) -> Sighting:
    """Return the sighting of something confirmed to be missing or broken."""
    return Sighting(state, Proof.CONFIRMED, None, detail)


def corrupt(detail: str) -> Sighting:
    """Return the sighting of content whose bytes hashed to another digest, twice."""
    return Sighting(State.BROKEN, Proof.HASH, None, f"digest-mismatch: {detail}")


def unknown(reason: Reason, detail: str = "") -> Sighting:
    """Return the sighting of something that could not be established."""
    return Sighting(State.UNKNOWN, Proof.NOTHING, reason, detail)


DISPUTED: Final = unknown(Reason.MALFORMED, "two manifests state different sizes")
