"""In which states was a registry, and what was learnt of it when? A model to check serving by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from exporter.facts.proof import GONE
from exporter.judge.report import Report
from exporter.oci.digest import Digest
from exporter.oci.reference import Tag
from tests import worlds
from tests.fakes import APP, Fake
from tests.serve.test_audit_job import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from exporter.judge.finding import FindingKey
    from exporter.judge.tag_verdict import Child, TagVerdict
    from exporter.memory import Kept

BUILT, NEXT = worlds.two_platforms("app"), worlds.two_platforms("next")
PLAIN = worlds.image("plain", layers=(BUILT.children[0].layers[0],))
MADE: Final = {made.digest: made for top in (BUILT, NEXT, PLAIN) for made in top.walk()}
THINGS = sorted({each.digest for made in MADE.values() for each in (made, *made.blobs)})


@dataclass(frozen=True)
class Moment:
    """One state of a registry."""

    tags: dict[Tag, Digest]
    things: frozenset[Digest]

    def leads(self, tag: Tag) -> Digest | None:
        """To which manifest a tag leads that is there."""
        digest = self.tags.get(tag)
        return digest if digest in self.things else None


@dataclass(frozen=True)
class Audit:
    """A complete audit, and between which states it looked: first and last, by number."""

    report: Report
    first: int
    last: int


@dataclass
class Known:
    """A registry, every state that it was in, and what was learnt of it."""

    fake: Fake
    states: list[Moment] = field(default_factory=list)
    audits: dict[float, Audit] = field(default_factory=dict)
    """By when each began: every one that saw the registry as a whole."""
    known: Report | None = None
    """What the process goes on from."""

    def note(self) -> None:
        there = {digest for _, digest in (*self.fake.manifests, *self.fake.blobs)}
        self.states.append(Moment(dict(self.fake.tagged.get(APP, {})), frozenset(there)))

    def change(self, act: Callable[[], object]) -> None:
        act()
        self.note()

    @property
    def last(self) -> int:
        return len(self.states) - 1


@dataclass
class Frail(Journal):
    """A journal whose file may be out of reach: then nothing is found, and nothing is kept."""

    away: bool = False

    def last(self, registry: str) -> Kept | None:
        return None if self.away else super().last(registry)

    def keep(self, registry: str, snapshot: Iterable[bytes], since: Mapping[str, float]) -> None:
        if not self.away:
            super().keep(registry, snapshot, since)


def needs(child: Child) -> set[Digest]:
    """Everything that a pull of this child reads."""
    assert child.digest is not None
    made = MADE[child.digest]
    return {made.digest, *(blob.digest for blob in made.blobs)}


def stayed(verdict: TagVerdict, passed: Sequence[Moment]) -> bool:
    """Did a tag lead to the same all the time, and was what it lost never there?"""
    tag = verdict.root.tag
    lost = {
        lack.digest
        for child in verdict.children
        if child.required
        for lack in child.lacks
        if lack.state in GONE
    }
    steady = {each.tags.get(tag) for each in passed if tag} == {verdict.root.digest}
    return bool(steady and lost and not any(lost & each.things for each in passed))


def stayed_unprotected(key: FindingKey, passed: Sequence[Moment]) -> bool:
    """Did a tag lead to a child all the time that was there, and no tag straight to it?"""
    leads = {each.leads(Tag(key.name)) for each in passed}
    top = leads.pop()
    below = {each.digest for each in MADE[top].walk()} if top and not leads else ()
    return key.digest in below and all(
        key.digest in each.things and key.digest not in each.tags.values() for each in passed
    )
