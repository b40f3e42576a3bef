"""A tag runs on amd64; a stopped CronJob wants it on arm64, which is lost. Who is told what?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.commands.answer import Exit, exit_code
from exporter.facts.use import ReferenceClass
from exporter.judge.explanation import explain
from exporter.judge.judgement import judge
from exporter.judge.report import Condition, Urgency
from exporter.publish.answers import explain as explanation
from exporter.publish.answers import report as report_answer
from exporter.publish.answers.check import next_command
from exporter.publish.render import terminal
from exporter.publish.status import RegistryStatus
from exporter.publish.web.tag_index import TagIndex
from tests.fakes import use, workload
from tests.judge.scene import APP, BLIND, NOW, Scene, scene
from tests.publish.answers.saying import check_text, inspect_text
from tests.publish.metrics.series import samples, value
from tests.publish.reports import app_state, status
from tests.publish.web.page import page, shown
from tests.worlds import attestation, index, two_platforms

if TYPE_CHECKING:
    from exporter.judge.report import Report

BOTH = two_platforms("app")
AMD64, ARM64 = BOTH.children
USES = (
    use("app:v1", "linux/amd64", workload=workload("Deployment", "shop/web"), alive=3),
    use(
        "app:v1",
        "linux/arm64",
        reference_class=ReferenceClass.IDLE,
        workload=workload("CronJob", "shop/sync"),
    ),
)
MORE = "pullproof_tag_missing_children"


def told(seen: Scene) -> Report:
    return judge(seen.seal().snapshot(uses=USES), {})


def live() -> Scene:
    return scene(BOTH, "v1", "linux/amd64")


@pytest.fixture
def lost() -> Report:
    return told(live().lose(ARM64.digest))


def test_check_fails_and_names_who_needs_it(lost: Report) -> None:
    text = check_text([lost])

    assert exit_code([lost], whole=True) is Exit.BROKEN
    assert "idle broken" in text
    assert "only idle uses need it" in text
    assert "affects CronJob shop/sync (prod) on linux/arm64, idle" in text
    assert "do not restart" not in text
    assert next_command([lost]) == "pullproof inspect registry.example/app:v1"


def test_check_is_blind_where_a_lower_class_cannot_be_told() -> None:
    assert exit_code([told(live().turn(BLIND, ARM64.digest))], whole=True) is Exit.BLIND
    assert exit_code([told(live())], whole=True) is Exit.WELL


def test_inspect_says_who_needs_it(lost: Report) -> None:
    (line,) = [each for each in inspect_text(lost).splitlines() if "arm64 image  " in each]

    assert f"MISSING  {ARM64.digest}" in line
    assert "only idle uses need it" in line


def test_a_platform_that_only_idle_uses_lack_says_so() -> None:
    lacking = told(scene(index(AMD64), "v1", "linux/amd64"))

    assert "LACKING  no image, only idle uses need it" in inspect_text(lacking)
    assert "only idle uses need it" in check_text([lacking])


def test_explain_says_who_needs_it(lost: Report) -> None:
    found = [explain(lost, APP, None, each.digest) for each in (ARM64, AMD64)]

    text = terminal.render(explanation.blocks(found))
    assert "app:v1 (live, through an index) on linux/arm64, only idle uses need it, used by" in text
    assert "app:v1 (live, through an index) on linux/amd64, used by" in text
    document = explanation.document(found, NOW)
    needed = [each.dependents[0].required_by for each in document.explained]
    assert needed == ["idle", "live"]


async def test_the_page_says_who_needs_it_and_which_runbook(lost: Report) -> None:
    index = TagIndex.of([RegistryStatus.once(lost)])
    (entry,) = index.entries
    found = await page("/tag/registry.example/app:v1", shown(lost))
    text = found.text

    assert index.lost == (entry,)
    assert Condition.PRESENT in entry.tag.conditions
    assert "idle broken Cannot be pulled for linux/arm64, needed only by idle uses." in text
    assert (
        "CronJob shop/sync (prod) on linux/arm64, idle, \N{MULTIPLICATION X} cannot restart" in text
    )
    assert text.count("cannot restart") == 1
    runbooks = [each.rpartition("/")[2] for each in found.links if "runbooks/" in each]
    assert runbooks == ["RegistryIdleTagBroken.md"]


def test_the_report_has_the_class_beside_each_loss(lost: Report) -> None:
    document = report_answer.document([RegistryStatus.once(lost)], NOW)
    (tag,), (finding,) = (
        document.tags,
        [each for each in document.findings if each.check == "missing-child"],
    )

    assert (tag.reference_class, tag.state, tag.failing) == ("live", "present", ("idle",))
    assert [(each.required, each.required_by) for each in tag.children] == [
        (True, "live"),
        (True, "idle"),
    ]
    assert (finding.severity, finding.required_by) == ("warning", "idle")
    assert {each.owner: each.hit for each in tag.used_by} == {
        "Deployment shop/web (prod)": False,
        "CronJob shop/sync (prod)": True,
    }


def test_the_metrics_count_it_under_the_class_that_it_hits(lost: Report) -> None:
    rows = samples(app_state(status(lost)))

    counted = {(labels["class"], labels["need"]): number for labels, number in rows[MORE]}
    assert counted == {("live", "required"): 0, ("idle", "required"): 1}
    for family, live_, idle in (
        ("tag_lacking_platforms", 0, 0),
        ("tag_affected_workloads", None, 1),
        ("tag_affected_running_containers", None, 0),
        ("tag_broken_since_timestamp_seconds", None, NOW),
    ):
        assert value(lost, family, class_="live") == live_, family
        assert value(lost, family, class_="idle") == idle, family
    (info,) = rows["pullproof_missing_child_info"]
    (whom,) = rows["pullproof_affected_workload_info"]
    assert (info[0]["class"], info[0]["need"]) == ("idle", "required")
    assert (whom[0]["class"], whom[0]["workload"]) == ("idle", "sync")
    assert value(lost, "tags", class_="live", state="present") == 1
    assert value(lost, "tags", class_="live", state="broken") == 0


def test_a_lower_class_that_needs_nothing_more_has_no_series_of_its_own() -> None:
    both = told(scene(BOTH, "v1", "linux/amd64", "linux/arm64"))

    assert {labels["class"] for labels, _ in samples(app_state(status(both)))[MORE]} == {"live"}


def test_a_platform_that_is_lacking_to_a_lower_class_is_counted_there() -> None:
    lacking = told(scene(index(AMD64), "v1", "linux/amd64"))

    counted = [value(lacking, "tag_lacking_platforms", class_=each) for each in ("live", "idle")]
    assert counted == [0, 1]
    assert value(lacking, "tag_missing_children", class_="idle", need="required") == 0


def test_what_is_live_is_hit_by_both_losses_and_what_sleeps_by_its_own() -> None:
    both = told(live().lose(AMD64.digest, ARM64.digest))

    hit = [value(both, "tag_affected_workloads", class_=each) for each in ("live", "idle")]
    assert hit == [2, 1]


def test_what_nothing_needs_and_what_is_nested_count_under_the_tag_s_own_class() -> None:
    made = index(index(AMD64), ARM64, attestation(AMD64))
    rows = samples(app_state(status(told(scene(made, "v1", "linux/amd64")))))

    bare = {
        (labels["class"], labels["need"]): number
        for labels, number in rows["pullproof_tag_unprotected_children"]
    }
    assert bare == {("live", "required"): 2, ("live", "optional"): 1, ("idle", "required"): 1}


def test_a_tag_of_which_a_lower_class_knows_nothing_stands_before_one_that_is_well() -> None:
    dark = told(live().turn(BLIND, ARM64.digest))
    well = judge(scene(BOTH, "a").snapshot(), {})

    both = TagIndex.of([RegistryStatus.once(well), RegistryStatus.once(dark)])

    assert [each.tag.urgency for each in both.entries] == [Urgency.UNKNOWN, Urgency.NONE]


def test_what_runs_and_is_hit_stands_before_what_only_sleeps(lost: Report) -> None:
    worse = judge(scene(BOTH, "v9").lose(AMD64.digest).snapshot(), {})

    both = TagIndex.of([RegistryStatus.once(lost), RegistryStatus.once(worse)])

    assert [each.name for each in both.entries] == ["app:v9", "app:v1"]
