"""Which words does a person read for what would be lost, what would go, and what it rests on?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.facts.gap import Gap, Scope
from exporter.judge.preflight.prediction import (
    BrokenManifest,
    Hazard,
    LostContent,
    Prediction,
    Verdict,
    Victim,
)
from exporter.publish.users import user_words
from exporter.publish.words import Cell, Tone, count_words, size_words
from exporter.screen import plain

_TONES: Final = {
    Verdict.SAFE: Tone.GOOD,
    Verdict.UNSAFE: Tone.BAD,
    Verdict.INCOMPLETE: Tone.UNSURE,
}
_MOST_USERS: Final = 5


def verdict_cell(answer: Prediction) -> Cell:
    """Say the verdict itself."""
    return Cell(answer.verdict, _TONES[answer.verdict])


def headline(answer: Prediction) -> str:
    """Say what the verdict means, in one line."""
    asked = plain(answer.operation)
    if answer.verdict is Verdict.SAFE:
        return f"{asked} would break no tag and no image in use"
    if answer.verdict is Verdict.INCOMPLETE:
        unread = next((gap for gap in answer.gaps if gap.scope is Scope.REGISTRY), None)
        if unread and answer.removed is None:
            return f"cannot read {plain(unread.subject)}, so no prediction"
        return f"no victims of {asked} are known, but there are gaps"
    names = count_words(len(answer.victims) + answer.more_victims, "image")
    manifests = {broken.digest for victim in answer.victims for broken in victim.broken}
    lost = {each for victim in answer.victims for broken in victim.broken for each in broken.lost}
    size = sum(each.size or 0 for each in lost if each.removed)
    below = f": {count_words(len(manifests), 'manifest')}, {size_words(size)} removed for good"
    return f"{asked} would break {names}{below if manifests and not answer.more_victims else ''}"


def hurt_words(victim: Victim) -> str:
    """Say who is hurt, how much it matters, and who uses it."""
    needed = victim.image
    tag = ", tag removed" if victim.tag_removed else ""
    shown = "; ".join(map(user_words, needed.users[:_MOST_USERS]))
    more = f" and {len(needed.users) - _MOST_USERS} more"
    used = f", used by {shown}{more if len(needed.users) > _MOST_USERS else ''}"
    return f"{plain(needed.name)} ({needed.reference_class}){tag}{used if needed.users else ''}"


def platform_of(broken: BrokenManifest) -> str:
    """Say where it runs."""
    return plain(broken.platform) or "manifest"


def loss_words(broken: BrokenManifest) -> str:
    """Say what of it would be lost."""
    parts = [*_kinds(broken.lost)]
    return (
        f"{', '.join(parts)}; {size_words(broken.size)} removed"
        if broken.size
        else ", ".join(parts)
    )


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
    """Say what would go, needed or not."""
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


def hazard_words(hazard: Hazard) -> str:
    """Say a danger under its code."""
    where = f"{plain(hazard.subject)}: " if hazard.subject else ""
    return f"{hazard.code}: {where}{plain(hazard.detail)}"


def gap_words(gap: Gap) -> str:
    """Say one thing that could not be seen."""
    detail = f" ({plain(gap.detail)})" if gap.detail else ""
    return f"{plain(gap.subject)}: {gap.reason}{detail}"


def checked_words(answer: Prediction) -> str:
    """Say how much the verdict rests on."""
    checked = answer.checked
    elsewhere = f" ({checked.uses_elsewhere:,} more reference nothing here)"
    return (
        f"{count_words(checked.tags, 'tag')} in "
        f"{count_words(checked.repositories, 'repository', 'repositories')}, "
        f"{count_words(checked.uses, 'use')}{elsewhere if checked.uses_elsewhere else ''}"
    )
