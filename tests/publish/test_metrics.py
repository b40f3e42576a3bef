"""The metrics say what the report says, in every form, and nothing else."""

from __future__ import annotations

import re
import subprocess
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import ELSEWHERE
from exporter.facts.snapshot import Collector, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.checks import unprotected_child
from exporter.judge.finding import Finding, Severity
from exporter.oci.reference import Repository
from exporter.publish import catalogue
from exporter.publish.exposition import Format, Rendered, Samples, expose, label_pairs
from exporter.publish.limits import Limits
from exporter.publish.metrics import render
from exporter.publish.telemetry import Telemetry
from exporter.sources import BUCKETS, Tally
from tests.fakes import use, workload
from tests.golden import golden
from tests.parts.needs import program
from tests.publish.reports import (
    AMD64,
    ARM64,
    BROKEN,
    FIRST_SEEN,
    MISSING,
    PRESENT,
    UNKNOWN,
    attestation,
    child,
    cron_job,
    deployment,
    digest,
    gone,
    incident,
    picture,
    report,
    standing,
    stock,
    tag,
    unreadable,
)

if TYPE_CHECKING:
    from exporter.judge.report import Child, Report
    from exporter.publish.family import Family
    from exporter.publish.standing import Picture

LIMITS = Limits()
TARGETS = frozenset(
    ["namespace", "pod", "container", "service", "job", "instance", "endpoint", "node", "cluster"]
)
"""Labels that belong to the target: Prometheus would rename ours to `exported_…`."""


def samples(
    about: Picture, limits: Limits = LIMITS
) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Every sample by metric name, as prometheus_client's own parser reads it."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read_text(render(about, limits).text.plain.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(about: Report, metric: str, **labels: str) -> float | None:
    """The one value of a metric whose labels include these; None where there is no series."""
    rows = samples(picture(standing(about))).get(f"pullproof_{metric}", [])
    matching = [number for names, number in rows if labels.items() <= names.items()]
    assert len(matching) <= 1, f"{labels} is ambiguous"
    return matching[0] if matching else None


def required(metric: str, *children: Child, **other: Any) -> float | None:
    about = report(tag("app:v1", *children), **other)
    return value(about, metric, tag="v1", need="required")


def test_the_whole_text_is_what_was_reviewed() -> None:
    text = render(picture(standing(incident())), LIMITS).text.plain.decode()
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
    assert value(report(gone("app:v1")), "children", reference="live", state="missing") == 1


def test_a_tag_that_could_not_be_read_is_unknown_and_not_missing() -> None:
    about = report(unreadable("app:v1"))

    assert value(about, "tag_unknown_children", need="required") == 1
    assert value(about, "tag_missing_children", need="required") == 0
    assert value(about, "tag_unprotected_children") is None
    assert value(about, "children", reference="live", state="unknown") == 1


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


def test_what_a_registry_need_not_hold_is_not_counted() -> None:
    hole = child("arm64", UNKNOWN, expected=False, required=False)
    about = report(tag("app:v1", child(), hole), role=Role.SPARSE, platforms=frozenset({AMD64}))

    assert value(about, "tag_unknown_children", need="optional") is None
    assert value(about, "children", reference="live", state="unknown") == 0


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
    assert value(open_list, "unprotected_children", reference="live") is None
    assert value(open_list, "repository_unprotected_children") is None
    assert value(open_list, "findings", check="unprotected-child", severity="info") is None


def test_what_is_gone_is_not_called_unprotected() -> None:
    assert required("tag_unprotected_children", child(state=MISSING)) == 0


def test_an_unprotected_nested_index_counts() -> None:
    nested = replace(tag("app:v1", child(protected_by=("v1-amd64",))), indexes=(digest("amd64"),))

    assert value(report(nested), "tag_unprotected_children", need="required") == 1
    assert value(report(nested), "unprotected_children", reference="live") == 1
    assert value(report(nested), "repository_unprotected_children") == 1


def test_a_child_under_two_tags_is_counted_once_under_the_higher_class() -> None:
    shared = child("amd64", MISSING)
    latest = tag("app:latest", shared, reference=ReferenceClass.LATEST)
    about = report(tag("app:v1", shared), latest)

    assert value(about, "children", reference="live", state="missing") == 1
    assert value(about, "children", reference="latest", state="missing") == 0
    assert value(about, "repository_missing_children") == 1
    assert value(about, "tags", reference="latest", state="broken") == 1


def test_bytes_that_repositories_share_are_counted_once_for_the_registry() -> None:
    about = report(tag("one/app:v1", child()), tag("two/app:v1", child()))
    each, layer, manifest = 300, 1034, 400

    assert value(about, "repository_logical_bytes", repository="one/app") == each + layer + manifest
    assert value(about, "referenced_bytes") == 2 * each + layer + manifest


def test_a_foreign_layer_is_no_blob_of_this_registry() -> None:
    about = report(tag("app:v1", child()))
    layer = (Repository("app"), digest(f"layer of {digest('amd64')}"))
    sightings = {**about.snapshot.sightings, layer: ELSEWHERE}
    about = replace(about, snapshot=replace(about.snapshot, sightings=sightings))

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
    risk = Finding(unprotected_child.RULE, Severity.WARNING, root, digest("amd64"), AMD64, "")
    since = dict(about.since) | {risk.key: FIRST_SEEN - 3600}
    about = replace(about, findings=(risk, *about.findings), since=since)

    assert value(about, "tag_broken_since_timestamp_seconds", tag="v1") == FIRST_SEEN


def test_the_first_of_two_losses_dates_the_tag() -> None:
    about = report(tag("app:v1", child("amd64", MISSING), child("arm64", MISSING)))
    first, second = about.findings
    about = replace(about, since={first.key: 200.0, second.key: 100.0})

    assert value(about, "tag_broken_since_timestamp_seconds", tag="v1") == 100


def test_a_digest_is_a_label_of_problems_only() -> None:
    found = samples(picture(standing(incident())))

    named = {name for name, rows in found.items() for labels, _ in rows if "digest" in labels}
    assert named == {"pullproof_missing_child_info"}
    states = {labels["state"] for labels, _ in found["pullproof_missing_child_info"]}
    assert states == {"missing", "broken"}


def test_past_the_limit_the_worst_and_live_tags_stay_and_the_rest_is_counted() -> None:
    about = report(
        tag("app:fine", child(protected_by=("x",))),
        unreadable("app:unknown"),
        tag("app:old", child(state=MISSING), reference=ReferenceClass.SELECTED),
        tag("app:run", child(state=BROKEN)),
    )
    found = samples(picture(standing(about)), Limits(tags=2))

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
    }


def test_a_tag_that_only_lacks_a_platform_is_as_bad_as_one_that_lost_an_image() -> None:
    lost = tag("app:old", child(state=MISSING), reference=ReferenceClass.SELECTED)
    lacking = tag("app:run", child(protected_by=("x",)), lacking=(ARM64,))
    found = samples(picture(standing(report(lost, lacking))), Limits(tags=1))

    kept = [labels["tag"] for labels, _ in found["pullproof_tag_missing_children"]]
    assert kept == ["run"]


def test_of_tags_that_are_well_those_at_risk_are_kept() -> None:
    safe = tag("app:safe", child(protected_by=("x",)))
    risk = tag("app:risk", child(protected_by=()), reference=ReferenceClass.SELECTED)
    found = samples(picture(standing(report(safe, risk))), Limits(tags=1))

    kept = [labels["tag"] for labels, _ in found["pullproof_tag_missing_children"]]
    assert kept == ["risk"]


def test_problems_are_capped_for_each_registry_and_live_ones_are_kept() -> None:
    old = tag("app:old", child("arm", MISSING), reference=ReferenceClass.SELECTED)
    live = tag("app:v1", child("amd64", MISSING), child("arm64", MISSING))
    one, two = (report(old, live, registry=name) for name in ("one", "two"))
    found = samples(picture(standing(one), standing(two)), Limits(problems=2))

    kept = [(row["registry"], row["tag"]) for row, _ in found["pullproof_missing_child_info"]]
    assert kept == [("one", "v1"), ("one", "v1"), ("two", "v1"), ("two", "v1")]
    assert ({"metric": "pullproof_missing_child_info"}, 2) in found[
        "pullproof_metrics_series_dropped"
    ]


def test_a_broken_tag_says_whom_it_hits_and_a_whole_one_does_not() -> None:
    lost = tag("shop/app:v1", child(state=MISSING), uses=(deployment(), cron_job()))
    both = report(lost, tag("shop/app:v2", child(name="ok"), uses=(deployment(),)))
    where = {"repository": "shop/app", "tag": "v1", "reference": "live"}

    assert value(both, "tag_affected_workloads", **where) == 2
    assert value(both, "tag_affected_running_containers", **where) == 12
    assert value(both, "tag_affected_next_run_timestamp_seconds", **where) == 1_777_604_400
    for name in ("workloads", "running_containers", "next_run_timestamp_seconds"):
        assert value(both, f"tag_affected_{name}", tag="v2") is None
    (web,) = [
        labels
        for labels, _ in samples(picture(standing(both)))["pullproof_affected_workload_info"]
        if labels["workload_kind"] == "Deployment"
    ]
    assert web == where | {
        "registry": "registry.example",
        "workload_cluster": "prod",
        "workload_namespace": "shop",
        "workload_kind": "Deployment",
        "workload": "web",
        "platforms": "linux/amd64,linux/arm64",
    }


def test_a_login_that_is_refused_is_told_once_for_each_repository() -> None:
    logins = ("prod shop: a", "prod shop: b")
    tags = (tag(f"{name}:v{n}", refused=logins) for name in ("app", "web") for n in (1, 2))
    found = samples(picture(standing(report(*tags))), Limits(problems=3))

    told = [
        (each["repository"], each["login"]) for each, _ in found["pullproof_login_refused_info"]
    ]
    assert told == [("app", logins[0]), ("app", logins[1]), ("web", logins[0])]
    name = {"metric": "pullproof_login_refused_info"}
    assert (name, 1) in found["pullproof_metrics_series_dropped"]


def test_a_reference_of_a_file_is_no_workload() -> None:
    about = report(tag("app:v1", child(state=MISSING), uses=(use("app:v1"),)))

    assert value(about, "tag_affected_workloads", tag="v1") == 0
    assert "pullproof_affected_workload_info" not in samples(picture(standing(about)))


def test_workloads_are_capped_for_each_registry_and_those_of_live_tags_are_kept() -> None:
    many = tuple(deployment(workload=workload("Deployment", f"shop/n{n}")) for n in range(4))
    idle = tag("app:old", child(state=MISSING), reference=ReferenceClass.IDLE, uses=many)
    live = tag("app:v1", child(state=MISSING), uses=many[:1])
    found = samples(picture(standing(report(idle, live))), Limits(problems=3))

    named = [labels["tag"] for labels, _ in found["pullproof_affected_workload_info"]]
    assert named == ["v1", "old", "old"]
    name = {"metric": "pullproof_affected_workload_info"}
    assert (name, 2) in found["pullproof_metrics_series_dropped"]
    assert (name, 3) in found["pullproof_metrics_series_limit"]
    assert value(report(idle, live), "tag_affected_workloads", tag="old") == 4


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
    moved = report(replace(made, uses=(use("app:v1", running=frozenset({other})),)))
    same = report(replace(made, uses=(use("app:v1", running=frozenset({digest("amd64")})),)))

    beside = report(made, tag("app@", child(name="pinned")))
    idle = replace(moved.verdicts[0], root=replace(made.root, reference_class=ReferenceClass.IDLE))
    asleep = report(idle, tag("app@", child(name="pinned")))
    every = (quiet, moved, same, beside, asleep)
    counts = [value(each, "tag_unprotected_images", tag="v1") for each in every]
    assert counts == [None, 1, 0, None, None]


def test_the_repositories_with_most_trouble_are_kept() -> None:
    about = report(
        tag("a/fine:v1", child()), tag("b/bad:v1", child(state=MISSING)), unreadable("c/blind:v1")
    )
    found = samples(picture(standing(about)), Limits(repositories=2))

    kept = [labels["repository"] for labels, _ in found["pullproof_repository_tags"]]
    assert kept == ["b/bad", "c/blind"]


def test_without_a_report_only_the_health_of_the_looking_is_said() -> None:
    blind = standing(
        None,
        up=False,
        audits=2,
        last_attempt=5.0,
        failures={Reason.TLS: 2},
        gaps=(Gap(Scope.REGISTRY, "registry.example", Reason.TLS),),
    )
    found = samples(picture(blind))

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
    assert "pullproof_registry_up" not in samples(picture(standing(None)))


def test_the_configuration_hash_moves_with_the_configuration() -> None:
    before = picture()
    after = replace(before, reload=replace(before.reload, digest="sha256:other"))

    assert samples(before)["pullproof_config_hash"] != samples(after)["pullproof_config_hash"]


def test_the_collector_of_a_registry_is_a_label() -> None:
    about = report(tag("app:v1", child()), collector=Collector.DISTRIBUTION_3)

    assert value(about, "registry_info", collector="distribution-3") == 1


def full(form: Format, about: Picture) -> bytes:
    return render(about, LIMITS).rendered(form).plain + Telemetry().body(about, form)


def busy() -> Picture:
    """A picture in which every family of the catalogue has a series."""
    tally = Tally(
        requests={("blob", "2xx"): 7, ("tags", "429"): 1},
        seconds={"blob": [1, 2] + [0] * (len(BUCKETS) - 2) + [4]},
        seconds_sum={"blob": 31.5},
        retries=3,
        throttled_seconds=2.5,
    )
    running = frozenset({"registry.example"})
    pinned = tag("shop/pin@", child("amd64", name="pin"))
    about = replace(incident(pinned), stock=stock())
    return picture(standing(about, tally=tally, facts_written=1.0), in_progress=running)


def test_every_family_of_the_catalogue_is_published_and_no_other() -> None:
    text = full(Format.TEXT, busy()).decode()
    typed = dict(re.findall(r"^# TYPE (pullproof_\S+) (\S+)$", text, re.MULTILINE))

    assert typed == {family.name: family.kind.value for family in catalogue.FAMILIES}


def test_series_carry_exactly_the_labels_of_the_catalogue() -> None:
    parsed = {family.name: family for family in read_text(full(Format.TEXT, busy()).decode())}

    for family in catalogue.FAMILIES:
        for sample in parsed[family.stem].samples:
            assert sample.labels.keys() - {"le"} == set(family.labels), sample


def test_families_are_grouped_and_described_once() -> None:
    for form in Format:
        text = full(form, busy()).decode()
        heads = re.findall(r"^# (HELP|TYPE) (\S+)", text, re.MULTILINE)
        assert len(heads) == len(set(heads))
        owners = [re.split(r"[{ ]", line)[0] for line in text.splitlines() if line[0] != "#"]
        stems = [re.sub("_(bucket|sum|count|total)$", "", owner) for owner in owners]
        changes = [new for old, new in zip(["", *stems], stems, strict=False) if old != new]
        assert len(changes) == len(set(changes))


def test_openmetrics_is_read_by_its_own_parser_and_ends_once() -> None:
    text = full(Format.OPENMETRICS, busy()).decode()

    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    names = {family.name for family in read_openmetrics(text)}
    assert {family.stem for family in catalogue.FAMILIES} <= names


def test_both_formats_carry_the_same_samples() -> None:
    exposition = render(busy(), LIMITS)
    text, other = exposition.text.plain.decode(), exposition.openmetrics.plain.decode()

    def lines(body: str) -> list[str]:
        return [line for line in body.splitlines() if not line.startswith("#")]

    assert lines(text) == lines(other)


@given(st.binary(), st.binary())
def test_a_compressed_text_is_continued_as_one_gzip_file(body: bytes, tail: bytes) -> None:
    """One member: clients exist that stop after the first."""
    stream = zlib.decompressobj(wbits=31)

    assert stream.decompress(Rendered.of(body).continued(tail)) == body + tail
    assert (stream.eof, stream.unused_data) == (True, b"")


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert render(busy(), LIMITS) == render(busy(), LIMITS)


def test_promtool_finds_nothing_to_say() -> None:
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(
        command, input=full(Format.TEXT, busy()), capture_output=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=4, max_size=4))
def test_any_label_value_survives_the_way_to_prometheus(values: list[str]) -> None:
    family = catalogue.TAG_LACKING_PLATFORMS
    collected = Samples()
    collected.add(family, label_pairs(family.labels, values), 1)
    exposition = expose(collected)

    for body, read in (
        (exposition.text.plain, read_text),
        (exposition.openmetrics.plain + b"# EOF\n", read_openmetrics),
    ):
        (parsed,) = read(body.decode())
        assert parsed.samples[0].labels == dict(zip(family.labels, values, strict=True))


@pytest.mark.parametrize("family", catalogue.FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions(family: Family) -> None:
    assert re.fullmatch(r"pullproof_[a-z]+(_[a-z]+)*", family.name)
    assert family.name.endswith("_total") == (family.kind.value == "counter")
    assert family.help.endswith(".")
    assert not TARGETS & set(family.labels)
