"""A registry and its storage that say different things."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.snapshot import Disagreement
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Finding, FindingKey, Rule, Severity
from exporter.judge.reachability import below

_RULE: Final = Rule("storage-disagreement", "The registry and its storage disagree.")


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for each difference between registry and storage that concerns the tag."""
    root, seen = context.verdict.root, context.snapshot
    here = [each for each in seen.disagreements if each.repository == root.repository]
    reached = _reached(context) if any(each.tag is None for each in here) else frozenset()
    for each in here:
        if each.tag == root.tag if each.tag else each.digest in reached:
            yield Finding(_RULE, Severity.WARNING, root, each.digest, None, _words(each))


def _reached(context: TagContext) -> frozenset[str]:
    root, known = context.verdict.root, context.snapshot.manifests
    found, _ = below(root.digest, known) if root.digest else (set(), True)
    read = (known[each] for each in found if each in known)
    return frozenset({*found, *(link.target.digest for each in read for link in each.links)})


def _words(found: Disagreement) -> str:
    subject = found.tag or found.digest.short
    return f"{subject}: the registry says {found.registry}; the storage says {found.storage}"


def _may_remain(_key: FindingKey, context: TagContext) -> bool:
    """May both still differ? If the storage was not read, nothing shows that they agree."""
    return context.snapshot.sampled_at != context.snapshot.taken_at


CHECK: Final = Check(_RULE, _find, _may_remain)
