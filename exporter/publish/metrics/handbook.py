"""What does the page on the metrics say? Made from the catalogue, so that both always agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.publish.metrics.catalogue import FAMILIES
from exporter.publish.metrics.family import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.publish.metrics.family import Family

_INTRODUCTION: Final = """\
# Metrics

`/metrics` answers in the Prometheus text format and in OpenMetrics. What an audit found is rendered
once, when the audit ends, and served until the next one ends: a scrape never shows two audits
mixed, and its cost does not depend on the registry. No sample has a timestamp; the age of what is
served is

    time() - pullproof_audit_last_success_timestamp_seconds

## How to read them

- **Unknown is neither healthy nor broken.** `state` is `present`, `missing`, `broken` or `unknown`,
  and what could not be established is never counted as missing.
- **Label values exclude each other**, so sums mean something. A tag that is both live and latest
  counts as `live`; the order is `live`, `idle`, `rollback`, `latest`, `selected`. `state` is
  that of what this class needs.
- **What only a lower class needs** of a tag has series of its own, with that class as `reference`:
  what a suspended CronJob would pull on other nodes is lost to `idle`, and nothing `live` is hit.
- **`need`** is `required` where a platform that must run the tag pulls the child, else `optional`.
  A tag without optional children has no such series.
- **A series that is not there says that nothing may be said**: protection where not every tag of a
  repository is known, children of a pull-through cache, everything about tags once the last truth
  is older than `max_staleness`.
- **A tag that is pinned by digest** has `@` and the beginning of the digest as its `tag`.
- **Digests** are labels of one family only, which holds problems and is capped.
- Alert on `max by (registry, repository, tag) (…)`, as the [rules](../alerts/) do: raw series also
  have the labels of the pod, and resolve when it is replaced.
- **`shard`** is 0 where one process audits all of a registry. Where several share it, a series with
  `shard` speaks of that part: make the replicas of each shard one, keeping every label, and then
  sum, as in `sum by (registry) (max by (registry, reference, state, shard) (pullproof_tags))`. A
  repository or a tag is in one shard only, and what the storage says comes from shard 0 alone.

## Limits

Tags and repositories have series of their own up to a limit (10,000 each), problems up to another
(500 for each registry). The worst are kept, `pullproof_metrics_series_dropped` counts the rest, and
an alert says so. Counts by registry are complete, whatever is dropped.
A registry costs about 300 series, a repository 6, a tag 5 to 9; a broken one 4 more, and one for
each workload that it hits. A lower class that needs more of a tag than its own costs as many again.

## Status

EXPERIMENTAL families may still change, with a line in the change log. STABLE ones keep their names
and labels; labels may be added. DEPRECATED ones go two minor versions later.
"""

_CLOSING: Final = """
## The process

`process_*` and `python_*` are the usual ones of Prometheus' Python client.
"""


def page() -> str:
    """Return docs/metrics.md."""
    chapters = (line for group in Group for line in _chapter(group))
    return _INTRODUCTION + "".join(f"{line}\n" for line in chapters) + _CLOSING


def _chapter(group: Group) -> Iterator[str]:
    yield from ("", f"## {group.value}", "")
    yield from ("| metric | type | labels | meaning | status |", "|---|---|---|---|---|")
    yield from (_row(family) for family in FAMILIES if family.group is group)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    cells = (f"`{family.name}`", family.kind, labels, family.about, family.status)
    return f"| {' | '.join(cells)} |"
