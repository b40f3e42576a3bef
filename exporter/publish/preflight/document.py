"""What does the answer of `preflight` look like as JSON? Versioned; see docs/preflight.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from exporter.facts.gap import Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.impact import User
from exporter.judge.preflight.prediction import BrokenManifest, Prediction, Verdict, Victim
from exporter.publish.document.report import user_entry
from exporter.publish.document.shape import UserEntry

VERSION: Final = 1
"""Rises when a field changes its meaning or goes; new fields alone do not raise it."""


class LostEntry(Struct, frozen=True):
    """One piece of content that a pull would no longer get."""

    digest: str
    kind: Annotated[str, Meta(description="manifest, config, layer or blob.")]
    size: int | None
    gone: bool


class BrokenEntry(Struct, frozen=True):
    """One manifest that could be pulled before and not after."""

    digest: str
    platform: str | None
    size: int
    lost: tuple[LostEntry, ...]


class HurtEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag or pinned digest that would be hurt."""

    repository: str
    tag: str | None
    digest: str | None
    reference_class: ReferenceClass
    owners: tuple[str, ...]
    used_by: tuple[UserEntry, ...]
    tag_gone: bool
    broken: tuple[BrokenEntry, ...]


class GoingEntry(Struct, frozen=True):
    """What would go, needed or not."""

    tags: int
    manifests: int
    blobs: int
    layer_links: int
    size: int | None


class HazardEntry(Struct, frozen=True):
    """One danger beside the verdict."""

    code: str
    subject: str
    detail: str


class GapEntry(Struct, frozen=True):
    """One thing that could not be seen."""

    scope: Scope
    subject: str
    reason: Reason
    detail: str


class CheckedEntry(Struct, frozen=True):
    """How much the verdict rests on."""

    repositories: int
    tags: int
    uses: int
    uses_elsewhere: int


class PreflightDocument(Struct, frozen=True):
    """The answer."""

    version: int
    verdict: Verdict
    asked: str
    victims: tuple[HurtEntry, ...]
    victims_more: Annotated[int, Meta(description="How many more are only counted.")]
    would_go: Annotated[GoingEntry | None, Meta(description="null if it cannot be predicted.")]
    hazards: tuple[HazardEntry, ...]
    gaps: tuple[GapEntry, ...]
    checked: CheckedEntry


def preflight_json(answer: Prediction) -> str:
    """Return the documented answer, indented."""
    document = PreflightDocument(
        version=VERSION,
        verdict=answer.verdict,
        asked=_text(answer.operation),
        victims=tuple(map(_hurt, answer.victims)),
        victims_more=answer.more_victims,
        would_go=msgspec.convert(answer.removed, GoingEntry | None, from_attributes=True),
        hazards=tuple(
            HazardEntry(each.code, _text(each.subject), _text(each.detail))
            for each in answer.hazards
        ),
        gaps=tuple(
            GapEntry(each.scope, _text(each.subject), each.reason, _text(each.detail))
            for each in answer.gaps
        ),
        checked=msgspec.convert(answer.checked, CheckedEntry, from_attributes=True),
    )
    body = msgspec.json.encode(document, enc_hook=str)  # a Digest is text, but a subclass
    return msgspec.json.format(body, indent=2).decode() + "\n"


def _hurt(victim: Victim) -> HurtEntry:
    needed = victim.image
    return HurtEntry(
        repository=_text(needed.repository),
        tag=_text(needed.tag) or None,
        digest=needed.digest or None,
        reference_class=needed.reference_class,
        owners=tuple(_text(each.name) for each in needed.users),
        used_by=tuple(_user(each) for each in needed.users),
        tag_gone=victim.tag_removed,
        broken=tuple(map(_broken, victim.broken)),
    )


def _user(user: User) -> UserEntry:
    return user_entry(replace(user, name=_text(user.name)))


def _broken(broken: BrokenManifest) -> BrokenEntry:
    return BrokenEntry(
        digest=broken.digest,
        platform=broken.platform or None,
        size=broken.size,
        lost=tuple(
            LostEntry(each.digest, each.kind, each.size, each.removed) for each in broken.lost
        ),
    )


def _text(text: str) -> str:
    """Return text that JSON can hold: a folder's name may be bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()
