"""Content that only the second request found."""

from collections.abc import Iterator
from typing import Final

from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Finding, FindingKey, Rule, Severity
from exporter.judge.reachability import below

_RULE: Final = Rule("recovered-on-read", "Content was missing until it was requested again.")


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every manifest and blob that only the second request found.

    It can be pulled now. Until this audit it could not, or a replica lagged behind.
    """
    root, seen = context.verdict.root, context.snapshot
    if root.digest is None or not seen.recovered:
        return
    reached, _ = below(root.digest, seen.manifests)
    read = (seen.manifests[each] for each in reached if each in seen.manifests)
    reached |= {link.target.digest for each in read for link in each.links}
    for (repository, digest), said in seen.recovered.items():
        if repository == root.repository and digest in reached:
            detail = f"{digest.short} was missing ({said}) and was there at the second look"
            yield Finding(_RULE, Severity.INFO, root, digest, None, detail)


def _may_remain(_key: FindingKey, _context: TagContext) -> bool:
    """It is of one audit."""
    return False


CHECK: Final = Check(_RULE, _find, _may_remain)
