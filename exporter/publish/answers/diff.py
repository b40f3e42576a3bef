"""The answer of `diff`: what changed between two audits, the damage first."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Struct

from exporter.facts.proof import State
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.judge.change import ChangeKind, Diff, DiffOutcome, TagChange
from exporter.judge.impact import users_of
from exporter.judge.keep_tags import ReferencedManifest
from exporter.judge.tag_verdict import Child, TagVerdict
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    GapEntry,
    Moment,
    Name,
    NeedEntry,
    OptionalTag,
    Sha,
    UserEntry,
    about,
    gap_entries,
    need_entry,
    optional_text,
    user_entry,
)
from exporter.publish.blocks import Block, Cell, Item, Tone, heading, item, line, listed, section
from exporter.publish.formatting import (
    child_words,
    count_words,
    gap_words,
    manifest_words,
    moment,
    needed_words,
    time_words,
    used_words,
)

_HEADS: Final = {
    ChangeKind.BROKEN: "Broken since (collateral damage)",
    ChangeKind.FOUND_BROKEN: "Broken now, not audited before",
    ChangeKind.NOT_SEEN: "Unknown now",
    ChangeKind.GONE: "Gone, not named as intended",
    ChangeKind.REMOVED: "Removed (intended)",
    ChangeKind.HEALED: "Repaired",
    ChangeKind.MOVED: "Moved",
    ChangeKind.ADDED: "New",
    ChangeKind.FIRST_SEEN: "Not audited before",
}
_VERDICTS: Final = {
    DiffOutcome.NOTHING_BROKE: Cell("Nothing broke.", Tone.GOOD),
    DiffOutcome.COLLATERAL: Cell("A tag that is still needed is broken or gone.", Tone.BAD),
    DiffOutcome.UNTOLD: Cell("Inconclusive: it is unknown whether anything broke.", Tone.UNSURE),
}
_MOST: Final = 100
"""Items of one kind that people are shown; the document has all."""


class SideEntry(Struct, frozen=True):
    """A tag or pinned digest in one of the audits."""

    state: State
    digest: Sha | None


class ShiftChildEntry(Struct, frozen=True):
    """One manifest that was lost, repaired, or could not be established."""

    digest: Sha | None
    platform: str | None
    kind: str
    state: State
    required: bool
    required_by: ReferenceClass | None


class ShiftEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One change of a tag or pinned digest."""

    kind: ChangeKind
    repository: Name
    tag: OptionalTag
    reference_class: ReferenceClass
    before: SideEntry | None
    after: SideEntry | None
    used_by: tuple[UserEntry, ...]
    lacking_platforms: Annotated[tuple[Name, ...], about("Required platforms without an image.")]
    children: tuple[ShiftChildEntry, ...]


class DiffDocument(AnswerDocument, frozen=True):
    """Changes between two audits of one registry."""

    registry: Name
    old: Annotated[Moment, about("Start of the older audit.")]
    new: Annotated[Moment, about("Start of the newer audit.")]
    outcome: Literal["nothing-broke", "collateral", "untold"]
    shifts: Annotated[tuple[ShiftEntry, ...], about("By kind, the worst first.")]
    exposed: Annotated[tuple[NeedEntry, ...], about("Manifests that lost their last direct tag.")]
    protected: Annotated[tuple[NeedEntry, ...], about("Manifests that got a direct tag.")]
    gaps: Annotated[tuple[GapEntry, ...], about("Gaps of the newer audit.")]


_OUTCOMES: Final[dict[DiffOutcome, Literal["nothing-broke", "collateral", "untold"]]] = {
    DiffOutcome.NOTHING_BROKE: "nothing-broke",
    DiffOutcome.COLLATERAL: "collateral",
    DiffOutcome.UNTOLD: "untold",
}


def document(change: Diff, generated: float) -> DiffDocument:
    """Return the answer for a program; `generated` is in seconds since the epoch."""
    new = change.new.snapshot
    return DiffDocument(
        VERSION,
        moment(generated),
        registry=new.registry,
        old=moment(change.old.snapshot.taken_at),
        new=moment(new.taken_at),
        outcome=_OUTCOMES[change.outcome],
        shifts=tuple(map(_shift, change.shifts)),
        exposed=tuple(map(need_entry, change.exposed)),
        protected=tuple(map(need_entry, change.protected)),
        gaps=gap_entries(new.registry, new.gaps),
    )


def blocks(change: Diff) -> Iterator[Block]:
    """Return what changed, the worst first."""
    old, new = change.old.snapshot, change.new.snapshot
    times = f"{time_words(old.taken_at)} to {time_words(new.taken_at)}"
    yield heading(f"{new.registry}, {times}", level=1)
    yield line(_VERDICTS[change.outcome])
    for kind, head in _HEADS.items():
        shifts = change.of(kind)
        counted = f"{head}: {count_words(len(shifts), 'tag')}"
        yield from section(counted, listed(map(_item, shifts), _MOST))
    for head, texts in (
        ("No longer tagged directly", map(_named, change.exposed)),
        ("Now tagged directly", map(_named, change.protected)),
        ("Gaps", map(gap_words, new.gaps)),
    ):
        yield from section(head, listed(texts, _MOST))


def _item(shift: TagChange) -> Item:
    verdict = shift.verdict
    ends = f" {_end(shift.before)} to {_end(shift.after)}" if shift.kind is ChangeKind.MOVED else ""
    used = used_words(users_of(verdict.uses))
    below = [item(_child(verdict.root, each)) for each in shift.children]
    if shift.kind is ChangeKind.BROKEN and shift.after is None:
        below.append(item("the tag is gone, and was live when uses were last read"))
    elif shift.kind is ChangeKind.BROKEN and verdict.lacking_platforms:
        lacking = ", ".join(map(str, verdict.lacking_platforms))
        below.append(item(f"no image for {lacking}"))
    name = f"{verdict.name} ({verdict.root.reference_class})"
    return item(f"{name}{ends}{used}", below=below)


def _end(verdict: TagVerdict | None) -> str:
    return str(verdict.root.digest) if verdict else "nothing"


def _child(root: Root, child: Child) -> str:
    note = "".join(f", {each}" for each in needed_words(root, child.required_by))
    reason = f" ({child.reason})" if child.reason else ""
    return f"{child_words(child)} {child.state}{reason} {child.digest or 'the tag itself'}{note}"


def _named(need: ReferencedManifest) -> str:
    return f"{need.repository}@{need.digest} {manifest_words(need)}"


def _shift(shift: TagChange) -> ShiftEntry:
    root = shift.verdict.root
    return ShiftEntry(
        kind=shift.kind,
        repository=root.repository,
        tag=root.tag,
        reference_class=root.reference_class,
        before=_side(shift.before),
        after=_side(shift.after),
        used_by=tuple(map(user_entry, users_of(shift.verdict.uses))),
        lacking_platforms=tuple(map(str, shift.verdict.lacking_platforms)),
        children=tuple(
            ShiftChildEntry(
                child.digest,
                optional_text(child.platform),
                child.kind,
                child.state,
                child.required,
                child.required_by,
            )
            for child in shift.children
        ),
    )


def _side(verdict: TagVerdict | None) -> SideEntry | None:
    return SideEntry(verdict.state, verdict.root.digest) if verdict else None
