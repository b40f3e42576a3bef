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
    """One tag, and the facts about its repository that matter to it."""

    verdict: TagVerdict
    snapshot: Snapshot
    reachability: Reachability | None
    """None if the repository has no live image that its tags might not reference."""
    protection: Protection | None = None
    """The protection of the manifests of its repository; known only to `may_remain`."""

    @property
    def sealed(self) -> Sealed | None:
        """The complete tag list of its repository; None if not every tag is known."""
        return self.snapshot.sealed.get(self.verdict.root.repository)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. Beside it, a check needs only its page in docs/findings."""

    rule: Rule
    find: Callable[[TagContext], Iterator[Finding]]
    may_remain: Callable[[FindingKey, TagContext], bool]
    """May one of its findings still hold, by all that was read?"""

    def run(self, context: TagContext) -> Iterable[Finding]:
        """Return its findings; none if it may not judge."""
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
