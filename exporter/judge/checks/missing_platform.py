"""Must a platform run this tag that the tag does not offer?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.judge.finding import Finding, Rule, Severity, told, weight

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict

RULE: Final = Rule(
    "missing-platform", "A tag has no image for a platform that must run it.", breaks_pull=True
)


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every platform for which a node would find nothing to pull.

    What a sparse mirror leaves out on purpose can be had elsewhere: that is never critical.
    """
    left_out = verdict.left_out
    for each in verdict.lacking:
        platform, by = each.platform, each.required_by
        if platform in left_out:
            severity, detail = Severity.WARNING, f"this mirror omits {platform}"
        else:
            severity, detail = weight(by), f"no image for {platform}"
        said = told(verdict.root, detail, by)
        yield Finding(RULE, severity, verdict.root, None, platform, said, required_by=by)
