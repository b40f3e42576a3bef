"""The documentation of the metrics, made from the catalogue so that both always agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.publish.metrics.catalogue import FAMILIES
from exporter.publish.metrics.family import Family, Group

_INTRODUCTION: Final = """\
# Metrics

`/metrics` answers in the Prometheus text format and in OpenMetrics. Results are rendered once, at
the end of an audit, and served until the next one ends: a scrape never mixes two audits, and its
cost does not depend on the size of the registry.

Results are those of the last **complete** audit. Samples have no timestamps; the age of the results
is

    time() - pullproof_audit_last_success_timestamp_seconds

## How to read them

- **Unknown is neither healthy nor broken.** `state` is `present`, `missing`, `broken` or `unknown`.
  What could not be established never counts as missing.
- **Label values exclude each other**, so sums are meaningful. A tag that is both live and latest
  counts as `live`; a manifest counts once, under the highest class that needs it. The order of
  `class` is `live`, `idle`, `rollback`, `latest`, `selected`.
  `state` is the state for that class.
- **Losses of a lower class** have their own series. If a suspended CronJob needs a platform that
  running pods do not need, its loss is counted under `idle`, and the `live` series stay at 0.
- **`need`** is `required` if a platform that must run the tag pulls the child, else `optional`.
  A tag without optional children has no such series.
- **An absent series means that nothing can be said**: protection, if not all tags of a repository
  could be listed; children of a pull-through cache; all tags, once the last complete audit is older
  than `max_staleness`.
- **A pinned digest** has `@` and the beginning of the digest as its `tag`.
- **Digests** are labels of one family only, which lists problems and is capped.
- Alert on `max by (registry, repository, tag) (…)`, as the [rules](../alerts/) do. Raw series also
  carry the labels of the pod, and resolve when the pod is replaced.
- **`shard`** is 0 if one process audits the whole registry. Where several share it, a series with
  `shard` covers that part: deduplicate replicas by keeping every label, and then sum, as in
  `sum by (registry) (max by (registry, class, state, shard) (pullproof_tags))`. A repository or a
  tag belongs to one shard. Storage metrics are reported by shard 0 only, for the whole registry.

## Limits

Tags and repositories have their own series up to a limit (10,000 each), problems up to another
(500 per registry). The worst are kept, `pullproof_metrics_series_dropped` counts the rest, and an
alert says so. Counts per registry are always complete.
A registry costs about 300 series, a repository 6, a tag 5 to 9. A broken tag costs 4 more, and one
per affected workload. A lower class that needs more of a tag costs as many again.

## Status

STABLE families keep their names, types and labels; labels may be added. All families that the
alerts and dashboards use are STABLE. EXPERIMENTAL families may change, with a line in the change
log. DEPRECATED families are removed two minor versions later. See [stability](stability.md).
"""

_CLOSING: Final = """
## Process

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
    meaning = f"{family.help} {family.notes}".strip()
    cells = (f"`{family.name}`", family.kind, labels, meaning, family.status)
    return f"| {' | '.join(cells)} |"
