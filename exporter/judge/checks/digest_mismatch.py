"""Content that does not match its digest."""

from collections.abc import Iterator
from typing import Final

from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.content_findings import of_lacks
from exporter.judge.finding import Finding, Rule

_RULE: Final = Rule("digest-mismatch", "Stored data does not match its digest.", breaks_pull=True)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every corrupt blob or manifest, and each platform that needs it.

    Its digest is the corrupt one: that is what must be restored.
    """
    return of_lacks(_RULE, context.verdict, lambda lack: lack.corrupt)


CHECK: Final = Check(_RULE, _find, remaining.wrong_content)
