"""Does a manifest stand over content that is gone, short or wrong?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.facts.proof import State
from exporter.judge.finding import Finding, Rule
from exporter.judge.lost import finding

if TYPE_CHECKING:
    from exporter.judge.report import Child, Lack, TagVerdict

RULE: Final = Rule(
    "broken-child",
    "A manifest exists, but content that it needs is missing, short or corrupt.",
    breaks_pull=True,
)


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every child of which a configuration, a layer or its own bytes fail.

    Bytes that are all there and hash to another digest are `digest_mismatch`'s, and those that
    unpack to another content than the configuration says `wrong_diff_id`'s.
    """
    for child in verdict.children:
        if child.state is State.BROKEN and _gone(child):
            yield finding(RULE, verdict, child, _describe(child))


def _describe(child: Child) -> str:
    gone = _gone(child)
    first = gone[0]
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    return f"{first.kind} {first.digest.short} is {first.state} ({first.detail}){more}"


def _gone(child: Child) -> list[Lack]:
    return [lack for lack in child.lacks if lack.is_loss]
