"""The index of tags: those of several registries, the worst first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from exporter.judge.report import Condition, Report, TagReport
from exporter.oci.reference import natural
from exporter.publish.answers.coverage import coverage, gap_lines
from exporter.publish.status import RegistryStatus


@dataclass(frozen=True, slots=True)
class IndexedTag:
    """One tag, and the report that it is from."""

    report: Report
    tag: TagReport
    name: str
    """`repository:tag`, or `repository@digest`."""

    @property
    def registry(self) -> str:
        """Its registry's label."""
        return self.report.snapshot.registry

    @property
    def order(self) -> tuple[int, bool, int, float, str, tuple[str | int, ...]]:
        """Sort key: the most urgent first; the name makes the order stable."""
        tag = self.tag
        where = self.registry, natural(self.name)
        return tag.urgency, not tag.incomplete, tag.verdict.stake, tag.impact.soonest, *where


@dataclass(frozen=True, slots=True)
class TagIndex:
    """Every tag of some registries, and counts of them: made once for many readers."""

    entries: tuple[IndexedTag, ...]
    """The worst first; the same order for the same reports."""
    lost: tuple[IndexedTag, ...]
    """Those that cannot be pulled, in the same order."""
    places: Mapping[tuple[str, str], IndexedTag]
    """By registry and name."""
    counts: Mapping[tuple[str, Condition | None], int]
    """By registry and condition; None counts them all."""
    unseen: Mapping[str, tuple[str, ...]]
    """The gaps in the coverage of each registry, one sentence each."""

    @classmethod
    def of(cls, statuses: Sequence[RegistryStatus]) -> Self:
        """Return the index of the tags of all reports."""
        reports = [each.report for each in statuses if each.report]
        entries = [IndexedTag(report, tag, tag.name) for report in reports for tag in report.tags]
        entries.sort(key=lambda entry: entry.order)
        return cls(
            tuple(entries),
            tuple(each for each in entries if Condition.CANNOT_BE_PULLED in each.tag.conditions),
            {(each.registry, each.name): each for each in entries},
            Counter(
                (each.registry, one) for each in entries for one in (None, *each.tag.conditions)
            ),
            {each.registry: _unseen(each) for each in statuses},
        )

    def count(self, condition: Condition | None, registry: str = "") -> int:
        """Return how many tags are in a condition, in one registry or in all."""
        if registry:
            return self.counts.get((registry, condition), 0)
        return sum(count for (_, each), count in self.counts.items() if each is condition)


def _unseen(status: RegistryStatus) -> tuple[str, ...]:
    if status.report is None:
        return gap_lines(status.gaps, with_sources=False) or ("Not audited yet.",)
    return coverage(status.report, status.unseen, with_sources=False)
