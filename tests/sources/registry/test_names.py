from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.oci.reference import Tag, tag
from exporter.ports import Full
from exporter.sources.registry.names import NameReader

ENTRIES: Final = st.lists(st.sampled_from(["v1", "v2", "latest", "a-b", "?", "", "é", "x" * 200]))
MORE: Final = st.dictionaries(
    st.sampled_from(["name", "extra", "Tags"]),
    st.recursive(st.none() | st.integers() | st.text(max_size=3), st.lists, max_leaves=4),
)


@pytest.mark.parametrize("number", [2**63, -(10**30), 1.5, 1e300, 10**4_000])
async def test_numbers_beside_a_list_are_no_fault_of_it(number: float) -> None:
    names = await taken(json.dumps({"n": number, "tags": ["v1"]}).encode())

    names.end()
    assert list(names.found) == ["v1"]


async def taken(document: bytes, most: int = 100, pieces: int = 1 << 20) -> NameReader[Tag]:
    names = NameReader("tags", tag, most)
    try:
        for at in range(0, len(document), pieces):
            await names.take(document[at : at + pieces])
    except Full:
        pass
    return names


def is_tag(entry: str) -> bool:
    try:
        tag(entry)
    except Malformed:
        return False
    return True


@given(entries=ENTRIES, more=MORE, first=st.booleans(), pieces=st.integers(1, 40))
async def test_names_are_those_of_the_whole_document_however_it_is_cut(
    *, entries: list[str], more: dict[str, object], first: bool, pieces: int
) -> None:
    document = {"tags": entries, **more} if first else {**more, "tags": entries}

    names = await taken(json.dumps(document).encode(), pieces=pieces)

    names.end()
    assert list(names.found) == list(dict.fromkeys(filter(is_tag, entries)))
    assert (names.count, names.refusals) == (len(entries), sum(not is_tag(e) for e in entries))
    assert names.last == (entries[-1] if entries and is_tag(entries[-1]) else "")
    assert not names.cut


@given(st.binary(max_size=60))
async def test_any_bytes_are_a_list_or_malformed(document: bytes) -> None:
    names = await taken(document, pieces=7)
    try:
        names.end()
    except Malformed:
        return
    assert "tags" in json.loads(document)


@given(st.integers(0, 6))
async def test_no_more_names_are_taken_than_are_wanted(most: int) -> None:
    names = await taken(b'{"tags":["a","a","b","c","d"', most)

    assert len(names.found) == min(most, 4)
    assert names.cut == (most < 4)


@pytest.mark.parametrize(
    "document",
    [
        b'{"tags":["' + b"x" * 200_000,
        b'{"tags":[' + b" " * 200_000,
        b'{"tags":' + b"[" * 20,
        b'{"x":' + b"[" * 20,
        b'{"tags":["a"],"tags":["b"]}',
        b'{"tags":["a"]} {}',
        b'{"tags":[["a"]]}',
        b'{"tags":[{}]}',
        b'[{"tags":[]}]',
        b'{"x":{"tags":["a"]}}',
        b'{"tags":["a",]}',
        b'{"tags":["a"],}',
        b'{"tags":["a"',
        b'{"tags":["a"}',
        b'{"tags":["a"]]',
        b'{"tags" ["a"]}',
        b'{"tags":["\\x"]}',
        b'{"n":01,"tags":[]}',
        b'{"n":9' + b"9" * 100_000,
    ],
    ids=lambda document: document[:24].decode(),
)
async def test_what_is_no_list_is_malformed_before_it_has_come_whole(document: bytes) -> None:
    names = await taken(document, pieces=4096)

    with pytest.raises(Malformed):
        names.end()


async def test_refused_entries_are_counted_and_only_the_first_are_kept() -> None:
    document = json.dumps({"tags": ["?" * 500] * 1_000}).encode()

    names = await taken(document)

    assert names.refusals == 1_000
    assert len(names.refused) == 100
    assert names.refused[0][0] == "?" * 80
