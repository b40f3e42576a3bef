"""What is printed moves no cursor and gives no password away, whoever wrote a part of it."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.screen import escaped, plain, screened


def shown(text: str, colour: str = "never") -> str:
    """What a terminal is sent of a text on standard output; standard error is sent no more."""
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors), screened(colour):
        sys.stdout.write(text)
        sys.stderr.writelines([text])
    assert colour != "never" or output.getvalue() == errors.getvalue()
    return output.getvalue()


@given(st.text())
def test_only_printable_characters_and_line_breaks_are_written(text: str) -> None:
    assert all(line.isprintable() for line in shown(text).split("\n"))


@given(st.text(st.characters(categories=["L", "N", "P"])))
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert shown(f"{text}\n") == f"{text}\n"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x1b]0;x\x07", "\u202e", "\x9b31m", "\r", "\x08"])
def test_a_hostile_sequence_is_written_as_replacements(hostile: str) -> None:
    written = shown(f"a{hostile}b", "always")

    assert written == f"a{plain(hostile)}b"
    assert written.isprintable()


def test_colours_pass_where_they_are_wanted_and_nowhere_else() -> None:
    red = "\x1b[1;31mBROKEN\x1b[0m"

    assert shown(red, "always") == red
    assert shown(red, "auto") == "�[1;31mBROKEN�[0m"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("no route to https://me:secret@r.example/v2/", "no route to https://…@r.example/v2/"),
        ("'https://me:se/cr@et@r.example'", "'https://…@r.example'"),
        ("https://token@r.example", "https://…@r.example"),
        ("https://r.example/app@sha256:00", "https://r.example/app@sha256:00"),
        ("https://r.example/ me@r.example", "https://r.example/ me@r.example"),
    ],
)
def test_credentials_in_an_address_are_left_out(text: str, written: str) -> None:
    assert shown(text) == written


@given(st.recursive(st.text(), st.lists))
def test_an_escaped_document_says_the_same_and_passes_whole(value: object) -> None:
    document = escaped(json.dumps(value, ensure_ascii=False))

    assert shown(document) == document
    assert json.loads(document) == value
