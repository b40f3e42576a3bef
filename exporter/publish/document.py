"""What does a report look like as JSON? Versioned; docs/report.schema.json is made from here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Collector, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import blast, hits
from exporter.judge.finding import Severity
from exporter.publish.census import broken_since
from exporter.publish.stock_document import StockEntry, stock_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.judge.blast import Hit
    from exporter.judge.finding import Finding
    from exporter.judge.report import Child, Report, TagVerdict
    from exporter.publish.standing import Standing

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
    state: State
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


def compose(standings: Iterable[Standing], generated: float) -> Document:
    """Return the document on some registries; `generated` is seconds since the epoch."""
    known = tuple(standings)
    reports = [each.report for each in known if each.report]
    return Document(
        VERSION,
        moment(generated),
        tuple(_registry(each) for each in known),
        tuple(entry for report in reports for entry in _tags(report)),
        tuple(_finding(report, each) for report in reports for each in report.findings),
        tuple(_gap(each.registry, gap) for each in known for gap in gaps(each)),
    )


def encode(document: Document, *, indent: int = 0) -> bytes:
    """Return the document as JSON, on one line or indented by so many spaces."""
    # Entry by entry: whole, a large one would keep every other thread waiting for seconds.
    fields = (
        b'"%s":%s' % (name.encode(), _encoded(getattr(document, name)))
        for name in document.__struct_fields__
    )
    body = b"{%s}" % b",".join(fields)
    return msgspec.json.format(body, indent=indent) if indent else body


def _encoded(value: object) -> bytes:
    if isinstance(value, tuple):
        return b"[%s]" % b",".join(map(_encoded, value))
    return _ENCODER.encode(value)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
"""A Digest is text, but a subclass of it."""


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pullproof report, version {VERSION}",
        **msgspec.json.schema(Document),
    }


def moment(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def gaps(standing: Standing) -> tuple[Gap, ...]:
    """What the served report could not see, and what the attempts after it could not."""
    served = standing.report.snapshot.gaps if standing.report else ()
    return tuple(dict.fromkeys((*served, *standing.gaps)))


def _registry(standing: Standing) -> RegistryEntry:
    return RegistryEntry(
        registry=standing.registry,
        role=standing.role,
        collector=standing.collector,
        up=standing.up,
        taken_at=_optional(standing.report.snapshot.taken_at if standing.report else None),
        last_attempt=_optional(standing.last_attempt),
        last_success=_optional(standing.last_success),
        stock=stock_entry(standing.report.stock)
        if standing.report and standing.report.stock
        else None,
    )


def _tags(report: Report) -> Iterator[TagEntry]:
    since = broken_since(report)
    for verdict in report.verdicts:
        root = verdict.root
        yield TagEntry(
            registry=report.snapshot.registry,
            repository=root.repository,
            tag=root.tag,
            digest=root.digest,
            reference_class=root.reference_class,
            state=verdict.state,
            since=_optional(since.get((root.repository, root.name))),
            platforms=tuple(sorted(map(str, root.platforms))),
            lacking_platforms=tuple(map(str, verdict.lacking_platforms)),
            admitted_platforms=tuple(sorted(map(str, root.admitted))),
            not_offered_platforms=tuple(map(str, verdict.not_offered)),
            used_by=tuple(_users(verdict)),
            holders=_holders(verdict),
            children=_children(verdict),
        )


def user_entry(user: Hit) -> UserEntry:
    """Return one of those who want an image."""
    return UserEntry(
        owner=user.name,
        workload=msgspec.convert(user.workload, WorkloadEntry | None, from_attributes=True),
        reference_class=user.reference_class,
        platforms=tuple(map(str, user.platforms)),
        running=user.alive,
        next_run=_optional(user.next_run),
    )


def _users(verdict: TagVerdict) -> Iterator[TagUserEntry]:
    hit = {each.name for each in blast(verdict).hits}
    for user in hits(verdict.uses):
        fields = msgspec.structs.asdict(user_entry(user))
        yield TagUserEntry(**fields, hit=user.name in hit)


def _holders(verdict: TagVerdict) -> tuple[HolderEntry, ...]:
    found = {(each.node, str(each.platform)) for use in verdict.uses for each in use.holders}
    return tuple(HolderEntry(*each) for each in sorted(found))


def _children(verdict: TagVerdict) -> tuple[ChildEntry, ...]:
    return tuple(_child(each) for each in verdict.children)


def _child(child: Child) -> ChildEntry:
    return ChildEntry(
        digest=child.digest,
        platform=str(child.platform) if child.platform else None,
        kind=child.kind,
        state=child.state,
        required=child.required,
        expected=child.expected,
        proof=child.proof,
        reason=child.reason,
        lacks=tuple(
            LackEntry(each.digest, each.kind, each.size, each.state, each.detail)
            for each in child.lacks
        ),
        protected_by=child.protected_by,
    )


def _finding(report: Report, finding: Finding) -> FindingEntry:
    return FindingEntry(
        registry=report.snapshot.registry,
        check=finding.rule.code,
        severity=finding.severity,
        repository=finding.root.repository,
        tag=finding.root.tag,
        root=finding.root.digest,
        digest=finding.digest,
        platform=str(finding.platform) if finding.platform else None,
        summary=finding.rule.summary,
        detail=finding.detail,
        hint=finding.hint,
        since=moment(report.since.get(finding.key, report.snapshot.taken_at)),
    )


def _gap(registry: str, gap: Gap) -> GapEntry:
    return GapEntry(registry, gap.scope, gap.subject, gap.reason, gap.detail)


def _optional(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)
