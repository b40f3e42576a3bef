"""Is an answer read however deep one object in it is nested, and is nothing else taken for one?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.sources.cluster.answers import ObjectList
from exporter.sources.cluster.objects import ControllerRevision
from exporter.sources.cluster.resources import decoded

ANYTHING = msgspec.json.Decoder(dict[str, Any])
REVISIONS = msgspec.json.Decoder(ObjectList[ControllerRevision])


def deep(levels: int, within: str = "") -> str:
    return "[" * levels + within + "]" * levels


@pytest.mark.parametrize("levels", [1, 299, 300, 301, 5_000, 200_000])
@pytest.mark.parametrize("within", ["", '"]}"', r'"\"[\\"', '{"a": "}"}'])
def test_what_stands_beside_something_deep_is_read(levels: int, within: str) -> None:
    document = f'{{"before": 1, "deep": {deep(levels, within)}, "after": "[{{"}}'

    found = decoded(document.encode(), ANYTHING)

    assert (found["before"], found["after"]) == (1, "[{")


def test_one_deep_object_hides_no_other_of_its_list() -> None:
    items = [
        f'{{"metadata": {{"name": "r{n}"}}, "revision": {n}, "data": {deep(levels)}}}'
        for n, levels in enumerate((1, 9_000, 1))
    ]
    page = f'{{"kind": "L", "items": [{",".join(items)}], "metadata": {{"resourceVersion": "7"}}}}'

    found = decoded(page.encode(), REVISIONS)

    assert isinstance(found.items, tuple)
    assert [each.metadata.name for each in found.items] == ["r0", "r1", "r2"]
    assert found.metadata.resource_version == "7"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"kind": "\xff"}', b'{"kind": 7}', b'{"a":' + b"[" * 5_000, b"[" * 5_000],
)
def test_what_is_no_such_document_is_told(body: bytes) -> None:
    with pytest.raises(Malformed):
        decoded(body, REVISIONS)


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each),
    )
)
def test_nothing_is_lost_beside_what_is_too_deep(value: object) -> None:
    text = json.dumps({"value": value})

    found = decoded(f'{{"deep": {deep(2_000)}, {text[1:]}'.encode(), ANYTHING)

    assert found["value"] == value
