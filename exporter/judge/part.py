"""A part of a report: the results for some repositories, taken out or put in."""

from collections.abc import Container
from dataclasses import replace

from exporter.facts.part import part, with_part
from exporter.judge.counts import recounted
from exporter.judge.finding import FindingKey
from exporter.judge.report import Report
from exporter.judge.tag_report import causes
from exporter.judge.verdict import order
from exporter.oci.reference import Repository


def report_part(whole: Report, of: Container[Repository]) -> Report:
    """Return the results of a report for some repositories; its counts stay the registry's."""
    return replace(
        whole,
        snapshot=part(whole.snapshot, of),
        tags=tuple(tag for tag in whole.tags if tag.verdict.root.repository in of),
        since={key: since for key, since in whole.since.items() if _is_of(key, of)},
        vanished=tuple(each for each in whole.vanished if each.repository in of),
    )


def with_report_part(whole: Report, new: Report, of: Container[Repository]) -> Report:
    """Return a report with the results of a newer one for some repositories.

    Equal to a report on both, but for what its storage means: that is as the older one has it.
    """
    snapshot = with_part(whole.snapshot, new.snapshot, of)
    old = part(whole.snapshot, of)
    others = (tag for tag in whole.tags if tag.verdict.root.repository not in of)
    tags = tuple(sorted((*others, *new.tags), key=lambda tag: order(tag.verdict.root)))
    since = {key: at for key, at in whole.since.items() if not _is_of(key, of)}
    vanished = (each for each in whole.vanished if each.repository not in of)
    return replace(
        whole,
        snapshot=snapshot,
        tags=tags,
        causes=causes(tags),
        counts=recounted(whole.counts, old, new.snapshot, snapshot, tags),
        checked=tuple(dict.fromkeys((*whole.checked, *new.checked))),
        since={**since, **new.since},
        vanished=(*vanished, *new.vanished),
    )


def _is_of(key: str, of: Container[Repository]) -> bool:
    parsed = FindingKey.parse(key)
    return parsed is not None and Repository(parsed.repository) in of
