"""Does a registry hold other bytes than a digest names?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.judge.finding import Finding, Rule
from exporter.judge.lacking import findings

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict

RULE: Final = Rule("digest-mismatch", "Stored data does not match its digest.")


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every corrupt blob or manifest, and each platform that needs it.

    Its digest is the corrupt one: that is what must be restored.
    """
    return findings(RULE, verdict, lambda lack: lack.corrupt)
