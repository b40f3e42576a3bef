"""What CI reads is what the exit code says, is valid, and holds whatever names hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.commands.answer import Exit, exit_code
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import State
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.platform import Platform
from exporter.publish.ci import CheckOutcome, CheckResult, github, junit, results, sarif
from tests.publish.reports import BROKEN, MISSING, child, gone, incident, report, tag

if TYPE_CHECKING:
    from exporter.judge.report import Report

SARIF: Final = {
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "items": {
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "uniqueItems": True,
                                        "items": {"required": ["id", "shortDescription"]},
                                    }
                                },
                            }
                        },
                    },
                    "results": {"items": {"$ref": "#/$defs/result"}},
                },
            }
        },
    },
    "$defs": {
        "result": {
            "required": ["ruleId", "message", "locations"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string", "minLength": 1},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {"required": ["text"]},
                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                "locations": {
                    "minItems": 1,
                    "items": {
                        "required": ["physicalLocation"],
                        "properties": {
                            "physicalLocation": {
                                "properties": {
                                    "artifactLocation": {
                                        "properties": {
                                            "uri": {"pattern": "^[A-Za-z0-9/._~%-]+$"},
                                        }
                                    },
                                    "region": {
                                        "properties": {"startLine": {"minimum": 1}},
                                    },
                                }
                            }
                        },
                    },
                },
            },
        }
    },
}
"""What sections 3.13 to 3.27 of SARIF 2.1.0 ask of the objects that are used here."""
NAMES: Final = st.text(min_size=1) | st.sampled_from(
    ["\n::error::forged", "##[error]x", "]]></failure>", "\x1b[2J", "\udcff", "a%0Ab", "<&\"'>"]
)
OURS: Final = st.sampled_from(["cannot-be-pulled", "inconclusive", "unprotected-child"])
HOSTILE: Final = st.builds(
    CheckResult, st.sampled_from(CheckOutcome), OURS, OURS, NAMES, NAMES, NAMES, st.tuples(NAMES)
)


def read(document: str) -> ET.Element:
    return ET.fromstring(document)  # noqa: S314 - it is our own


def gapped(found: Report, scope: Scope) -> Report:
    gap = Gap(scope, "app", Reason.DENIED)
    return replace(found, snapshot=replace(found.snapshot, gaps=(gap,)))


def proxied(found: Report) -> Report:
    part = (RegistryPart(("*",), Role.PROXY, None),)
    return replace(found, snapshot=replace(found.snapshot, parts=part))


TAGGED: Final = [report(tag("app:v1", child(state=state))) for state in State]
WORLDS: Final = [
    incident(),
    report(),
    *TAGGED,
    *(gapped(each, scope) for each in TAGGED for scope in Scope),
    *map(proxied, TAGGED),
]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_the_results_say_what_the_exit_code_says(world: Report, *, whole: bool) -> None:
    outcomes = {each.outcome for each in results([world], whole=whole, allow_empty=True)}

    failed, doubt = CheckOutcome.FAILED in outcomes, CheckOutcome.INCONCLUSIVE in outcomes
    code = Exit.BROKEN if failed else Exit.BLIND if doubt else Exit.WELL
    assert code == exit_code([world], whole=whole)


def test_a_registry_without_tags_is_no_success_unless_that_is_allowed() -> None:
    assert [each.outcome for each in results([report()], whole=True)] == [CheckOutcome.INCONCLUSIVE]
    assert not [*results([report()], whole=True, allow_empty=True)]


def test_every_tag_is_a_case_and_every_loss_a_failure_that_names_its_digest() -> None:
    world = incident()
    root = read(junit(results([world], whole=True)))

    cases = root.findall("testsuite/testcase")
    failures = root.findall("testsuite/testcase/failure")
    (suite,) = root
    assert len(cases) == len(world.tags) + len(world.snapshot.hiding)
    assert len(cases) == int(suite.get("tests", ""))
    assert len(failures) == world.cannot_be_pulled == int(suite.get("failures", ""))
    assert all("sha256:" in (each.text or "") for each in failures)


@given(st.lists(HOSTILE))
def test_junit_is_xml_whatever_names_hold(found: list[CheckResult]) -> None:
    root = read(junit(found))

    cases = root.findall("testsuite/testcase")
    assert len(cases) == sum(each.outcome is not CheckOutcome.AT_RISK for each in found)
    assert {each.tag for case in cases for each in case} <= {"failure", "error"}


@given(st.lists(HOSTILE))
def test_sarif_is_valid_whatever_names_hold(found: list[CheckResult]) -> None:
    text = sarif(found)
    document = json.loads(text)
    jsonschema.validate(document, SARIF)

    (run,) = document["runs"]
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    assert len(run["results"]) == sum(each.outcome is not CheckOutcome.PASSED for each in found)
    assert text.isascii()


@given(st.lists(HOSTILE, max_size=9))
def test_a_name_begins_no_workflow_command_of_its_own(found: list[CheckResult]) -> None:
    *lines, summary = github(found).split("\n")[:-1]
    parsed = [
        re.fullmatch(r"::(error|warning|notice) title=([^:,]*)::(.*)", each) for each in lines
    ]

    assert all(parsed)
    assert not summary.startswith(":")
    counted = Counter(each[1] for each in parsed if each)
    said = Counter(each.outcome for each in found)
    assert counted["error"] == said[CheckOutcome.FAILED]
    assert sum(counted.values()) == len(found) - said[CheckOutcome.PASSED]


def test_of_many_losses_github_is_told_ten_and_their_number() -> None:
    many = [CheckResult(CheckOutcome.FAILED, "r", "s", "h", "app", f"app:{n}") for n in range(40)]
    lines = github(many).splitlines()

    assert len(lines) == 11
    assert lines[-1].startswith("pullproof: 40 failed, ")
    assert lines[-1].endswith("; not annotated: 30 errors")


def annotated(*worlds: Report) -> tuple[dict[str, str], str]:
    """The errors that GitHub is told, by their titles, and the summary."""
    *lines, summary = github(results(worlds, whole=True)).splitlines()
    parsed = [re.fullmatch(r"::error title=([^:,]*)::(.*)", each) for each in lines]
    errors = {each[1].replace("%3A", ":"): each[2] for each in parsed if each}
    return errors, summary


def test_one_digest_that_breaks_500_tags_is_one_annotation() -> None:
    lost = child("amd64", BROKEN, name="shared")
    errors, summary = annotated(report(*(tag(f"team-{n % 3}/app:v{n}", lost) for n in range(500))))

    ((title, text),) = errors.items()
    assert title == f"layer {lost.lacks[0].digest}"
    assert "1.0 KiB" in text
    assert "0 of 1034 bytes" in text
    assert "breaks 500 tags in 3 repositories (500 live)" in text
    assert "team-0/app:v0 (live) on linux/amd64" in text
    assert "… and 497 more" in text
    assert summary == "pullproof: 500 failed, 0 inconclusive, 0 at risk, 0 passed"


def test_tags_that_no_cause_explains_are_annotated_beside_it() -> None:
    both, own = child("amd64", MISSING, name="both"), child("arm64", BROKEN, name="own")
    arm = Platform("linux", "arm64")
    world = report(
        *(tag(f"app:v{n}", both) for n in range(40)),
        tag("app:more", both, own),
        tag("app:lacking", both, lacking=(arm,)),
        tag("other:alone", own, child("amd64", name="well")),
        gone("app:gone"),
    )
    errors, _ = annotated(world)

    several = [f"manifest {both.digest}", f"layer {own.lacks[0].digest}"]
    names = {each.rpartition("/")[2] for each in [*errors][2:]}
    assert [*errors][:2] == several, "the cause of most tags comes first"
    assert names == {"app:lacking", "app:gone"}, "the others are explained"


def test_many_lost_layers_of_two_tags_are_two_annotations() -> None:
    image = [child("amd64", BROKEN, name=f"lost-{n}") for n in range(20)]
    errors, summary = annotated(report(tag("app:v1", *image), tag("app:stable", *image)))

    assert {each.rpartition("/")[2] for each in errors} == {"app:v1", "app:stable"}
    assert summary == "pullproof: 2 failed, 0 inconclusive, 0 at risk, 0 passed"


def test_the_same_digest_is_a_cause_of_each_registry() -> None:
    lost = child("amd64", BROKEN, name="shared")
    worlds = [report(tag("a:1", lost), tag("a:2", lost), registry=each) for each in ("r.x", "s.x")]
    lines = github(results(worlds, whole=True)).splitlines()

    assert [each.count("breaks 2 tags") for each in lines] == [1, 1, 0]
    assert "r.x" in lines[0]
    assert "s.x" in lines[1]


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcd"), max_size=3), st.booleans()), min_size=1))
def test_no_loss_is_left_out_by_its_causes(drawn: list[tuple[set[str], bool]]) -> None:
    arm = Platform("linux", "arm64")
    images = [
        tag(
            f"app:v{n}",
            *(child("amd64", BROKEN, name=each) for each in sorted(lost)),
            lacking=(arm,) if lacking else (),
        )
        for n, (lost, lacking) in enumerate(drawn)
        if lost or lacking
    ]
    found = [*results([report(*images)], whole=True, allow_empty=True)]

    for each, verdict in zip(
        sorted(found, key=lambda one: one.name),
        sorted(images, key=lambda one: one.name),
        strict=True,
    ):
        lacks = {str(lack.digest) for image in verdict.children for lack in image.lacks}
        named = {cause.name.rpartition(" ")[2] for cause in each.causes}
        assert named <= lacks
        assert each.explained == (lacks == named and bool(lacks) and not verdict.lacking)
