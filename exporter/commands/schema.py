"""`schema`: prints the JSON Schema of the configuration, or of a document."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Final

from exporter.commands.answer import Exit
from exporter.config import schema as configuration
from exporter.publish.answers.capacity import CapacityDocument
from exporter.publish.answers.diff import DiffDocument
from exporter.publish.answers.document import AnswerDocument, schema
from exporter.publish.answers.explain import ExplainDocument
from exporter.publish.answers.preflight import PreflightDocument
from exporter.publish.answers.protect import ProtectDocument
from exporter.publish.answers.repair import RepairDocument
from exporter.publish.answers.report import ReportDocument

CONFIGURATION: Final = "config"
DOCUMENTS: Final[Mapping[str, type[AnswerDocument]]] = {
    "capacity": CapacityDocument,
    "diff": DiffDocument,
    "explain": ExplainDocument,
    "preflight": PreflightDocument,
    "protect": ProtectDocument,
    "repair": RepairDocument,
    "report": ReportDocument,
}


def run(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Answer the command."""
    sys.stdout.write(text(args.document))
    return Exit.WELL


def text(name: str) -> str:
    """Return the schema of the configuration, or of the document of this name."""
    whole = name == CONFIGURATION
    found = configuration.document() if whole else schema(DOCUMENTS[name], name)
    return json.dumps(found, indent=2) + "\n"
