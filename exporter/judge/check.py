"""The parts of a check: its rule, its test, and whether an earlier finding may still be so."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exporter.facts.snapshot import Role, Sealed, Snapshot
from exporter.judge.finding import Evidence, Finding, FindingKey, Rule
from exporter.judge.protection import Protection
from exporter.judge.reachability import Reachability
from exporter.judge.tag_verdict import TagVerdict


@dataclass(frozen=True, slots=True)
class TagContext:
    """One tag, and what was seen of its repository as far as that matters to it."""

    verdict: TagVerdict
    snapshot: Snapshot
    reachability: Reachability | None
    """None where nothing of the repository is live that its tags might not reference."""
    protection: Protection | None = None
    """The protection of the manifests of its repository; known only to `may_remain`."""

    @property
    def sealed(self) -> Sealed | None:
        """The complete tag list of its repository; None where not every tag is known."""
        return self.snapshot.sealed.get(self.verdict.root.repository)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: all that there is to add for one, beside its page in docs/findings."""

    rule: Rule
    find: Callable[[TagContext], Iterator[Finding]]
    may_remain: Callable[[FindingKey, TagContext], bool]
    """May what one of its findings said still be so, for all that was seen?"""

    def run(self, context: TagContext) -> Iterable[Finding]:
        """Return what it finds; nothing where it may not speak."""
        needs = self.rule.needs
        if needs is Evidence.TAG_LIST and context.sealed is None:
            return ()
        if needs is Evidence.REACHABILITY and context.reachability is None:
            return ()
        return self.find(context)

    def could_run(self, snapshot: Snapshot) -> bool:
        """Could it speak of any tag? A pull-through cache promises nothing that could be wrong."""
        known = self.rule.needs is not Evidence.TAG_LIST or bool(snapshot.sealed)
        return known and snapshot.role is not Role.PROXY
