"""Everything that a user reads keeps to the glossary: phrases that were replaced stay away."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from exporter.cli import _parser
from exporter.commands.arguments import COMMANDS
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.family import Family, Status
from exporter.publish.web import probe
from tests.parts.pages import TREE
from tests.shipped.grafana import documents, panels
from tests.shipped.rules import Alert, alerts, metrics

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

LONGEST: Final = 120
"""Characters of a summary, a HELP text and a line of help."""

GONE: Final = (
    r"\bleads? (straight )?to\b",
    r"\bled to\b",
    r"points? straight",
    r"\b(at|of) which\b",
    r"could not be told",
    r"cannot be told",
    r"not understood",
    r"\bhurt\b",
    r"\bwhom\b",
    r"for nothing",
    r"\bwhat runs\b",
    r"is said of",
    r"nobody hears",
    r"by nobody",
    r"nothing needs",
    r"needed by nothing",
    r"everything in scope was seen",
    r"of which all is there",
    r"could not be seen",
    r"\bnot seen\b",
    r"seen as a whole",
    r"\bread whole\b",
    r"\bwhole reads?\b",
    r"carried inline",
    r"fore(tell|told)",
    r"believe headers",
    r"most (requests|bytes) (begun|read)",
    r"last truth",
    r"time of day was set",
    r"not taken over",
    r"\bgives? up\b",
    r"\bgave up\b",
    r"would not survive",
    r"slowest twentieth",
    r"registry's leave",
    r"how it stood",
    r"where it leads",
    r"trouble with",
    r"what to type",
    r"is held by no tag",
    r"likewise; only",
    r"the incident in it",
    r"no name and password to show",
    r"facts for other engines",
    r"stays as it is",
    r"\bis foretold\b",
    r"who needs what",
)
"""What the glossary replaced, as regular expressions."""
_STRAY: Final = re.compile("|".join(GONE), re.IGNORECASE)
_CAPITAL: Final = re.compile(r"[A-Z]")


def _found(text: str) -> list[str]:
    return [match[0] for match in _STRAY.finditer(" ".join(text.split()))]


def _pages() -> list[Path]:
    others = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "helm/README.md")
    return sorted(((TREE / "docs").rglob("*.md")), key=str) + [TREE / each for each in others]


@pytest.mark.parametrize("path", _pages(), ids=lambda path: str(path.relative_to(TREE)))
def test_a_page_keeps_to_the_glossary(path: Path) -> None:
    # What was renamed names what it was.
    text = path.read_text().partition("### Renamed before the first release")[0]

    assert not _found(text)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_keeps_to_the_glossary(alert: Alert) -> None:
    notes = alert.annotations
    assert not _found(f"{notes['summary']} {notes['description']}")
    assert len(notes["summary"]) <= LONGEST
    assert re.match(r"[A-Z]", notes["summary"])
    assert not re.match(r"(What|Of|It|This) ", notes["summary"]), "it does not name its subject"


_FAMILIES: Final = (
    *catalogue.FAMILIES,
    *(each for each in vars(probe).values() if isinstance(each, Family)),
)


@pytest.mark.parametrize("family", _FAMILIES, ids=lambda family: family.name)
def test_a_help_text_is_short_and_keeps_to_the_glossary(family: Family) -> None:
    assert not _found(f"{family.help} {family.notes}")
    assert len(family.help) <= LONGEST
    assert re.match(r"[A-Z]", family.help)
    assert family.help.endswith(".")
    assert not re.match(r"(What|Of|It|This|When|Within|How) ", family.help)


def test_what_alerts_and_dashboards_use_is_stable() -> None:
    texts = [each.text for each in alerts()]
    texts += [(TREE / "dashboards" / name).read_text() for name in documents()]
    texts += [(TREE / "alerts" / f"{name}.yml").read_text() for name in ("integrity", "capacity")]
    stable = {each.name for each in catalogue.FAMILIES if each.status is Status.STABLE}
    known = {each.name for each in catalogue.FAMILIES}
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for text in texts for name in metrics(text)}

    assert used & known <= stable
    assert used & known


@pytest.mark.parametrize("name", documents())
def test_a_dashboard_keeps_to_the_glossary(name: str) -> None:
    document = documents()[name]
    rows = (each for each in document["panels"] if each["type"] == "row")
    texts = [document["title"], document["description"], *(each["title"] for each in rows)]
    for panel in panels(document):
        texts += [panel["title"], panel.get("description", "")]
        assert re.match(r"[A-Z0-9$]|p95", panel["title"]), panel["title"]

    assert not [(each, found) for each in texts if (found := _found(each))]


def _helps(parser: argparse.ArgumentParser, command: str = "") -> Iterator[tuple[str, str]]:
    """Every command and option below a parser, with its line of help."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them
        if not isinstance(action.choices, dict):
            yield f"{command} {action.dest}".strip(), action.help or ""
            continue
        for each in action._get_subactions():  # noqa: SLF001 - likewise
            yield f"{command} {each.dest}".strip(), each.help or ""
        for name, below in action.choices.items():
            yield from _helps(below, f"{command} {name}".strip())


@pytest.mark.parametrize(("option", "text"), tuple(_helps(_parser())))
def test_a_line_of_help_is_short_and_keeps_to_the_glossary(option: str, text: str) -> None:
    assert _CAPITAL.match(text), option
    assert len(text) <= LONGEST
    assert not _found(text)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_described_by_an_imperative(command: str) -> None:
    about = COMMANDS[command]
    for text in (about.help, about.description):
        assert _CAPITAL.match(text)
        assert not text.split()[0].endswith("s"), "Shows, Prints: say Show, Print"
    assert len(about.help) <= LONGEST
    assert not about.exit_codes or about.exit_codes.startswith("Exit codes: 0 ")
    assert not _found(" ".join(about[1:]))


def _docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a module with a space in it, but for docstrings."""
    tree = ast.parse(path.read_text())
    docs = set(map(id, _docstrings(tree)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docs:
            continue
        if isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


_OTHERS: Final = "judge/plans/"
"""Modules that write or read what other programs print."""


def test_no_output_error_or_log_message_uses_a_phrase_that_was_replaced() -> None:
    """Texts of the code: outputs of commands, errors, pages, reasons, logs."""
    source = TREE / "exporter"
    modules = (
        each
        for each in source.rglob("*.py")
        if not str(each.relative_to(source)).startswith(_OTHERS)
    )
    strays = [
        f"{path.relative_to(TREE)}:{line}: {found}"
        for path in modules
        for line, text in _literals(path)
        if (found := _found(text))
    ]

    assert not strays


_RIDDLES: Final = re.compile(
    r"\b(at|of) which\b|\bof whom\b|\bleads? to\b|straight at", re.IGNORECASE
)


def test_no_docstring_is_a_riddle() -> None:
    strays = [
        f"{path.relative_to(TREE)}:{each.lineno}: {found[0]}"
        for path in (TREE / "exporter").rglob("*.py")
        for each in _docstrings(ast.parse(path.read_text()))
        if (found := _RIDDLES.search(str(each.value)))
    ]

    assert not strays
