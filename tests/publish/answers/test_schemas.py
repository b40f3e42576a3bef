"""Every answer has a JSON Schema in `docs/`, made from its document."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from exporter.facts.gap import Reason, Scope
from exporter.judge.preflight.prediction import Verdict
from exporter.publish.answers.capacity import CapacityDocument
from exporter.publish.answers.diff import DiffDocument
from exporter.publish.answers.document import AnswerDocument, GapEntry, encode, schema
from exporter.publish.answers.explain import ExplainDocument
from exporter.publish.answers.preflight import CheckedEntry, PreflightDocument
from exporter.publish.answers.protect import ProtectDocument
from exporter.publish.answers.repair import RepairDocument
from exporter.publish.answers.report import ReportDocument
from tests.golden import generated

DOCUMENTS = {
    "capacity": CapacityDocument,
    "diff": DiffDocument,
    "explain": ExplainDocument,
    "preflight": PreflightDocument,
    "protect": ProtectDocument,
    "repair": RepairDocument,
    "report": ReportDocument,
}
DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_in_the_docs_is_that_of_the_document(name: str) -> None:
    found = json.dumps(schema(DOCUMENTS[name], name), indent=2) + "\n"

    generated(DOCS / f"{name}.schema.json", found)


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
