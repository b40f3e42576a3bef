"""Must a platform run this tag that the tag does not offer?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.judge.finding import Finding, Rule, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import TagVerdict

RULE: Final = Rule("missing-platform", "A tag offers no image for a platform that must run it.")


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every platform for which a node would find nothing to pull."""
    for platform in verdict.lacking_platforms:
        detail = f"no image for {platform} is offered here"
        severity = weight(verdict.root, required=True)
        yield Finding(RULE, severity, verdict.root, None, platform, detail)
