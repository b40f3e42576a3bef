"""Platforms that must run a tag, without an image for them."""

from collections.abc import Iterator
from typing import Final

from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Finding, Rule, Severity, told, weight

_RULE: Final = Rule(
    "missing-platform", "A tag has no image for a platform that must run it.", breaks_pull=True
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every platform whose nodes would find nothing to pull.

    What a sparse mirror leaves out on purpose can be had elsewhere: that is never critical.
    """
    verdict = context.verdict
    elsewhere = verdict.elsewhere if verdict.lacking else ()
    for each in verdict.lacking:
        platform, by = each.platform, each.required_by
        if platform in elsewhere:
            severity, detail = Severity.WARNING, f"this mirror omits {platform}"
        else:
            severity, detail = weight(by), f"no image for {platform}"
        said = told(verdict.root, detail, by)
        yield Finding(_RULE, severity, verdict.root, None, platform, said, required_by=by)


CHECK: Final = Check(_RULE, _find, remaining.platform)
