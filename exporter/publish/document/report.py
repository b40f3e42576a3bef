"""How is what was seen and judged said as JSON?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from exporter.facts.gap import Gap
from exporter.judge.finding import Finding
from exporter.judge.impact import User
from exporter.judge.report import Child, Report, TagReport, TagVerdict
from exporter.publish.document.shape import (
    VERSION,
    ChildEntry,
    Document,
    FindingEntry,
    GapEntry,
    HolderEntry,
    LackEntry,
    RegistryEntry,
    TagEntry,
    TagUserEntry,
    UserEntry,
    WorkloadEntry,
)
from exporter.publish.document.stock import stock_entry
from exporter.publish.formatting import moment
from exporter.publish.status import RegistryStatus

_MOST_PROTECTORS: Final = 20
"""Tags that are named of those that protect one manifest."""


def compose(statuses: Iterable[RegistryStatus], generated: float) -> Document:
    """Return the document on some registries; `generated` is seconds since the epoch."""
    known = tuple(statuses)
    reports = [each.report for each in known if each.report]
    return Document(
        VERSION,
        moment(generated),
        tuple(_registry(each) for each in known),
        tuple(entry for report in reports for entry in _tags(report)),
        tuple(_finding(report, each) for report in reports for each in report.findings),
        tuple(_gap(each.registry, gap) for each in known for gap in each.unseen),
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


def _registry(status: RegistryStatus) -> RegistryEntry:
    return RegistryEntry(
        registry=status.registry,
        role=status.role,
        collector=status.collector,
        up=status.up,
        taken_at=_optional(status.report.snapshot.taken_at if status.report else None),
        last_attempt=_optional(status.last_attempt),
        last_success=_optional(status.last_success),
        stock=stock_entry(status.report.stock) if status.report and status.report.stock else None,
    )


def _tags(report: Report) -> Iterator[TagEntry]:
    for tag in report.tags:
        verdict, root = tag.verdict, tag.verdict.root
        yield TagEntry(
            registry=report.snapshot.registry,
            repository=root.repository,
            tag=root.tag,
            digest=root.digest,
            reference_class=root.reference_class,
            state=verdict.state,
            since=_optional(tag.since),
            platforms=tuple(sorted(map(str, root.platforms))),
            lacking_platforms=tuple(map(str, verdict.lacking_platforms)),
            admitted_platforms=tuple(sorted(map(str, root.admitted))),
            not_offered_platforms=tuple(map(str, verdict.not_offered)),
            used_by=tuple(_users(tag)),
            holders=_holders(verdict),
            children=_children(verdict),
            failing=verdict.failing,
        )


def user_entry(user: User) -> UserEntry:
    """Return one of those who want an image."""
    return UserEntry(
        owner=user.name,
        workload=msgspec.convert(user.workload, WorkloadEntry | None, from_attributes=True),
        reference_class=user.reference_class,
        platforms=tuple(map(str, user.platforms)),
        running=user.running,
        next_run=_optional(user.next_run),
    )


def _users(tag: TagReport) -> Iterator[TagUserEntry]:
    for user, hit in tag.impact.affects(tag.users):
        yield TagUserEntry(**msgspec.structs.asdict(user_entry(user)), hit=hit)


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
        # Of many tags that name one manifest, each would else repeat all.
        protected_by=child.protected_by and child.protected_by[:_MOST_PROTECTORS],
        protected_by_more=max(0, len(child.protected_by or ()) - _MOST_PROTECTORS),
        required_by=child.required_by,
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
        required_by=finding.required_by,
    )


def _gap(registry: str, gap: Gap) -> GapEntry:
    return GapEntry(registry, gap.scope, gap.subject, gap.reason, gap.detail)


def _optional(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)
