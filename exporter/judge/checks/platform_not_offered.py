"""Could a scheduler start this tag where the tag offers nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import TagVerdict

RULE: Final = Rule(
    "platform-not-offered", "A tag may be started on a platform for which it offers no image."
)


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every platform that nothing keeps a workload away from.

    Nothing was lost, and it runs elsewhere: a warning of what a reschedule may do, never a page.
    """
    live = verdict.root.reference_class is ReferenceClass.LIVE
    severity = Severity.WARNING if live else Severity.INFO
    for platform in verdict.not_offered:
        if platform in verdict.elsewhere:
            detail = f"this mirror leaves {platform} out, and nothing keeps it from nodes of that"
        else:
            detail = f"no image for {platform} is offered, and nothing keeps it from nodes of that"
        yield Finding(RULE, severity, verdict.root, None, platform, detail)
