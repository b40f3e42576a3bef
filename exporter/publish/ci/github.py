"""Workflow commands of GitHub Actions: each becomes an annotation of the run."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from exporter.publish.ci.results import CheckOutcome, CheckResult
from exporter.screen import plain

_COMMANDS: Final = {
    CheckOutcome.FAILED: "error",
    CheckOutcome.INCONCLUSIVE: "warning",
    CheckOutcome.AT_RISK: "notice",
}
_MOST: Final = 10
"""Annotations of a kind that GitHub shows of one step."""


def render(results: Iterable[CheckResult]) -> str:
    """Return a command for each result that is not well, at most ten of a kind, and a summary."""
    found = tuple(results)
    counts = Counter(each.outcome for each in found)
    lines = []
    for outcome, command in _COMMANDS.items():
        shown = [each for each in found if each.outcome is outcome]
        lines += [_command(command, each) for each in shown[:_MOST]]
    totals = ", ".join(f"{counts[each]:,} {each}" for each in CheckOutcome)
    return "".join(f"{line}\n" for line in (*lines, f"pullproof: {totals}"))


def _command(command: str, result: CheckResult) -> str:
    # Line by line: the break between two lines is written as %0A, and others must not be.
    text = "%0A".join(map(_data, (result.summary, *result.lines)))
    return f"::{command} title={_property(result.name)}::{text}"


def _data(text: str) -> str:
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
