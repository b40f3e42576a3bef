"""Every answer has a JSON Schema in `docs/`, made from its document."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from exporter.commands.arguments import SCHEMAS
from exporter.commands.schema import CONFIGURATION, DOCUMENTS, text
from exporter.facts.gap import Reason, Scope
from exporter.judge.preflight.prediction import Verdict
from exporter.publish.answers.document import AnswerDocument, GapEntry, encode
from exporter.publish.answers.preflight import CheckedEntry, PreflightDocument
from tests.golden import generated

DOCS = Path(__file__).parents[3] / "docs"


def test_every_schema_can_be_printed() -> None:
    assert {*SCHEMAS} == {CONFIGURATION, *DOCUMENTS}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_in_the_docs_is_what_the_program_prints(name: str) -> None:
    generated(DOCS / f"{name}.schema.json", text(name))


@pytest.mark.parametrize("kind", DOCUMENTS.values())
def test_every_document_begins_with_its_version_and_time(kind: type[AnswerDocument]) -> None:
    first, second = msgspec.structs.fields(kind)[:2]

    assert (first.name, second.name) == ("version", "generated")


def test_names_that_are_no_text_are_written_as_their_bytes() -> None:
    gap = GapEntry(None, Scope.REFERENCES, "\udcff.txt", Reason.UNREADABLE, "")
    odd = PreflightDocument(
        1, "", Verdict.SAFE, "", (), 0, None, (), (gap,), CheckedEntry(0, 0, 0, 0)
    )

    assert json.loads(encode(odd))["gaps"][0]["subject"] == "\\udcff.txt"
