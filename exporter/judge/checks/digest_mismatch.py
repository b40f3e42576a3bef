"""Does a registry hold other bytes than a digest names?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule, told, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import Child, TagVerdict

RULE: Final = Rule("digest-mismatch", "Stored bytes are other ones than their digest names.")


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every corrupt blob or manifest, and each platform that needs it.

    Its digest is the corrupt one: that is what must be restored.
    """
    needed: dict[tuple[str, str], Finding] = {}
    for child in sorted(verdict.children, key=_rank):
        for lack in child.lacks:
            if lack.corrupt:
                detail = f"{lack.kind} {lack.digest.short}: {lack.detail}"
                found = Finding(
                    RULE,
                    weight(child.required_by),
                    verdict.root,
                    lack.digest,
                    child.platform,
                    told(verdict.root, detail, child.required_by),
                    required_by=child.required_by,
                )
                needed.setdefault((lack.digest, str(child.platform)), found)
    yield from needed.values()


def _rank(child: Child) -> int:
    """What matters most comes first; what nothing requires, last."""
    return child.required_by.rank if child.required_by else len(ReferenceClass)
