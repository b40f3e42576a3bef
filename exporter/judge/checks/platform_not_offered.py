"""Platforms that may start a workload whose tag has no image for them."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Finding, Rule, Severity

_RULE: Final = Rule(
    "platform-not-offered", "A tag may start on a platform for which it has no image."
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every platform that nothing keeps a workload away from.

    Nothing was lost, and it runs elsewhere: a warning of what a reschedule may do, never a page.
    """
    verdict = context.verdict
    live = verdict.root.reference_class is ReferenceClass.LIVE
    severity = Severity.WARNING if live else Severity.INFO
    for platform in verdict.not_offered:
        if platform in verdict.elsewhere:
            detail = f"this mirror omits {platform}, but the workload may start on such nodes"
        else:
            detail = f"no image for {platform}, but the workload may start on such nodes"
        yield Finding(_RULE, severity, verdict.root, None, platform, detail)


CHECK: Final = Check(_RULE, _find, remaining.platform)
