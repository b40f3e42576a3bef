"""Past a limit the worst is kept, and the rest is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.use import ReferenceClass, Use
from exporter.publish.metrics.family import Limits
from tests.fakes import workload
from tests.publish.metrics.series import samples, value
from tests.publish.reports import (
    ARM64,
    BROKEN,
    MISSING,
    app_state,
    child,
    deployment,
    report,
    status,
    tag,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_past_the_limit_the_worst_and_live_tags_stay_and_the_rest_is_counted() -> None:
    about = report(
        tag("app:fine", child(protected_by=("x",))),
        unreadable("app:unknown"),
        tag("app:old", child(state=MISSING), reference=ReferenceClass.SELECTED),
        tag("app:run", child(state=BROKEN)),
    )
    found = samples(app_state(status(about)), Limits(tags=2))

    kept = [labels["tag"] for labels, _ in found["pullproof_tag_missing_children"]]
    assert kept == ["run", "old"]
    dropped = {labels["metric"]: left for labels, left in found["pullproof_metrics_series_dropped"]}
    assert dropped == {
        "pullproof_tag": 2,
        "pullproof_repository": 0,
        "pullproof_repository_exclusive_bytes": 0,
        "pullproof_tag_sole_protected_children": 0,
        "pullproof_missing_child_info": 0,
        "pullproof_affected_workload_info": 0,
        "pullproof_login_refused_info": 0,
        "pullproof_cause_info": 0,
        "pullproof_tag_gone_info": 0,
    }


def test_a_tag_that_only_lacks_a_platform_is_as_bad_as_one_that_lost_an_image() -> None:
    lost = tag("app:old", child(state=MISSING), reference=ReferenceClass.SELECTED)
    lacking = tag("app:run", child(protected_by=("x",)), lacking=(ARM64,))
    found = samples(app_state(status(report(lost, lacking))), Limits(tags=1))

    kept = [labels["tag"] for labels, _ in found["pullproof_tag_missing_children"]]
    assert kept == ["run"]


def test_of_tags_that_are_well_those_at_risk_are_kept() -> None:
    safe = tag("app:safe", child(protected_by=("x",)))
    risk = tag("app:risk", child(protected_by=()), reference=ReferenceClass.SELECTED)
    found = samples(app_state(status(report(safe, risk))), Limits(tags=1))

    kept = [labels["tag"] for labels, _ in found["pullproof_tag_missing_children"]]
    assert kept == ["risk"]


def test_of_tags_that_are_well_a_pin_that_no_tag_keeps_is_kept() -> None:
    pinned = tag("app@", child("pinned", protected_by=("x",)))
    others = [tag(f"app:v{n}", child(protected_by=("x",))) for n in range(3)]
    found = samples(app_state(status(report(*others, pinned))), Limits(tags=1))

    assert [number for _, number in found["pullproof_tag_unprotected_images"]] == [1]


def test_problems_are_capped_for_each_registry_and_live_ones_are_kept() -> None:
    old = tag("app:old", child("arm", MISSING), reference=ReferenceClass.SELECTED)
    live = tag("app:v1", child("amd64", MISSING), child("arm64", MISSING))
    one, two = (report(old, live, registry=name) for name in ("one", "two"))
    found = samples(app_state(status(one), status(two)), Limits(problems=2))

    kept = [(row["registry"], row["tag"]) for row, _ in found["pullproof_missing_child_info"]]
    assert kept == [("one", "v1"), ("one", "v1"), ("two", "v1"), ("two", "v1")]
    assert ({"metric": "pullproof_missing_child_info"}, 2) in found[
        "pullproof_metrics_series_dropped"
    ]


def test_workloads_are_capped_for_each_registry_and_those_of_live_tags_are_kept() -> None:
    many = tuple(deployment(workload=workload("Deployment", f"shop/n{n}")) for n in range(4))
    idle = tag("app:old", child(state=MISSING), reference=ReferenceClass.IDLE, uses=many)
    live = tag("app:v1", child(state=MISSING), uses=many[:1])
    found = samples(app_state(status(report(idle, live))), Limits(problems=3))

    named = [labels["tag"] for labels, _ in found["pullproof_affected_workload_info"]]
    assert named == ["v1", "old", "old"]
    name = {"metric": "pullproof_affected_workload_info"}
    assert (name, 2) in found["pullproof_metrics_series_dropped"]
    assert (name, 3) in found["pullproof_metrics_series_limit"]
    assert value(report(idle, live), "tag_affected_workloads", tag="old") == 4


class Counted(tuple[Use, ...]):  # noqa: SLOT001 - it counts
    """Uses that count how often somebody went through them."""

    times = 0

    def __iter__(self) -> Iterator[Use]:
        self.times += 1
        return super().__iter__()


@pytest.mark.parametrize("limits", [Limits(), Limits(tags=0, problems=0)], ids=["all", "none"])
def test_the_series_ask_nobody_again_whom_a_loss_affects(limits: Limits) -> None:
    uses = Counted((deployment(), deployment(reference_class=ReferenceClass.ROLLBACK)))
    about = report(tag("app:v1", child(state=MISSING), child("arm64", MISSING), uses=uses))
    uses.times = 0
    samples(app_state(status(about)), limits)

    assert uses.times == 0, "the judge did, once"


def test_the_repositories_with_most_trouble_are_kept() -> None:
    about = report(
        tag("a/fine:v1", child()), tag("b/bad:v1", child(state=MISSING)), unreadable("c/blind:v1")
    )
    found = samples(app_state(status(about)), Limits(repositories=2))

    kept = [labels["repository"] for labels, _ in found["pullproof_repository_tags"]]
    assert kept == ["b/bad", "c/blind"]
