"""How explain, diff and protect say what they found: all of it, and nothing that it is not."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.facts.registry_kind import Collector
from exporter.facts.use import ReferenceClass
from exporter.judge.change import compare
from exporter.judge.explanation import Explanation, explain
from exporter.judge.judgement import judge
from exporter.judge.keep_tags import KeepTagPlan, plan_keep_tags
from exporter.oci.reference import Tag
from exporter.publish.answers import diff, protect
from exporter.publish.answers import explain as explanation
from exporter.publish.answers.protect import Outcome
from exporter.publish.render import markdown, terminal
from tests.judge.scene import APP, NOW, Scene, scene
from tests.worlds import two_platforms

BOTH = two_platforms("app")
AMD64, ARM64 = BOTH.children


def plan(seen: Scene, collector: Collector = Collector.DISTRIBUTION_2) -> KeepTagPlan:
    report = judge(seen.snapshot(collector=collector), {})
    return plan_keep_tags(report, ReferenceClass.LATEST, "keep")


def plans_text(plans: Sequence[KeepTagPlan]) -> str:
    return terminal.render(protect.blocks(plans))


def explained(found: Sequence[Explanation]) -> str:
    return terminal.render(explanation.blocks(found))


def test_a_plan_is_said_with_the_command_that_does_the_same() -> None:
    found = plan(scene(BOTH).seal())
    name = f"keep-{AMD64.digest.encoded[:12]}"
    command = f"crane tag registry.example/app@{AMD64.digest} {name}"

    assert command in plans_text([found])
    assert command in markdown.render(protect.blocks([found]))
    (entry,) = protect.document([found], None, NOW).registries
    assert command in [each.command for each in entry.wanted]


def test_it_warns_of_retention_always_and_of_lasting_tags_where_they_last() -> None:
    pinned = plans_text([plan(scene(BOTH, None).seal(), Collector.DISTRIBUTION_3)])
    assert "newest N" in pinned
    assert "cannot delete" not in pinned
    for collector in (Collector.DISTRIBUTION_2, Collector.UNKNOWN):
        assert "cannot delete a tag alone" in terminal.render(
            protect.blocks([plan(scene(BOTH).seal(), collector)])
        )


def test_where_there_is_nothing_to_set_there_is_nothing_to_warn_of() -> None:
    said = plans_text([plan(scene(AMD64).seal())])

    assert "nothing to do" in said
    assert "Warnings" not in said


def test_what_cannot_be_told_says_why() -> None:
    assert "could not list all tags of the repository" in terminal.render(
        protect.blocks([plan(scene(BOTH))])
    )


def test_what_was_set_and_what_failed_is_said() -> None:
    found = plan(scene(BOTH).seal())
    done = [Outcome(found.wanted[0], ""), Outcome(found.wanted[1], "denied (403)")]

    said = terminal.render(protect.blocks([found], done))

    assert f"app:{found.wanted[0].tag}  set" in said
    assert f"app:{found.wanted[1].tag}  FAILED: denied (403)" in said
    document = protect.document([found], done, NOW)
    assert (document.applied, len(document.set)) == (True, 1)
    assert document.failed[0].why == "denied (403)"


def test_a_change_names_the_damage_first() -> None:
    seen = scene(BOTH).tag(AMD64, "old", kind=ReferenceClass.IDLE)
    before = judge(seen.tag(AMD64, "dev", kind=ReferenceClass.IDLE).seal().snapshot(), {})
    after = judge(scene(BOTH).lose(AMD64.digest).seal().snapshot(), {})
    change = compare(before, after, lambda root: root.tag == "old")

    said = terminal.render(diff.blocks(change))

    gone = said.index("Gone, not named as intended: 1 tag")
    assert said.index("Broken since") < said.index("app:v1") < gone < said.index("app:dev")
    assert said.index("app:dev") < said.index("Removed (intended): 1 tag") < said.index("app:old")
    assert f"linux/amd64 missing {AMD64.digest}" in said
    assert f"  - linux/amd64 missing {AMD64.digest}" in markdown.render(diff.blocks(change))
    document = diff.document(change, NOW)
    assert document.outcome == "collateral"
    assert [each.kind for each in document.shifts] == ["broken", "gone", "removed"]


def test_an_explanation_says_its_ground() -> None:
    seen = scene(BOTH).tag(AMD64, "0_build", kind=ReferenceClass.SELECTED)
    old = Tag("0_build")

    blind = [explain(judge(seen.snapshot(), {}), APP, old, None)]
    found = [explain(judge(seen.seal().snapshot(), {}), APP, old, None)]

    assert "yes: 0_build, and v1 needs it" in explained(found)
    assert "unknown: could not list all tags of app" in explained(blind)
    assert "app:v1 (live, through an index) on linux/amd64" in terminal.render(
        explanation.blocks(found)
    )
    assert "yes: 0\\_build" in markdown.render(explanation.blocks(found))
    assert explanation.document(found, NOW).explained[0].sole_protector == "yes"


def test_what_is_lost_already_breaks_what_needs_it_now() -> None:
    lost = AMD64.blobs[1].digest
    there = judge(scene(BOTH).seal().snapshot(), {})
    gone = judge(scene(BOTH).lose(lost).seal().snapshot(), {})
    asked = [(there, None, lost), (gone, None, lost), (gone, Tag("v1"), None)]
    texts = [explained([explain(each, APP, tag, digest)]) for each, tag, digest in asked]

    # The tag's other platform still works, and removing the tag would break it.
    assert ["Broken without it:" in each for each in texts] == [False, True, False]
    assert ["Removing it would break:" in each for each in texts] == [True, False, True]
