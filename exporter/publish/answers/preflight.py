"""The answer of `preflight`: what a garbage collection or a deletion would break."""

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from exporter.facts.gap import Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.preflight.prediction import (
    BrokenManifest,
    Hazard,
    LostContent,
    Prediction,
    Verdict,
    Victim,
)
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    ContentKind,
    Count,
    GapEntry,
    UserEntry,
    about,
    gap_entries,
    user_entry,
)
from exporter.publish.blocks import (
    Block,
    Cell,
    Code,
    Item,
    Tone,
    item,
    line,
    listed,
    section,
)
from exporter.publish.formatting import (
    count_words,
    damage_words,
    gap_words,
    moment,
    size_words,
    used_words,
)

UNNAMED: Final = "REGISTRY"
"""Stands in a command for a registry that is not known."""
_TONES: Final = {
    Verdict.SAFE: Tone.GOOD,
    Verdict.UNSAFE: Tone.BAD,
    Verdict.INCOMPLETE: Tone.UNSURE,
}


class LostEntry(Struct, frozen=True, rename={"removed": "gone"}):
    """One piece of content that a pull would no longer get."""

    digest: str
    kind: ContentKind
    size: int | None
    removed: Annotated[bool, about("Whether its bytes are removed, not only unlinked.")]


class BrokenEntry(Struct, frozen=True):
    """One manifest that could be pulled before and not after."""

    digest: str
    platform: str | None
    size: Annotated[int, about("Bytes of it that would be removed.")]
    lost: tuple[LostEntry, ...]


class VictimEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag or pinned digest that would break."""

    repository: str
    tag: str | None
    digest: str | None
    reference_class: ReferenceClass
    owners: Annotated[tuple[str, ...], about("Names of `used_by`.")]
    used_by: tuple[UserEntry, ...]
    tag_gone: Annotated[bool, about("Whether the tag would be removed.")]
    broken: tuple[BrokenEntry, ...]


class GoingEntry(Struct, frozen=True):
    """Objects that would be removed, needed or not."""

    tags: Count
    manifests: Count
    blobs: Count
    layer_links: Count
    size: Annotated[int | None, about("Bytes of the blobs; null if unknown.")]


class HazardEntry(Struct, frozen=True):
    """One danger beside the verdict."""

    code: str
    subject: str
    detail: str


class CheckedEntry(Struct, frozen=True):
    """The basis of the verdict."""

    repositories: Count
    tags: Count
    uses: Count
    uses_elsewhere: Count


class PreflightDocument(AnswerDocument, frozen=True):
    """Predicted victims and removals of an operation."""

    verdict: Verdict
    asked: str
    victims: tuple[VictimEntry, ...]
    victims_more: Annotated[int, about("How many more are only counted.")]
    would_go: Annotated[GoingEntry | None, about("null if it cannot be predicted.")]
    hazards: tuple[HazardEntry, ...]
    gaps: tuple[GapEntry, ...]
    checked: CheckedEntry
    cannot_be_pulled: Annotated[
        Count | None, about("Tags that are broken already; null from a storage.")
    ] = None
    lacking_content: Annotated[
        Count | None, about("Tags that reference content that is not there; null from a snapshot.")
    ] = None


def document(
    answer: Prediction, generated: float, registry: str | None = None
) -> PreflightDocument:
    """Return the answer for a program.

    `generated` is in seconds since the epoch; the registry is None where its name is not known.
    """
    return PreflightDocument(
        VERSION,
        moment(generated),
        verdict=answer.verdict,
        asked=answer.operation,
        victims=tuple(map(_victim, answer.victims)),
        victims_more=answer.more_victims,
        would_go=msgspec.convert(answer.removed, GoingEntry | None, from_attributes=True),
        hazards=msgspec.convert(answer.hazards, tuple[HazardEntry, ...], from_attributes=True),
        gaps=gap_entries(registry, answer.gaps),
        checked=msgspec.convert(answer.checked, CheckedEntry, from_attributes=True),
        cannot_be_pulled=answer.cannot_be_pulled,
        lacking_content=answer.lacking_content,
    )


def blocks(
    answer: Prediction, most: int, check: str = "", *, unnamed: bool = False
) -> Iterator[Block]:
    """Return the verdict first, then the victims, the removals, and the basis of the verdict.

    `check` is the command that shows what is broken already, with `UNNAMED` in place of a registry
    that is `unnamed`.
    """
    yield line(Cell(answer.verdict, _TONES[answer.verdict]), f": {headline(answer)}")
    command = (
        Code(check),
        f" (replace {UNNAMED} by the host that clients pull from)" if unnamed else "",
    )
    if answer.cannot_be_pulled:
        damage = Cell(damage_words(answer.cannot_be_pulled), Tone.BAD)
        yield line(damage, " To see them: ", *command)
    if answer.lacking_content:
        tags = count_words(answer.lacking_content, "tag")
        damage = Cell(f"The storage lacks content of {tags} already.", Tone.BAD)
        yield line(damage, " To see what cannot be pulled: ", *command)
    victims = listed(map(_item, answer.victims), most, uncounted=answer.more_victims)
    yield from section("Would break", victims)
    yield line(f"Would remove: {going_words(answer)}")
    yield from section("Hazards", listed(map(_hazard, answer.hazards), most) or (item("none"),))
    yield from section("Gaps", listed(map(gap_words, answer.gaps), most) or (item("none"),))
    yield line(f"Checked {_checked(answer)}")


def headline(answer: Prediction) -> str:
    """Return the verdict in one line."""
    asked = answer.operation
    if answer.verdict is Verdict.SAFE:
        return f"{asked} would break no tag and no image in use"
    if answer.other_collector:
        own = f"the registry's own collector is {answer.other_collector}"
        return f"no prediction of {asked}: {own} (--assume-collector predicts it all the same)"
    if answer.verdict is Verdict.INCOMPLETE:
        unread = next((gap for gap in answer.gaps if gap.scope is Scope.REGISTRY), None)
        if unread and answer.removed is None:
            return f"cannot read {unread.subject}, so no prediction"
        return f"no victims of {asked} are known, but there are gaps"
    names = count_words(len(answer.victims) + answer.more_victims, "image")
    manifests = {broken.digest for victim in answer.victims for broken in victim.broken}
    lost = {each for victim in answer.victims for broken in victim.broken for each in broken.lost}
    size = sum(each.size or 0 for each in lost if each.removed)
    below = f": {count_words(len(manifests), 'manifest')}, {size_words(size)} removed for good"
    return f"{asked} would break {names}{below if manifests and not answer.more_victims else ''}"


def _item(victim: Victim) -> Item:
    return item(
        victim_words(victim),
        below=(
            item(f"{each.platform or 'manifest'}  ", Code(each.digest), f"  {loss_words(each)}")
            for each in victim.broken
        ),
    )


def victim_words(victim: Victim) -> str:
    """Return a victim with its class and its users."""
    needed = victim.image
    tag = ", tag removed" if victim.tag_removed else ""
    return f"{needed.name} ({needed.reference_class}){tag}{used_words(needed.users)}"


def loss_words(broken: BrokenManifest) -> str:
    """Return the content of a manifest that would be lost."""
    lost = ", ".join(_kinds(broken.lost))
    return f"{lost}; {size_words(broken.size)} removed" if broken.size else lost


def _kinds(lost: tuple[LostContent, ...]) -> Iterator[str]:
    for each in lost:
        if each.kind == "manifest":
            yield "manifest removed" if each.removed else "manifest unlinked"
    for kind in ("config", "layer", "blob"):
        for gone, word in ((True, "removed"), (False, "no longer served")):
            count = sum(each.kind == kind and each.removed is gone for each in lost)
            if count:
                yield f"{count_words(count, kind) if kind != 'config' else kind} {word}"


def going_words(answer: Prediction) -> str:
    """Return the removals, needed or not."""
    going = answer.removed
    if going is None:
        return "unknown"
    counts = (
        (going.tags, "tag"),
        (going.manifests, "manifest"),
        (going.blobs, "blob"),
        (going.layer_links, "layer link"),
    )
    parts = [count_words(count, word) for count, word in counts if count]
    size = f", {size_words(going.size)}" if going.size is not None else ""
    return f"{', '.join(parts)}{size}" if parts else "nothing"


def _hazard(hazard: Hazard) -> str:
    where = f"{hazard.subject}: " if hazard.subject else ""
    return f"{hazard.code}: {where}{hazard.detail}"


def _checked(answer: Prediction) -> str:
    checked = answer.checked
    elsewhere = f" ({checked.uses_elsewhere:,} more reference nothing here)"
    return (
        f"{count_words(checked.tags, 'tag')} in "
        f"{count_words(checked.repositories, 'repository')}, "
        f"{count_words(checked.uses, 'use')}{elsewhere if checked.uses_elsewhere else ''}"
    )


def _victim(victim: Victim) -> VictimEntry:
    needed = victim.image
    return VictimEntry(
        repository=needed.repository,
        tag=needed.tag or None,
        digest=needed.digest or None,
        reference_class=needed.reference_class,
        owners=tuple(each.name for each in needed.users),
        used_by=tuple(map(user_entry, needed.users)),
        tag_gone=victim.tag_removed,
        broken=tuple(map(_broken, victim.broken)),
    )


def _broken(broken: BrokenManifest) -> BrokenEntry:
    return BrokenEntry(
        digest=broken.digest,
        platform=broken.platform or None,
        size=broken.size,
        lost=msgspec.convert(broken.lost, tuple[LostEntry, ...], from_attributes=True),
    )
