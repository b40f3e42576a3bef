"""Does a registry hold other bytes than a digest names?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.judge.finding import Finding, Rule, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import TagVerdict

RULE: Final = Rule("digest-mismatch", "Stored bytes are other ones than their digest names.")


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every corrupt blob or manifest, and each platform that needs it.

    Its digest is the corrupt one: that is what must be restored.
    """
    needed: dict[tuple[str, str], Finding] = {}
    for child in sorted(verdict.children, key=lambda each: not each.required):
        for lack in child.lacks:
            if lack.corrupt:
                severity = weight(verdict.root, required=child.required)
                detail = f"{lack.kind} {lack.digest.short}: {lack.detail}"
                platform = child.platform
                found = Finding(RULE, severity, verdict.root, lack.digest, platform, detail)
                needed.setdefault((lack.digest, str(platform)), found)
    yield from needed.values()
