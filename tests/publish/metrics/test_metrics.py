"""The metrics say what the report says, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import ELSEWHERE
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.judge.checks import unprotected_child
from exporter.judge.finding import Finding, Severity
from exporter.judge.protection import Risk
from exporter.judge.tag_verdict import Child, ChildKind
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from tests.fakes import use
from tests.golden import golden
from tests.publish.metrics.series import LIMITS, samples, value
from tests.publish.reports import (
    AMD64,
    ARM64,
    BROKEN,
    FIRST_SEEN,
    MISSING,
    PRESENT,
    UNKNOWN,
    app_state,
    attestation,
    child,
    cron_job,
    deployment,
    digest,
    gone,
    incident,
    rejudged,
    report,
    status,
    tag,
    unreadable,
)

if TYPE_CHECKING:
    from exporter.judge.tag_verdict import Child


def required(metric: str, *children: Child, **other: Any) -> float | None:
    about = report(tag("app:v1", *children), **other)
    return value(about, metric, tag="v1", need="required")


def test_the_whole_text_is_what_was_reviewed() -> None:
    text = render(app_state(status(incident())), LIMITS).text.plain.decode()
    steady = re.sub(r'python_version="[^"]*"', 'python_version="*"', text)
    steady = re.sub(r'(build_info{)version="[^"]*"', r'\1version="*"', steady)

    golden("metrics.txt", steady)


def test_missing_broken_and_unknown_children_are_counted_apart() -> None:
    children = (child("amd64", MISSING), child("arm64", BROKEN), child("arm", UNKNOWN))

    assert required("tag_missing_children", *children) == 1
    assert required("tag_broken_children", *children) == 1
    assert required("tag_unknown_children", *children) == 1


def test_a_healthy_tag_has_zeros() -> None:
    for state in ("missing", "broken", "unknown"):
        assert required(f"tag_{state}_children", child(protected_by=("v1-amd64",))) == 0
    assert required("tag_unprotected_children", child(protected_by=("v1-amd64",))) == 0


def test_a_tag_without_optional_children_has_no_optional_series() -> None:
    about = report(tag("app:v1", child()))

    assert value(about, "tag_missing_children", need="optional") is None


def test_a_tag_of_which_nothing_is_needed_has_zeros_all_the_same() -> None:
    about = report(tag("app:sha256-1.sig", attestation(MISSING)))

    assert value(about, "tag_missing_children", need="optional") == 1
    assert value(about, "tag_missing_children", need="required") == 0


def test_a_lost_attestation_counts_as_optional_only() -> None:
    about = report(tag("app:v1", child(), attestation(MISSING)))

    assert value(about, "tag_missing_children", need="optional") == 1
    assert value(about, "tag_missing_children", need="required") == 0


def test_a_tag_that_is_gone_counts_one_missing_child() -> None:
    assert value(report(gone("app:v1")), "tag_missing_children", need="required") == 1
    assert value(report(gone("app:v1")), "children", class_="live", state="missing") == 1


def test_a_tag_that_could_not_be_read_is_unknown_and_not_missing() -> None:
    about = report(unreadable("app:v1"))

    assert value(about, "tag_unknown_children", need="required") == 1
    assert value(about, "tag_missing_children", need="required") == 0
    assert value(about, "tag_unprotected_children") is None
    assert value(about, "children", class_="live", state="unknown") == 1


def test_a_platform_that_must_run_and_is_not_offered_has_a_count_of_its_own() -> None:
    about = report(tag("app:v1", child(), lacking=(ARM64,)))

    assert value(about, "tag_lacking_platforms", tag="v1") == 1
    assert value(about, "tag_missing_children", need="required") == 0
    assert value(about, "missing_child_info", platform="linux/arm64", digest="") == 1


def test_a_platform_that_a_mirror_leaves_out_is_told_apart_and_is_no_problem() -> None:
    left_out = child("arm64", UNKNOWN, expected=False)
    about = report(tag("app:v1", child(), left_out, lacking=(ARM64,)))

    assert value(about, "tag_unmirrored_platforms", tag="v1") == 1
    assert value(about, "tag_lacking_platforms", tag="v1") == 0
    assert value(about, "missing_child_info") is None


@pytest.mark.parametrize("others", [(), (child("amd64", required_by=None),)], ids=["none", "one"])
def test_a_mirror_that_has_nothing_for_a_platform_is_no_reason_for_silence(
    others: tuple[Child, ...],
) -> None:
    left_out = child("arm64", UNKNOWN, expected=False, required_by=None)
    two = report(
        tag("app:v1", left_out, *others, lacking=(Platform("linux", "s390x"),)),
        tag("app:v2", left_out, *others, lacking=(ARM64,)),
        role=Role.SPARSE,
    )

    assert value(two, "tag_lacking_platforms", tag="v1") == 1
    assert value(two, "tag_unmirrored_platforms", tag="v2") == 1
    for metric in ("tag_missing_children", "tag_broken_children"):
        # Who adds them up, as the rules do, would else get nothing at all.
        assert value(two, metric, tag="v1", need="required") == 0


def test_what_a_registry_need_not_hold_is_not_counted() -> None:
    hole = child("arm64", UNKNOWN, expected=False, required_by=None)
    about = report(tag("app:v1", child(), hole), role=Role.SPARSE, platforms=frozenset({AMD64}))

    assert value(about, "tag_unknown_children", need="optional") is None
    assert value(about, "children", class_="live", state="unknown") == 0


def test_a_pull_through_cache_gets_no_zero_that_nobody_proved() -> None:
    about = report(tag("app:v1", child(state=UNKNOWN, expected=False)), role=Role.PROXY)

    assert value(about, "tag_missing_children") is None
    assert value(about, "findings", check="missing-child", severity="critical") is None
    assert value(about, "registry_info", role="proxy") == 1


def test_protection_is_counted_only_where_every_tag_is_known() -> None:
    bare, unsure = child(protected_by=()), child(protected_by=None)

    assert required("tag_unprotected_children", bare) == 1
    assert required("tag_unprotected_children", unsure, sealed={}) is None
    open_list = report(tag("app:v1", unsure), sealed={})
    assert value(open_list, "unprotected_children", class_="live") is None
    assert value(open_list, "repository_unprotected_children") is None
    assert value(open_list, "findings", check="unprotected-child", severity="info") is None


def test_what_is_gone_is_not_called_unprotected() -> None:
    assert required("tag_unprotected_children", child(state=MISSING)) == 0


def test_the_blobs_of_a_cache_are_not_called_unprotected() -> None:
    cache = report(tag("app:cache", child(kind=ChildKind.CACHE, protected_by=())))

    assert value(cache, "repository_unprotected_children") == 0
    assert value(cache, "unprotected_children", class_="live") == 0


def test_an_unprotected_nested_index_counts() -> None:
    inner = digest("amd64")
    nested = replace(
        tag("app:v1", child(protected_by=("v1-amd64",))),
        indexes=(inner,),
        endangered=((inner, Risk.SWEPT),),
    )

    assert value(report(nested), "tag_unprotected_children", need="required") == 1
    assert value(report(nested), "unprotected_children", class_="live") == 1
    assert value(report(nested), "repository_unprotected_children") == 1


def test_a_child_under_two_tags_is_counted_once_under_the_higher_class() -> None:
    shared = child("amd64", MISSING)
    latest = tag("app:latest", shared, reference=ReferenceClass.LATEST)
    about = report(tag("app:v1", shared), latest)

    assert value(about, "children", class_="live", state="missing") == 1
    assert value(about, "children", class_="latest", state="missing") == 0
    assert value(about, "repository_missing_children") == 1
    assert value(about, "tags", class_="latest", state="broken") == 1


def test_bytes_that_repositories_share_are_counted_once_for_the_registry() -> None:
    about = report(tag("one/app:v1", child()), tag("two/app:v1", child()))
    each, layer, manifest = 300, 1034, 400

    assert value(about, "repository_logical_bytes", repository="one/app") == each + layer + manifest
    assert value(about, "referenced_bytes") == 2 * each + layer + manifest


def test_a_foreign_layer_is_no_blob_of_this_registry() -> None:
    about = report(tag("app:v1", child()))
    layer = (Repository("app"), digest(f"layer of {digest('amd64')}"))
    sightings = {**about.snapshot.sightings, layer: ELSEWHERE}
    about = rejudged(about, snapshot=replace(about.snapshot, sightings=sightings))

    assert value(about, "blobs", state="present") == 0
    assert value(about, "referenced_bytes") == 300 + 400
    assert value(about, "repository_logical_bytes") == 300 + 400


def test_blobs_are_told_from_manifests_even_where_the_manifest_is_gone() -> None:
    about = report(tag("app:v1", child(), child("arm64", MISSING)))

    assert value(about, "blobs", state="present") == 1
    assert value(about, "blobs", state="missing") == 0


def test_a_broken_tag_says_since_when_and_a_whole_one_does_not() -> None:
    assert value(incident(), "tag_broken_since_timestamp_seconds", tag="v1") == FIRST_SEEN
    assert value(incident(), "tag_broken_since_timestamp_seconds", tag="latest") is None


def test_a_lost_attestation_does_not_make_a_tag_broken_since() -> None:
    about = report(tag("app:v1", child(), attestation(MISSING)))

    assert value(about, "tag_broken_since_timestamp_seconds") is None


def test_a_risk_that_is_older_than_the_loss_does_not_date_the_loss() -> None:
    about = report(tag("app:v1", child(state=MISSING)))
    root = about.verdicts[0].root
    risk = Finding(unprotected_child.CHECK.rule, Severity.WARNING, root, digest("amd64"), AMD64, "")
    since = dict(about.since) | {risk.key: FIRST_SEEN - 3600}
    about = rejudged(about, risk, *about.findings, since=since)

    assert value(about, "tag_broken_since_timestamp_seconds", tag="v1") == FIRST_SEEN


def test_the_first_of_two_losses_dates_the_tag() -> None:
    about = report(tag("app:v1", child("amd64", MISSING), child("arm64", MISSING)))
    first, second = about.findings
    about = rejudged(about, since={first.key: 200.0, second.key: 100.0})

    assert value(about, "tag_broken_since_timestamp_seconds", tag="v1") == 100


def test_a_digest_is_a_label_of_problems_only() -> None:
    found = samples(app_state(status(incident())))

    named = {name for name, rows in found.items() for labels, _ in rows if "digest" in labels}
    info = {"pullproof_missing_child_info", "pullproof_cause_info"}
    assert named == {*info, "pullproof_cause_affected_tags"}
    states = {labels["state"] for labels, _ in found["pullproof_missing_child_info"]}
    assert states == {"missing", "broken"}


def test_a_broken_tag_says_whom_it_hits_and_a_whole_one_does_not() -> None:
    lost = tag("shop/app:v1", child(state=MISSING), uses=(deployment(), cron_job()))
    both = report(lost, tag("shop/app:v2", child(name="ok"), uses=(deployment(),)))
    where = {"repository": "shop/app", "tag": "v1", "class": "live"}

    assert value(both, "tag_affected_workloads", **where) == 2
    assert value(both, "tag_affected_running_containers", **where) == 12
    assert value(both, "tag_affected_next_run_timestamp_seconds", **where) == 1_777_604_400
    for name in ("workloads", "running_containers", "next_run_timestamp_seconds"):
        assert value(both, f"tag_affected_{name}", tag="v2") is None
    (web,) = [
        labels
        for labels, _ in samples(app_state(status(both)))["pullproof_affected_workload_info"]
        if labels["workload_kind"] == "Deployment"
    ]
    assert web == where | {
        "registry": "registry.example",
        "workload_cluster": "prod",
        "workload_namespace": "shop",
        "workload_kind": "Deployment",
        "workload": "web",
        "platforms": "linux/amd64,linux/arm64",
        "need": "required",
    }


def test_a_login_that_is_refused_is_told_once_for_each_repository() -> None:
    logins = ("prod shop: a", "prod shop: b")
    tags = (tag(f"{name}:v{n}", refused=logins) for name in ("app", "web") for n in (1, 2))
    found = samples(app_state(status(report(*tags))), Limits(problems=3))

    told = [
        (each["repository"], each["login"]) for each, _ in found["pullproof_login_refused_info"]
    ]
    assert told == [("app", logins[0]), ("app", logins[1]), ("web", logins[0])]
    name = {"metric": "pullproof_login_refused_info"}
    assert (name, 1) in found["pullproof_metrics_series_dropped"]


def test_a_reference_of_a_file_is_no_workload() -> None:
    about = report(tag("app:v1", child(state=MISSING), uses=(use("app:v1"),)))

    assert value(about, "tag_affected_workloads", tag="v1") == 0
    assert "pullproof_affected_workload_info" not in samples(app_state(status(about)))


@pytest.mark.parametrize(
    ("reference", "sealed", "count"),
    [
        (ReferenceClass.LIVE, True, 1),
        (ReferenceClass.LIVE, False, None),
        (ReferenceClass.ROLLBACK, True, None),
    ],
)
def test_a_live_pin_that_no_tag_keeps_is_counted_where_that_is_known(
    reference: ReferenceClass, *, sealed: bool, count: int | None
) -> None:
    pinned = tag("app@", child(), reference=reference)
    about = report(pinned) if sealed else report(pinned, sealed={})

    assert value(about, "tag_unprotected_images", repository="app") == count
    cache = report(pinned, role=Role.PROXY)
    assert value(cache, "tag_unprotected_images", repository="app") is None


def test_of_a_tag_only_what_runs_by_it_is_counted() -> None:
    made, other = tag("app:v1", child(), state=PRESENT), digest("left behind")
    quiet = report(replace(made, uses=(use("app:v1"),)))
    left = replace(made, uses=(use("app:v1", running=frozenset({other})),))
    moved = report(left)
    same = report(replace(made, uses=(use("app:v1", running=frozenset({digest("amd64")})),)))

    beside = report(made, tag("app@", child(name="pinned")))
    idle = replace(left, root=replace(made.root, reference_class=ReferenceClass.IDLE))
    asleep = report(idle, tag("app@", child(name="pinned")))
    every = (quiet, moved, same, beside, asleep)
    counts = [value(each, "tag_unprotected_images", tag="v1") for each in every]
    assert counts == [None, 1, 0, None, None]


def test_without_a_report_only_the_health_of_the_looking_is_said() -> None:
    blind = status(
        None,
        up=False,
        audits=2,
        last_attempt=5.0,
        failures={Reason.TLS: 2},
        gaps=(Gap(Scope.REGISTRY, "registry.example", Reason.TLS),),
    )
    found = samples(app_state(blind))

    assert found["pullproof_registry_up"] == [({"registry": "registry.example", "shard": "0"}, 0)]
    assert "pullproof_audit_last_success_timestamp_seconds" not in found
    assert not {
        name for name in found if re.match("pullproof_(tag|children|repository|blobs)", name)
    }
    failures = {row["reason"]: left for row, left in found["pullproof_audit_failures_total"]}
    assert failures["tls"] == 2
    assert set(failures) == {str(reason) for reason in Reason}
    gaps = {(row["scope"], row["reason"]): left for row, left in found["pullproof_gaps"]}
    assert gaps["registry", "tls"] == 1
    assert sum(gaps.values()) == 1


def test_before_the_first_audit_nothing_is_said_to_be_up_or_down() -> None:
    assert "pullproof_registry_up" not in samples(app_state(status(None)))


def test_the_configuration_hash_moves_with_the_configuration() -> None:
    before = app_state()
    after = replace(before, reload=replace(before.reload, digest="sha256:other"))

    assert samples(before)["pullproof_config_hash"] != samples(after)["pullproof_config_hash"]


def test_the_collector_of_a_registry_is_a_label() -> None:
    about = report(tag("app:v1", child()), collector=Collector.DISTRIBUTION_3)

    assert value(about, "registry_info", collector="distribution-3") == 1
