"""What does a report look like as JSON? Versioned; docs/report.schema.json is made from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.facts.gap import Reason, Scope
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Collector, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Severity
from exporter.publish.document.stock import StockEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
"""Rises when a field changes its meaning or goes; new fields alone do not raise it."""

Moment = Annotated[
    str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})
]
Name = Annotated[str, Meta(min_length=1)]
Sha = Annotated[str, Meta(pattern=r"^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$")]


class LackEntry(Struct, frozen=True):
    """Something below a child that is gone, short or wrong, or that could not be seen."""

    digest: Sha
    kind: Annotated[str, Meta(description="manifest, config, layer or blob.")]
    size: Annotated[int | None, Meta(description="Bytes, as the manifest states them.")]
    state: State
    detail: Annotated[str, Meta(description="What was seen, for a person.")]


class ChildEntry(Struct, frozen=True):
    """One manifest that a tag leads to."""

    digest: Annotated[Sha | None, Meta(description="null where the tag itself is gone.")]
    platform: Annotated[str | None, Meta(description="os/architecture[/variant].")]
    kind: Annotated[str, Meta(description="image, index, attestation, artifact or cache.")]
    state: State
    required: Annotated[bool, Meta(description="Would a platform that must run it pull this?")]
    expected: Annotated[bool, Meta(description="Should this registry hold it at all?")]
    proof: Annotated[Proof, Meta(description="The weakest proof that the state rests on.")]
    reason: Annotated[Reason | None, Meta(description="Why the state is unknown.")]
    lacks: Annotated[tuple[LackEntry, ...], Meta(description="What is absent of it.")]
    protected_by: Annotated[
        tuple[Name, ...] | None,
        Meta(description="Tags that point straight at it; null where that is not known."),
    ]
    required_by: Annotated[
        ReferenceClass | None, Meta(description="The highest class that requires it.")
    ]


class WorkloadEntry(Struct, frozen=True):
    """What would stop, named the way a person types it."""

    cluster: str
    namespace: str
    kind: str
    name: str


class UserEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One workload, or one reference of which no more is known, that wants an image."""

    owner: Annotated[Name, Meta(description="For a person.")]
    workload: Annotated[WorkloadEntry | None, Meta(description="null of a mere reference.")]
    reference_class: ReferenceClass
    platforms: Annotated[tuple[Name, ...], Meta(description="Of its nodes, where known.")]
    running: Annotated[int, Meta(description="Containers that run now.")]
    next_run: Annotated[Moment | None, Meta(description="When a schedule starts it next.")]


class TagUserEntry(UserEntry, frozen=True, rename={"reference_class": "class"}):
    """One of those who want a tag."""

    hit: Annotated[bool, Meta(description="Could it not start again? false where unknown.")]


class HolderEntry(Struct, frozen=True):
    """One node that says it still holds the image."""

    node: Name
    platform: Name


class TagEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag, or one digest that somebody pins."""

    registry: Name
    repository: Name
    tag: Annotated[Name | None, Meta(description="null where it is pinned by digest.")]
    digest: Annotated[Sha | None, Meta(description="null where the tag leads nowhere.")]
    reference_class: ReferenceClass
    state: Annotated[State, Meta(description="Of what its own class requires.")]
    since: Annotated[Moment | None, Meta(description="First seen to be broken or missing.")]
    platforms: Annotated[tuple[Name, ...], Meta(description="That must run it; empty: all.")]
    lacking_platforms: Annotated[tuple[Name, ...], Meta(description="For which nothing is there.")]
    admitted_platforms: Annotated[
        tuple[Name, ...], Meta(description="Further ones on which it may be started.")
    ]
    not_offered_platforms: Annotated[
        tuple[Name, ...], Meta(description="Those of them for which nothing is there: no loss.")
    ]
    used_by: Annotated[tuple[TagUserEntry, ...], Meta(description="Who wants it.")]
    holders: Annotated[tuple[HolderEntry, ...], Meta(description="The first few nodes.")]
    children: tuple[ChildEntry, ...]
    failing: Annotated[
        tuple[ReferenceClass, ...],
        Meta(description="Classes for which a pull fails: its own, and lower ones."),
    ]


class GapEntry(Struct, frozen=True):
    """One thing that could not be seen."""

    registry: Name
    scope: Scope
    subject: str
    reason: Reason
    detail: str


class FindingEntry(Struct, frozen=True):
    """One thing that is wrong, or will be."""

    registry: Name
    check: Annotated[Name, Meta(description="The check's code: docs/findings/CODE.md.")]
    severity: Severity
    repository: Name
    tag: Annotated[Name | None, Meta(description="null where it is pinned by digest.")]
    root: Annotated[Sha | None, Meta(description="What the tag leads to, or what is pinned.")]
    digest: Annotated[Sha | None, Meta(description="The child; null for a lacking platform.")]
    platform: str | None
    summary: str
    detail: str
    hint: Annotated[str, Meta(description="The cheapest repair that is known; empty: none is.")]
    since: Annotated[Moment, Meta(description="First seen.")]
    required_by: Annotated[
        ReferenceClass | None,
        Meta(description="Of what cannot be pulled: the highest class that requires it."),
    ]


class RegistryEntry(Struct, frozen=True):
    """How a registry stands, and how old what is said of it is."""

    registry: Name
    role: Role
    collector: Collector
    up: Annotated[
        bool | None, Meta(description="Did the last audit see it as a whole? null before one.")
    ]
    taken_at: Annotated[
        Moment | None, Meta(description="When the audit began that tags[] is from; null: none.")
    ]
    last_attempt: Moment | None
    last_success: Moment | None
    stock: Annotated[
        StockEntry | None, Meta(description="null where no storage was given, or not read whole.")
    ]


class Document(Struct, frozen=True):
    """What pullproof knows: a verdict for every tag, what is wrong, what could not be seen."""

    version: Literal[1]
    generated: Moment
    registries: tuple[RegistryEntry, ...]
    tags: tuple[TagEntry, ...]
    findings: tuple[FindingEntry, ...]
    gaps: tuple[GapEntry, ...]


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pullproof report, version {VERSION}",
        **msgspec.json.schema(Document),
    }
