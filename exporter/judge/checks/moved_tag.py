"""Running images that their tag no longer references."""

from collections.abc import Iterator
from typing import Final

from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Evidence, Finding, FindingKey, Rule, Severity
from exporter.judge.reachability import Reachability
from exporter.judge.tag_verdict import TagVerdict
from exporter.oci.digest import Digest

_RULE: Final = Rule(
    "moved-tag",
    "A running image is not the one that its tag references now.",
    needs=Evidence.REACHABILITY,
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every image that runs by a tag and that the tag has left.

    A new start gets the new image: that is information, and a warning where no other tag
    references the old one: a rollback would need every byte of it.
    """
    verdict, reach = context.verdict, context.reachability
    if reach is None:
        return
    for digest in verdict.drifted:
        severity = Severity.WARNING if reach.references(digest) is False else Severity.INFO
        yield Finding(
            _RULE, severity, verdict.root, digest, None, _describe(verdict, reach, digest)
        )


def _describe(verdict: TagVerdict, reach: Reachability, digest: Digest) -> str:
    now = verdict.root.digest.short if verdict.root.digest else "nothing"
    kept = reach.references(digest)
    if kept:
        fate = f"tag {reach.tags[digest]} still references it"
    elif kept is None:
        fate = "whether another tag references it is unknown"
    else:
        fate = "no tag references it any more"
    return f"{digest.short} is running, but the tag now references {now}; {fate}"


def _may_remain(key: FindingKey, context: TagContext) -> bool:
    return remaining.drifted(context, key.digest) is not False


CHECK: Final = Check(_RULE, _find, _may_remain)
