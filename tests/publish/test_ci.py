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
from exporter.publish.ci import CheckOutcome, CheckResult, github, junit, results, sarif
from tests.publish.reports import child, incident, report, tag

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
