"""Gaps in the coverage of an audit, in sentences."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from exporter.facts.gap import Gap, Scope
from exporter.facts.proof import State
from exporter.judge.protection import Risk
from exporter.judge.report import Report
from exporter.judge.tag_verdict import ChildKind
from exporter.publish.blocks import Block, List, heading, listed, section
from exporter.publish.formatting import count_words, gap_words

_MOST: Final = 10
_PROXIED: Final = (
    "A pull-through cache would fetch from upstream, so nothing there is known to be present or "
    "missing."
)


def blocks(report: Report, *, with_sources: bool = True) -> Iterator[Block]:
    """Return the gaps of an audit under a heading, which says so if there are none."""
    gaps = coverage(report, report.snapshot.gaps, with_sources=with_sources)
    yield heading("Gaps in coverage" if gaps else "Coverage: complete")
    if gaps:
        yield List(listed(gaps))


def coverage(report: Report, gaps: Iterable[Gap], *, with_sources: bool = True) -> tuple[str, ...]:
    """Return the gaps in coverage, one sentence each; none if coverage is complete.

    Without `with_sources`, the gaps of image sources are counted: they are listed once, for all
    registries.
    """
    return (
        *_unknown(report),
        *_proxied(report),
        *_vanished(report),
        *gap_lines(gaps, with_sources=with_sources),
        *_unlisted(report),
    )


def gap_lines(gaps: Iterable[Gap], *, with_sources: bool) -> tuple[str, ...]:
    """Return gaps one sentence each; those of image sources in one, if listed elsewhere."""
    told = tuple(gaps)
    own = tuple(gap for gap in told if with_sources or gap.scope is not Scope.REFERENCES)
    if len(own) == len(told):
        return tuple(_gaps(own))
    number = count_words(len(told) - len(own), "gap")
    return (*_gaps(own), f"Image sources incomplete: {number}, listed with the sources.")


def source_blocks(reports: Iterable[Report]) -> Iterator[Block]:
    """Return the gaps of the image sources, each once for several registries."""
    gaps = (gap for report in reports for gap in report.snapshot.gaps)
    of_sources = dict.fromkeys(gap for gap in gaps if gap.scope is Scope.REFERENCES)
    yield from section("Gaps in image sources", listed(_gaps(tuple(of_sources))))


def _unknown(report: Report) -> Iterator[str]:
    """Yield how many manifests are unknown, by reason, and how many are not expected."""
    proxied = {*report.snapshot.unasked}
    asked = (each.verdict for each in report.tags if each.verdict.root.repository not in proxied)
    children = [child for each in asked for child in each.children]
    unknown = [each for each in children if each.expected and each.state is State.UNKNOWN]
    if unknown:
        amount = count_words(len(unknown), "manifest")
        reasons = Counter(str(child.reason or "unsaid") for child in unknown)
        details = {child.detail for child in unknown}
        said = f" ({details.pop().rstrip('.')})" if len(details) == 1 and any(details) else ""
        yield f"{amount} unknown: {_by_reason(reasons)}{said}."
    unexpected = sum(not child.expected for child in children)
    if unexpected:
        yield f"Not expected here and not audited: {count_words(unexpected, 'manifest')}."


def _vanished(report: Report) -> Iterator[str]:
    """Yield the broken tags that are not listed any more."""
    gone = [f"{each.name} ({each.reference_class})" for each in report.vanished]
    if gone:
        more = f" and {len(gone) - _MOST:,} more" if len(gone) > _MOST else ""
        yield f"The tag is gone, not repaired: {', '.join(gone[:_MOST])}{more}."


def _proxied(report: Report) -> Iterator[str]:
    """Yield how many repositories are in pull-through caches."""
    snapshot = report.snapshot
    parts = Counter(snapshot.part(each).repositories for each in snapshot.unasked)
    for patterns, amount in parts.items():
        where = f"{count_words(amount, 'repository')} of {', '.join(patterns)}"
        yield f"Not requested: {where}. {_PROXIED}"


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    yield from map(gap_words, gaps[:_MOST])
    if len(gaps) > _MOST:
        rest = Counter(str(gap.reason) for gap in gaps[_MOST:])
        yield f"{len(gaps) - _MOST:,} more: {_by_reason(rest)}."


def _by_reason(reasons: Counter[str]) -> str:
    return ", ".join(f"{amount:,} {reason}" for reason, amount in reasons.most_common())


def _unlisted(report: Report) -> Iterator[str]:
    """Yield a sentence on repositories whose protection is undetermined."""
    bare = {
        tag.verdict.root.repository
        for tag in report.tags
        if any(
            each.risk is Risk.UNKNOWN and each.expected and each.kind is not ChildKind.CACHE
            for each in tag.verdict.children
        )
    }
    unsealed = bare - report.snapshot.sealed.keys()
    if unsealed:
        where = count_words(len(unsealed), "repository")
        yield f"Could not list all tags of {where}: protection is undetermined."
