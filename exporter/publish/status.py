"""The status of each registry: its last complete report, and how its audits go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from exporter.facts.gap import Gap, Reason
from exporter.facts.registry_kind import UNKNOWN_KIND, Collector, RegistryKind
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.judge.report import Report
from exporter.ports import KindStatus
from exporter.publish.invocation import AS_TYPED, Invocation
from exporter.tally import EventTally, LedgerTally, LoopTally, ScrubTally, Tally


@dataclass(frozen=True, slots=True)
class RegistryStatus:
    """One registry, as far as it is known at this moment. Replaced whole after every audit."""

    registry: str
    role: Role
    collector: Collector
    kind: RegistryKind = UNKNOWN_KIND
    interval: float = 0.0
    """Seconds between audits."""
    periods: Mapping[ReferenceClass, float] = field(default_factory=dict)
    """Seconds within which the content of tags is asked for once; of a class without a period, at
    each audit."""
    tally: Tally = field(default_factory=Tally)
    """The adapter's running counts; read live at every scrape."""
    report: Report | None = None
    """The last complete truth; None before the first audit and past `max_staleness`."""
    known: Report | None = None
    """The same, however old: the next audit continues from it, so that no loss is forgotten."""
    up: bool | None = None
    """Was the last audit complete? None before the first has ended."""
    last_attempt: float | None = None
    last_success: float | None = None
    """Seconds since the epoch; of the last complete audit, which survives a restart."""
    duration: float | None = None
    """Seconds that the last audit took."""
    audits: int = 0
    failures: Mapping[Reason, int] = field(default_factory=dict)
    """Incomplete audits since the start, by their first reason."""
    gaps: tuple[Gap, ...] = ()
    """Gaps of the last attempt, complete or not."""
    facts_written: float | None = None
    """Start of the last exported audit; before the first export, when exports were configured."""
    shard: Shard = WHOLE
    """The part of the registry's repositories that all of this speaks of."""
    scrub: ScrubTally | None = None
    """The scrub's running counts, read live as well; None without a scrub."""
    events: EventTally | None = None
    """The counts of its events, likewise; None without events."""

    @property
    def unseen(self) -> tuple[Gap, ...]:
        """Gaps of the served report, and of the attempts after it."""
        served = self.report.snapshot.gaps if self.report else ()
        return tuple(dict.fromkeys((*served, *self.gaps)))

    @classmethod
    def once(cls, report: Report) -> Self:
        """Return the status of a registry after a single audit, as a command makes one."""
        snapshot = report.snapshot
        complete = snapshot.blind is None
        return cls(
            registry=snapshot.registry,
            role=snapshot.role,
            collector=snapshot.collector,
            kind=snapshot.kind,
            report=report,
            up=complete,
            last_attempt=snapshot.taken_at,
            last_success=snapshot.taken_at if complete else None,
            audits=1,
            gaps=snapshot.gaps,
        )


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source of references (a file, a cluster): is it readable, and how much does it name?"""

    source: str
    up: bool
    last_sync: float | None
    references: int
    kinds: tuple[KindStatus, ...] = ()
    """The kinds of objects that it lists, if it has several."""
    gaps: tuple[Gap, ...] = ()
    """Its gaps, those of its kinds included."""

    @property
    def complete(self) -> bool:
        """Was all of it read?"""
        return self.up and not self.gaps


@dataclass(frozen=True, slots=True)
class Reload:
    """The configuration that is in force."""

    digest: str
    """Hash of the configuration file: tells whether a change is live."""
    successful: bool
    """Was the last attempt to load it successful?"""
    last_success: float
    external_url: str = ""
    """Public address of the web server; empty if none is configured."""
    reference_max_age: float | None = None
    """Seconds after which the last references of a source are stale."""


@dataclass(frozen=True, slots=True)
class AppState:
    """Everything that is published, at one moment: swapped whole, never changed in place."""

    statuses: tuple[RegistryStatus, ...]
    sources: tuple[SourceStatus, ...]
    reload: Reload
    ledger: LedgerTally | None = None
    """Counts of writes to the ledger, read live; None without a ledger file."""
    loops: Mapping[str, LoopTally] = field(default_factory=dict)
    """How the event loops fare that audit (`audit`) and answer (`web`), read live."""
    invocation: Invocation = AS_TYPED
    """How the commands that pages print are typed."""
    in_progress: frozenset[str] = frozenset()
    """Registries that are being audited now."""

    @property
    def reports(self) -> Mapping[str, Report]:
        """The report of each registry that has one, by the registry's name."""
        return {each.registry: each.report for each in self.statuses if each.report}
