"""The index of the checks' pages, made from the checks."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.judge.check import Check

_HEAD = """\
# Checks

A check that breaks a pull makes a tag `missing` or `broken`, unless only optional parts are
concerned; the others report risks. A check reports only if what it needs is known.

| check | finds | breaks a pull | needs | runbook |
|---|---|---|---|---|
"""


def page(checks: Iterable[Check]) -> str:
    """Return docs/findings/README.md."""
    return _HEAD + "".join(map(_row, checks))


def _row(check: Check) -> str:
    rule = check.rule
    runbook = f"[{rule.runbook}](../runbooks/{rule.runbook}.md)" if rule.runbook else ""
    breaks = "yes" if rule.breaks_pull else "no"
    cells = (f"[{rule.code}]({rule.code}.md)", rule.summary, breaks, rule.needs, runbook)
    return f"| {' | '.join(cells)} |\n"
