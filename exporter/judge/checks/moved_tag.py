"""Does something else run than what the tag leads to now?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.judge.finding import Finding, Rule, Severity
from exporter.judge.hold import Hold
from exporter.oci.digest import Digest

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict

RULE: Final = Rule("moved-tag", "A running image is not the one that its tag references now.")


def check(verdict: TagVerdict, hold: Hold) -> Iterator[Finding]:
    """Yield a finding for every image that runs by a tag and that the tag has left.

    A new start gets the new image: that is information, and a warning where the old one, of which
    a way back would need every byte, is not held by any other tag.
    """
    for digest in verdict.drifted:
        severity = Severity.WARNING if hold.keeps(digest) is False else Severity.INFO
        yield Finding(RULE, severity, verdict.root, digest, None, _describe(verdict, hold, digest))


def _describe(verdict: TagVerdict, hold: Hold, digest: Digest) -> str:
    now = verdict.root.digest.short if verdict.root.digest else "nothing"
    kept = hold.keeps(digest)
    if kept:
        fate = f"tag {hold.leads[digest]} still references it"
    elif kept is None:
        fate = "whether another tag references it is unknown"
    else:
        fate = "no tag references it any more"
    return f"{digest.short} is running, but the tag now references {now}; {fate}"
