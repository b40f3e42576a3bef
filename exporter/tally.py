"""Plain counts since the process started."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Durations:
    """Durations by upper bounds, in seconds, as a histogram has them."""

    bounds: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
    counts: list[int] = field(init=False)
    """Within each bound and above the one before it, and beyond the last."""
    total: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def note(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Tally:
    """Counts of an adapter since it was made."""

    requests: dict[tuple[str, str], int] = field(default_factory=dict)
    """By endpoint (`base|catalog|tags|manifest|referrers|blob|token|redirect`) and code
    (`2xx|3xx|401|403|404|429|4xx|5xx|error`)."""
    received: dict[str, int] = field(default_factory=dict)
    """Bytes of bodies, by endpoint; those of a redirect's target count as the first one's."""
    durations: defaultdict[str, Durations] = field(default_factory=lambda: defaultdict(Durations))
    """Of requests, by endpoint."""
    retries: int = 0
    throttled_seconds: float = 0.0
    """Seconds spent waiting for a rate limit, the registry's or the configured one."""


@dataclass(slots=True)
class AuditProgress:
    """How far an audit is."""

    stage: str = ""
    """The stage: `tags|manifests|blobs`; empty before the first of them."""
    done: int = 0
    total: int = 0
    """How many of them are known; each index that is read may add some."""
    suspects: int = 0
    """Apparent losses that are being confirmed."""

    def expect(self, stage: str, count: int) -> None:
        """Note that so many more will be read."""
        if stage != self.stage:
            self.stage, self.done, self.total = stage, 0, 0
        self.total += count

    @contextmanager
    def confirming(self, count: int) -> Iterator[None]:
        """Note that so many apparent losses are confirmed meanwhile."""
        self.suspects += count
        try:
            yield
        finally:
            self.suspects -= count


@dataclass(slots=True)
class ScrubTally:
    """Counts and progress of a scrub since the process started."""

    period: float
    """Seconds within which every live byte is to be read."""
    budget: float | None = None
    """Bytes a day, as they are in force; None before it is known how many are needed."""
    size: int = 0
    """Bytes that were read, second reads included."""
    unpacked: int = 0
    """Bytes that layers of them were unpacked to, second times included."""
    blobs: dict[str, int] = field(default_factory=dict)
    """Blobs and manifests that were read, by outcome: `match|mismatch|gone|unknown`."""
    oldest_live: float | None = None
    """Seconds since the epoch: the oldest proof of what is live, or since when one is awaited."""
    proven: float | None = None
    """Share of all needed bytes that was proven within the period."""


@dataclass(slots=True)
class LedgerTally:
    """Counts of writes to the ledger's file since the process started."""

    failing: set[bool] = field(default_factory=set)
    """Kinds of writes that failed last: of a registry's whole state (true), and of all others. On
    a full disk small ones may succeed between large ones that do not."""
    lost: bool = False
    """Is the file given up, and what is kept in memory only?"""

    @property
    def writable(self) -> bool:
        """Is everything kept that is to be kept? The file was written when it was opened."""
        return not (self.failing or self.lost)

    def note(self, *, truth: bool, written: bool) -> None:
        """Note how one write ended."""
        if written:
            self.failing.discard(truth)
        else:
            self.failing.add(truth)


@dataclass(slots=True)
class LoopTally:
    """How long an event loop was held up."""

    seconds: float = 0.0


EVENT_OUTCOMES = ("requested", "coalesced", "ignored", "refused")
"""What becomes of an event: it requests an audit, is united with one that waits, names nothing that
is audited here, or cannot be taken."""
_EVENT_BOUNDS = (1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(slots=True)
class EventTally:
    """Counts of a registry's events since the process started."""

    received: dict[str, int] = field(default_factory=dict)
    """By outcome, one of `EVENT_OUTCOMES`."""
    durations: Durations = field(default_factory=lambda: Durations(_EVENT_BOUNDS))
    """From the first event of a requested audit until its verdict is published on `/metrics`."""

    def note(self, outcome: str) -> None:
        """Note what became of one event."""
        self.received[outcome] = self.received.get(outcome, 0) + 1


OUTCOMES = ("match", "mismatch", "gone", "unknown")
"""How a whole read may end: `gone` is short or not there, which audits tell as well."""
