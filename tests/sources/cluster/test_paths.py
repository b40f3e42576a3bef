"""Does a path lead to exactly what stands there?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.cluster.paths import FieldPath

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
