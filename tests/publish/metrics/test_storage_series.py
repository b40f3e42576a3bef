"""What the metrics say of a storage."""

from __future__ import annotations

from dataclasses import replace

from exporter.publish.metrics.family import Limits
from tests.publish.metrics.series import samples, value
from tests.publish.reports import app_state, child, report, status, storage, tag


def about() -> dict[str, list[tuple[dict[str, str], float]]]:
    return samples(app_state(status(replace(report(tag("app:v1", child())), storage=storage()))))


def test_without_storage_nothing_is_said_about_it_not_even_zero() -> None:
    found = samples(app_state(status(report(tag("app:v1", child())))))

    assert not [name for name in found if "gc_" in name or "stored" in name or "reclaim" in name]


def test_every_byte_that_nothing_needs_has_one_reason() -> None:
    rows = about()["pullproof_reclaimable_bytes"]

    assert {labels["reason"]: size for labels, size in rows} == {
        "untagged": 200,
        "orphaned_blob": 500,
        "stale_upload": 300,
    }


def test_a_prediction_names_its_collector_and_whom_it_would_hurt() -> None:
    known = replace(report(tag("app:v1", child())), storage=storage())
    swept = {"dialect": "distribution-2", "mode": "delete-untagged"}

    assert value(known, "gc_victims", **swept, class_="live") == 2
    assert value(known, "gc_victims", **swept, class_="latest") == 0
    assert value(known, "gc_would_abort", **swept) == 0
    assert value(known, "gc_would_abort", dialect="distribution-3", mode="plain") == 1
    assert value(known, "gc_reclaimable_bytes", **swept) == 900


def test_a_collection_that_cannot_be_foretold_has_no_series() -> None:
    known = replace(report(tag("app:v1", child())), storage=storage())

    assert value(known, "gc_would_abort", dialect="distribution-2", mode="plain") is None


def test_what_is_past_the_limit_is_counted() -> None:
    shown = app_state(status(replace(report(tag("app:v1", child())), storage=storage())))
    found = samples(shown, Limits(tags=0, repositories=0))

    dropped = {labels["metric"]: left for labels, left in found["pullproof_metrics_series_dropped"]}
    assert dropped["pullproof_repository_exclusive_bytes"] == 1
    assert dropped["pullproof_tag_sole_protected_children"] == 1
    assert "pullproof_repository_exclusive_bytes" not in found
