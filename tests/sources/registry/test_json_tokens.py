"""JsonToken by token, a document is JSON exactly where the standard library reads it as a whole."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.oci.digest import Malformed
from exporter.sources.registry.names import JsonTokenizer, TokenKind

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
SLIPS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["cut", "drop", "add"]),
        st.sampled_from(list(b'{}[],:"\\ 019eE+-.ntu\n\xff')),
    ),
    max_size=2,
)


def slipped(document: bytes, slips: list[tuple[int, str, int]]) -> bytes:
    for where, how, byte in slips:
        at = where % (len(document) + 1)
        document = {
            "cut": document[:at],
            "drop": document[:at] + document[at + 1 :],
            "add": document[:at] + bytes([byte]) + document[at:],
        }[how]
    return document


def refuse(word: str) -> None:
    raise ValueError(word)


def is_json(document: bytes) -> bool:
    try:
        json.loads(document.decode(), parse_constant=refuse)
    except ValueError:
        return False
    return True


def strings(value: object) -> list[str]:
    """Every string of a document but its keys, in order."""
    if isinstance(value, dict):
        return [each for inner in value.values() for each in strings(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in strings(inner)]
    return [value] if isinstance(value, str) else []


@settings(max_examples=500)
@given(VALUES, SLIPS, st.integers(1, 9), st.booleans())
def test_a_document_is_json_where_the_whole_of_it_is(
    value: object,
    slips: list[tuple[int, str, int]],
    size: int,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    document = slipped(json.dumps(value, ensure_ascii=ascii_only).encode(), slips)
    tokens, taken = JsonTokenizer(), []
    try:
        for at in range(0, len(document), size):
            taken += tokens.feed(document[at : at + size])
        taken += tokens.feed(b"", last=True)
    except Malformed:
        assert not is_json(document)
        return

    assert is_json(document)
    if not slips:
        assert [each.text for each in taken if each.kind is TokenKind.STRING] == strings(value)
