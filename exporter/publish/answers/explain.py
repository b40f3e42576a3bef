"""The answer of `explain`: who uses an image, what protects it, what breaks without it."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Struct

from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.explanation import Dependent, Explanation, Tristate
from exporter.judge.impact import users_of
from exporter.judge.tag_verdict import ChildKind
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    Moment,
    Name,
    OptionalTag,
    Sha,
    UserEntry,
    about,
    user_entry,
)
from exporter.publish.blocks import Block, Cell, Item, List, heading, item, line
from exporter.publish.formatting import (
    child_words,
    moment,
    needed_words,
    state_cell,
    time_words,
    used_words,
    user_words,
    verdict_cell,
)


class DependentEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag or pinned digest that would break."""

    tag: OptionalTag
    digest: Sha | None
    reference_class: ReferenceClass
    straight: Annotated[bool, about("Tagged directly, not through an index.")]
    platforms: tuple[Name, ...]
    required_by: Annotated[ReferenceClass | None, about("The highest class that requires them.")]
    uses: tuple[UserEntry, ...]


class ExplanationEntry(Struct, frozen=True):
    """One manifest or blob in one repository."""

    registry: Name
    taken_at: Annotated[Moment, about("Start of the audit.")]
    repository: Name
    tag: Annotated[Name | None, about("null for a digest.")]
    digest: Annotated[Sha | None, about("null if the tag could not be resolved.")]
    state: State
    latest: Annotated[Tristate, about("Whether it is the current latest.")]
    used: Annotated[Tristate, about("Whether something live uses it.")]
    sole_protector: Annotated[
        Tristate, about("Whether one tag alone protects it, and another tag needs it.")
    ]
    protected_by: Annotated[
        tuple[Name, ...] | None, about("Tags that name it directly; null if unknown.")
    ]
    dependents: Annotated[tuple[DependentEntry, ...], about("What breaks without it.")]
    runs: Annotated[tuple[UserEntry, ...], about("Running containers whose tag has moved.")]
    doubts: Annotated[tuple[str, ...], about("Gaps.")]
    risk: Annotated[str, about("How the registry may remove it although an index needs it.")]


class ExplainDocument(AnswerDocument, frozen=True):
    """Three answers about an image."""

    explained: Annotated[
        tuple[ExplanationEntry, ...], about("One for each repository that has it.")
    ]


def document(found: Sequence[Explanation], generated: float) -> ExplainDocument:
    """Return the answer for a program; `generated` is in seconds since the epoch."""
    return ExplainDocument(VERSION, moment(generated), tuple(map(_entry, found)))


def blocks(found: Sequence[Explanation]) -> Iterator[Block]:
    """Return the answers, each with its ground."""
    for each in found:
        snapshot = each.report.snapshot
        named = f":{each.tag}" if each.tag else f"@{each.digest}"
        yield heading(
            f"{snapshot.registry}/{each.repository}{named}, {time_words(snapshot.taken_at)}"
        )
        digest = f" {each.digest}" if each.digest and each.tag else ""
        cell = Cell(each.state, state_cell(each.state).tone)
        yield line(verdict_cell(each.verdict) if each.verdict else cell, digest)
        yield List(tuple(_items(each)))


def _items(found: Explanation) -> Iterator[Item]:
    yield item(f"Current latest:  {_answer(found, found.latest)}")
    yield item(f"Used by something live:  {_answer(found, found.used)}")
    yield item(f"Only one tag protects it, and another tag needs it:  {_sole(found)}")
    yield item(f"Tagged directly as:  {_tags(found)}")
    if found.risk:
        yield item(f"At risk:  {found.risk}")
    none = "nothing known" if found.doubts else "nothing"
    victims = tuple(map(_dependent, found.dependents)) or (none,)
    without = "Broken without it:" if found.is_lost else "Removing it would break:"
    yield item(without, below=map(item, victims))
    if found.runs:
        runs = "; ".join(map(user_words, users_of(found.runs)))
        yield item(f"Running, but its tag has moved:  {runs}")
    yield from (item(f"Gap: {doubt}") for doubt in found.doubts)


def _answer(found: Explanation, answer: Tristate) -> str:
    if answer is not Tristate.UNKNOWN:
        return answer
    if found.doubts:
        return f"unknown: {'; '.join(found.doubts)}"
    return "unknown: no complete source of image references (use --config, --refs or --kube)"


def _sole(found: Explanation) -> str:
    if found.sole is not Tristate.YES:
        return _answer(found, found.sole)
    others = ", ".join(each.verdict.root.name for each in found.needed_by_others)
    return f"yes: {', '.join(found.protected_by or ())}, and {others} needs it"


def _tags(found: Explanation) -> str:
    if found.protected_by is None:
        return _answer(found, Tristate.UNKNOWN)
    return ", ".join(found.protected_by) or "none"


def _dependent(each: Dependent) -> str:
    root = each.verdict.root
    where = ", ".join(dict.fromkeys(map(child_words, each.children)))
    indirect = "through an index" if root.tag else "pinned by digest"
    way = "tagged directly" if each.direct else indirect
    needed = needed_words(root, _required_by(each)) if each.children else ()
    name = f"{each.verdict.name} ({root.reference_class}, {way}) on {where or 'all'}"
    return ", ".join((name, *needed)) + used_words(users_of(each.verdict.uses))


def _required_by(each: Dependent) -> ReferenceClass | None:
    classes = {child.required_by for child in each.children if child.required_by}
    return min(classes, key=lambda found: found.rank, default=None)


def _entry(found: Explanation) -> ExplanationEntry:
    snapshot = found.report.snapshot
    return ExplanationEntry(
        registry=snapshot.registry,
        taken_at=moment(snapshot.taken_at),
        repository=found.repository,
        tag=found.tag,
        digest=found.digest,
        state=found.state,
        latest=found.latest,
        used=found.used,
        sole_protector=found.sole,
        protected_by=found.protected_by,
        dependents=tuple(map(_needing, found.dependents)),
        runs=tuple(map(user_entry, users_of(found.runs))),
        doubts=found.doubts,
        risk=found.risk,
    )


def _needing(each: Dependent) -> DependentEntry:
    root = each.verdict.root
    return DependentEntry(
        tag=root.tag,
        digest=root.digest,
        reference_class=root.reference_class,
        straight=each.direct,
        platforms=tuple(
            str(child.platform)
            for child in each.children
            if child.platform and child.kind is ChildKind.IMAGE
        ),
        required_by=_required_by(each),
        uses=tuple(map(user_entry, users_of(each.verdict.uses))),
    )
