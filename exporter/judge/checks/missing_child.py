"""Manifests that a tag references and that the registry no longer has."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.content_findings import of_child
from exporter.judge.finding import Finding, Rule
from exporter.judge.tag_verdict import Child, ChildKind

_RULE: Final = Rule(
    "missing-child", "A manifest that a tag references is missing.", breaks_pull=True
)


def _find(context: TagContext) -> Iterator[Finding]:
    for child in context.verdict.children:
        if child.state is State.MISSING:
            yield of_child(_RULE, context.verdict, child, _describe(child))


def _describe(child: Child) -> str:
    if child.digest is None:
        return "the tag does not exist"
    where = f"{child.kind} {child.platform}" if child.platform else str(child.kind)
    what = "blob" if child.kind is ChildKind.CACHE else "manifest"
    return f"the {what} of the {where} is missing"


CHECK: Final = Check(_RULE, _find, remaining.loss)
