"""Answers as they are printed."""

from __future__ import annotations

from exporter.judge.report import Report
from exporter.publish.answers import check, inspect
from exporter.publish.invocation import Invocation
from exporter.publish.render import markdown, terminal
from exporter.publish.render.terminal import Style

MOST = 100
STYLE = Style()


def check_text(
    reports: list[Report], style: Style = STYLE, most: int = MOST, again: str = ""
) -> str:
    """The answer of `check` on a terminal."""
    return terminal.render(check.blocks(reports, most, Invocation(again)), style)


def check_markdown(reports: list[Report], most: int = MOST, again: str = "") -> str:
    """The answer of `check` in a ticket."""
    return markdown.render(check.blocks(reports, most, Invocation(again)))


def inspect_text(report: Report, style: Style = STYLE) -> str:
    """The answer of `inspect` on a terminal, an hour after the audit."""
    return terminal.render(inspect.blocks(report, report.snapshot.taken_at + 3600), style)


def inspect_markdown(report: Report) -> str:
    """The answer of `inspect` in a ticket."""
    return markdown.render(inspect.blocks(report, report.snapshot.taken_at + 3600))
