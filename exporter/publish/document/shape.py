"""The JSON report. Versioned; docs/report.schema.json is made from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.facts.gap import Reason, Scope
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Collector, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Severity
from exporter.publish.document.stock import StockEntry

VERSION: Final = 1
"""Rises when a field changes its meaning or goes; new fields alone do not raise it."""

Moment = Annotated[
    str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})
]
Name = Annotated[str, Meta(min_length=1)]
Sha = Annotated[str, Meta(pattern=r"^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$")]


class LackEntry(Struct, frozen=True):
    """Content of a child that is missing, short, corrupt or unknown."""

    digest: Sha
    kind: Annotated[str, Meta(description="manifest, config, layer or blob.")]
    size: Annotated[int | None, Meta(description="Bytes, as the manifest states them.")]
    state: State
    detail: Annotated[str, Meta(description="What was observed, for people.")]


class ChildEntry(Struct, frozen=True):
    """One manifest that a tag references."""

    digest: Annotated[Sha | None, Meta(description="null if the tag does not exist.")]
    platform: Annotated[str | None, Meta(description="os/architecture[/variant].")]
    kind: Annotated[str, Meta(description="image, index, attestation, artifact or cache.")]
    state: State
    required: Annotated[bool, Meta(description="Whether a required platform pulls it.")]
    expected: Annotated[bool, Meta(description="Whether this registry should have it.")]
    proof: Annotated[Proof, Meta(description="The weakest proof behind the state.")]
    reason: Annotated[Reason | None, Meta(description="Why the state is unknown.")]
    lacks: Annotated[
        tuple[LackEntry, ...], Meta(description="Its missing, broken or unknown content.")
    ]
    protected_by: Annotated[
        tuple[Name, ...] | None,
        Meta(description="Up to 20 tags that name it directly; null if unknown."),
    ]
    protected_by_more: Annotated[int, Meta(description="Further tags that name it directly.")]
    required_by: Annotated[
        ReferenceClass | None, Meta(description="The highest class that requires it.")
    ]


class WorkloadEntry(Struct, frozen=True):
    """One workload, named as in kubectl."""

    cluster: str
    namespace: str
    kind: str
    name: str


class UserEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One workload, or one reference of a file, that uses an image."""

    owner: Annotated[Name, Meta(description="Display name.")]
    workload: Annotated[WorkloadEntry | None, Meta(description="null for a reference of a file.")]
    reference_class: ReferenceClass
    platforms: Annotated[tuple[Name, ...], Meta(description="Platforms of its nodes, if known.")]
    running: Annotated[int, Meta(description="Running containers.")]
    next_run: Annotated[Moment | None, Meta(description="Next scheduled start.")]


class TagUserEntry(UserEntry, frozen=True, rename={"reference_class": "class"}):
    """One user of a tag."""

    hit: Annotated[bool, Meta(description="Whether it cannot restart; false if unknown.")]


class HolderEntry(Struct, frozen=True):
    """One node that reports the image as cached."""

    node: Name
    platform: Name


class TagEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag or pinned digest."""

    registry: Name
    repository: Name
    tag: Annotated[Name | None, Meta(description="null for a pinned digest.")]
    digest: Annotated[
        Sha | None, Meta(description="null if the tag does not exist or could not be read.")
    ]
    reference_class: ReferenceClass
    state: Annotated[State, Meta(description="State for its own class.")]
    since: Annotated[Moment | None, Meta(description="When it was first seen missing or broken.")]
    platforms: Annotated[tuple[Name, ...], Meta(description="Required platforms; empty: all.")]
    lacking_platforms: Annotated[
        tuple[Name, ...], Meta(description="Required platforms without an image.")
    ]
    admitted_platforms: Annotated[
        tuple[Name, ...], Meta(description="Further platforms it may start on.")
    ]
    not_offered_platforms: Annotated[
        tuple[Name, ...], Meta(description="Those of them without an image; no loss.")
    ]
    used_by: Annotated[tuple[TagUserEntry, ...], Meta(description="Its users.")]
    holders: Annotated[
        tuple[HolderEntry, ...], Meta(description="The first few nodes that have it cached.")
    ]
    children: tuple[ChildEntry, ...]
    failing: Annotated[
        tuple[ReferenceClass, ...],
        Meta(description="Classes for which a pull fails: its own, and lower ones."),
    ]


class GapEntry(Struct, frozen=True):
    """One gap in coverage."""

    registry: Name
    scope: Scope
    subject: str
    reason: Reason
    detail: str


class FindingEntry(Struct, frozen=True):
    """One finding of a check."""

    registry: Name
    check: Annotated[Name, Meta(description="The check's code: docs/findings/CODE.md.")]
    severity: Severity
    repository: Name
    tag: Annotated[Name | None, Meta(description="null for a pinned digest.")]
    root: Annotated[
        Sha | None, Meta(description="Digest that the tag references, or the pinned digest.")
    ]
    digest: Annotated[
        Sha | None, Meta(description="Digest of the child; null for a missing platform.")
    ]
    platform: str | None
    summary: str
    detail: str
    hint: Annotated[str, Meta(description="The cheapest known repair; may be empty.")]
    since: Annotated[Moment, Meta(description="When it was first seen.")]
    required_by: Annotated[
        ReferenceClass | None,
        Meta(description="Highest class that requires it, if it cannot be pulled."),
    ]


class RegistryEntry(Struct, frozen=True):
    """The status of a registry and the age of its results."""

    registry: Name
    role: Role
    collector: Collector
    up: Annotated[
        bool | None, Meta(description="Whether the last audit was complete; null before one.")
    ]
    taken_at: Annotated[
        Moment | None, Meta(description="Start of the audit that tags[] is from; null: none.")
    ]
    last_attempt: Moment | None
    last_success: Moment | None
    stock: Annotated[
        StockEntry | None,
        Meta(description="null if no storage is configured or it could not be read."),
    ]


class Document(Struct, frozen=True):
    """The report: a verdict for every tag, findings and gaps."""

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
