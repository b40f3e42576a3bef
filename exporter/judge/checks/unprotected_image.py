"""Does no tag keep an image that something live pins, or runs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.snapshot import Collector
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule, Severity
from exporter.judge.hold import drifted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.hold import Hold
    from exporter.judge.report import TagVerdict
    from exporter.oci.digest import Digest

RULE: Final = Rule("unprotected-image", "No tag leads to an image that is live.")


def check(verdict: TagVerdict, hold: Hold) -> Iterator[Finding]:
    """Yield a finding for every live image that any cleanup of untagged manifests may take."""
    never = hold.collector is Collector.NONE
    for digest in unprotected(verdict, hold) or ():
        severity = Severity.INFO if never else Severity.WARNING
        detail = "it runs" if verdict.root.tag else "it is pinned by its digest"
        yield Finding(
            RULE, severity, verdict.root, digest, None, f"{detail}, and no tag leads to it"
        )


def unprotected(verdict: TagVerdict, hold: Hold) -> tuple[Digest, ...] | None:
    """Return the live images that no tag keeps; None where that is not known of one of them."""
    root = verdict.root
    if root.reference_class is not ReferenceClass.LIVE:
        return ()
    pinned = (root.digest,) if root.digest else ()
    images = drifted(verdict, hold) if root.tag else pinned
    kept = {digest: hold.keeps(digest) for digest in images}
    bare = tuple(digest for digest, keeps in kept.items() if keeps is False)
    return bare if bare or None not in kept.values() else None
