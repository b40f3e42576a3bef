"""Manifests whose content is missing, short or corrupt."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.content_findings import of_child
from exporter.judge.finding import Finding, Rule
from exporter.judge.tag_verdict import Child, Lack

_RULE: Final = Rule(
    "broken-child",
    "A manifest exists, but content that it needs is missing, short or corrupt.",
    breaks_pull=True,
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every child whose configuration, layers or own bytes are broken.

    Bytes that are all there and hash to another digest are `digest_mismatch`'s, and those that
    unpack to another content than the configuration says `wrong_diff_id`'s.
    """
    for child in context.verdict.children:
        if child.state is State.BROKEN and _lost(child):
            yield of_child(_RULE, context.verdict, child, _describe(child))


def _describe(child: Child) -> str:
    first, *others = _lost(child)
    more = f" and {len(others)} more" if others else ""
    return f"{first.kind} {first.digest.short} is {first.state} ({first.detail}){more}"


def _lost(child: Child) -> list[Lack]:
    return [lack for lack in child.lacks if lack.is_loss]


CHECK: Final = Check(_RULE, _find, remaining.loss)
