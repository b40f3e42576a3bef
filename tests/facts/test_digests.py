"""Are digests numbered exactly, in order, whatever texts come in their place?"""

from __future__ import annotations

import hashlib
import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import digests as module
from exporter.facts.digests import ABSENT, Column, SortedRows, gather, number, pack

_SHA256 = st.binary(max_size=2).map(lambda seed: f"sha256:{hashlib.sha256(seed).hexdigest()}")
_TWINS = st.integers(0, 9).map(lambda last: f"sha256:{'ab' * 31}0{last}")
"""Digests that agree in all that the look-up compares first."""
_OTHERS = st.text(max_size=9) | st.sampled_from([f"sha512:{'0' * 128}", f"sha256:{'AB' * 32}"])
_TEXTS = st.lists(_SHA256 | _TWINS | _OTHERS, max_size=30)


def _column(texts: list[str]) -> Column:
    column = Column()
    column.texts(texts)
    return column


@given(_TEXTS, _TEXTS)
def test_every_text_gets_a_number_and_every_number_gives_its_text(
    first: list[str], second: list[str]
) -> None:
    digests, columns = number([_column(first), _column(second)])

    for texts, numbers in zip((first, second), columns, strict=True):
        assert [digests.text(each) for each in numbers.tolist()] == texts
        assert [digests.number(text) for text in texts] == numbers.tolist()
    assert len(digests) == len({*first, *second})


@given(st.lists(st.lists(_TEXTS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_what_is_numbered_in_between_gets_the_same_numbers(rounds: list[list[list[str]]]) -> None:
    made, known = [_column([]) for _ in range(3)], SortedRows.empty()
    for texts in rounds:
        for column, each in zip(made, texts, strict=True):
            column.texts(each)
        gather(made, known)

    plain = [_column([text for texts in rounds for text in texts[at]]) for at in range(3)]
    digests, numbers = number(plain)
    same, others = number(made, known)
    assert (same.packed.tolist(), same.others) == (digests.packed.tolist(), digests.others)
    assert [each.tolist() for each in others] == [each.tolist() for each in numbers]


_ROWS = st.sets(st.binary(min_size=1, max_size=1))


@given(old=_ROWS, new=_ROWS, held=st.booleans())
def test_digests_join_others_in_blocks_as_at_once(
    old: set[bytes], new: set[bytes], *, held: bool
) -> None:
    known = SortedRows(np.array(sorted(old), "S32"))
    rows = known.rows if held else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRIDE", 3)
        moved = known.join(np.array(sorted(new - old), "S32"))

    def texts(digests: set[bytes]) -> list[bytes]:
        return [each.rstrip(b"\0") for each in sorted(digests)]

    assert known.rows.tolist() == texts(old | new)
    assert known.rows[moved].tolist() == texts(old)
    assert rows is None or rows.tolist() == texts(old)


@given(st.lists(_SHA256 | _TWINS, max_size=30))
def test_numbers_follow_the_order_of_the_digests(texts: list[str]) -> None:
    digests, _ = number([_column(texts)])

    assert [digests.text(each) for each in range(len(digests))] == sorted(set(texts))


@given(_TEXTS, _SHA256 | _TWINS | _OTHERS)
def test_a_digest_never_seen_has_no_number(texts: list[str], other: str) -> None:
    digests, _ = number([_column([text for text in texts if text != other])])

    assert digests.number(other) == ABSENT


def test_a_mark_stands_between_digests() -> None:
    column = Column()
    column.encoded("sha256", ["a" * 64])
    column.mark(-2)
    column.encoded("sha512", ["b" * 128])
    column.encoded("sha256", ["c" * 64])

    _, (numbers,) = number([column])

    assert numbers.tolist() == [0, -2, 2, 1]
    assert numbers.dtype == np.int32


@pytest.mark.parametrize("wrong", ["A" * 64, "a" * 63, "a" * 65, "g" * 64, " " + "a" * 63])
def test_only_sixty_four_lower_case_hexadecimal_letters_are_packed(wrong: str) -> None:
    assert pack(["a" * 64, "b" * 64]) == b"\xaa" * 32 + b"\xbb" * 32
    assert pack(["a" * 64, wrong]) is None
    assert pack(["a" * 63, "b" * 65]) is None


def test_digests_made_to_look_alike_take_about_as_long_as_others() -> None:
    """An index of a few megabytes may name tens of thousands that share their first bytes."""
    seeds = random.Random(1)  # noqa: S311 - any digests
    rows = [seeds.randbytes(32) for _ in range(35_000)]
    alike = [b"\x2a" * 8 + row[8:] for row in rows]

    assert _seconds(alike) < 50 * _seconds(rows)  # it was five thousand times as long


def _seconds(rows: list[bytes]) -> float:
    """The processor time that numbering takes at best, where rows stand twice among others."""
    column, other = Column(), Column()
    column.add_packed(b"".join(rows[::2]))
    other.add_packed(b"".join(rows))
    began = time.process_time()
    digests, (_, numbers) = number([column, other])
    took = time.process_time() - began
    assert len(digests) == len(set(numbers.tolist())) == len(rows)
    return took
