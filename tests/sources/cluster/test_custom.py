"""Do paths lead to the images of custom resources, and to nothing else?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.use import ReferenceClass
from exporter.sources.cluster.custom import CustomResource, FieldPath, Finished

WORKFLOW = {
    "spec": {
        "templates": [
            {"name": "a", "container": {"image": "one"}},
            {"name": "b", "script": {"image": "two"}},
            {"name": "c", "container": {"image": None}},
        ],
        "roles": {"driver": {"image": "three"}, "executor": {"image": "four"}},
        "dotted.name": {"x": ["five"]},
        "matrix": [["six"], ["seven", "eight"]],
    }
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.templates[*].container.image", ["one"]),
        ("spec.templates[*].script.image", ["two"]),
        ("{.spec.roles.*.image}", ["three", "four"]),
        ("$.spec.roles.driver.image", ["three"]),
        (r"spec.dotted\.name.x[*]", ["five"]),
        ("spec.matrix[*][*]", ["six", "seven", "eight"]),
        ("spec.absent[*].image", []),
        ("spec.roles[*].image", []),
        ("spec.templates.container", []),
    ],
)
def test_a_path_finds_what_stands_there_and_nothing_else(path: str, found: list[str]) -> None:
    assert list(FieldPath.parse(path).values(WORKFLOW)) == found


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "a.", "a[0]", "a[*", "a b", "a[*]b", "a.b[?(@.x)]", "{", "a" * 501]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        FieldPath.parse(text)


@given(st.text(max_size=30), st.recursive(st.none() | st.text(), st.lists))
def test_no_path_breaks_on_any_document(text: str, document: object) -> None:
    try:
        path = FieldPath.parse(text)
    except ValueError:
        return
    assert list(path.values(document)) == []


IMAGES = (FieldPath.parse("spec.image"), FieldPath.parse("spec.steps[*].image"))
DONE = Finished(FieldPath.parse("status.phase"), frozenset({"Succeeded"}))
LIVE, IDLE, ROLLBACK = ReferenceClass.LIVE, ReferenceClass.IDLE, ReferenceClass.ROLLBACK


def resource(**more: Any) -> CustomResource:
    return CustomResource("x.example", "v1", "runs", IMAGES, **more)


def test_every_path_counts_and_what_is_absent_is_nothing() -> None:
    document = {"spec": {"image": "a:1", "steps": [{"image": "b:1"}, {"image": ""}, {}]}}

    assert list(resource().references(document)) == ["a:1", "b:1"]


def test_what_is_no_text_is_shown_as_it_is_and_not_passed_over() -> None:
    assert list(resource().references({"spec": {"image": {"name": "a"}}})) == ["{'name': 'a'}"]


@pytest.mark.parametrize(("phase", "wants"), [("Succeeded", []), ("Running", ["a:1"])])
def test_what_has_ended_wants_nothing(phase: str, wants: list[str]) -> None:
    document = {"spec": {"image": "a:1"}, "status": {"phase": phase}}

    assert list(resource(finished=DONE).references(document)) == wants


def test_without_values_anything_at_the_path_means_the_end() -> None:
    anything = resource(finished=Finished(FieldPath.parse("status.completionTime")))

    assert list(anything.references({"spec": {"image": "a:1"}})) == ["a:1"]
    assert not list(
        anything.references({"spec": {"image": "a:1"}, "status": {"completionTime": "now"}})
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, IDLE), (False, ROLLBACK), (0, IDLE), (2, ROLLBACK), (None, ROLLBACK)],
)
def test_true_and_zero_mean_idle(value: object, expected: ReferenceClass) -> None:
    resting = resource(idle=FieldPath.parse("spec.rest"), reference_class=ROLLBACK)

    assert resting.class_of({"spec": {"rest": value}}) is expected


@pytest.mark.parametrize(
    ("replicas", "expected"), [([0, 0], IDLE), ([0, 3], LIVE), ([3, 0], LIVE), ([], LIVE)]
)
def test_what_has_several_parts_is_idle_where_all_of_them_are(
    replicas: list[int], expected: ReferenceClass
) -> None:
    groups = resource(idle=FieldPath.parse("spec.groups[*].replicas"))
    document = {"spec": {"groups": [{"replicas": each} for each in replicas]}}

    assert groups.class_of(document) is expected
