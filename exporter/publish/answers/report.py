"""The report as JSON: the document of `check`, `inspect`, `scrub` and the exporter."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from exporter.facts.attached import Attachments
from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import RegistryPart, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Severity
from exporter.judge.report import BrokenTag, Cause, Report, TagReport
from exporter.judge.tag_verdict import Child, TagVerdict
from exporter.oci.digest import Digest
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    Bytes,
    ContentKind,
    Count,
    GapEntry,
    Moment,
    Name,
    Observed,
    OptionalTag,
    Sha,
    UserEntry,
    about,
    gap_entries,
    optional_moment,
    optional_text,
    user_entry,
)
from exporter.publish.answers.storage import StorageUseEntry, storage_entry
from exporter.publish.formatting import moment
from exporter.publish.status import RegistryStatus

_MOST_PROTECTORS: Final = 20
"""Tags that are named of those that protect one manifest."""


class LackEntry(Struct, frozen=True):
    """Content of a child that is missing, short, corrupt or unknown."""

    digest: Sha
    kind: ContentKind
    size: Annotated[int | None, about("Bytes, as the manifest states them.")]
    state: State
    detail: Observed


class ChildEntry(Struct, frozen=True):
    """One manifest that a tag references."""

    digest: Annotated[Sha | None, about("null if the tag does not exist.")]
    platform: Annotated[str | None, about("os/architecture[/variant].")]
    kind: Annotated[str, about("image, index, attestation, artifact or cache.")]
    state: State
    required: Annotated[bool, about("Whether a required platform pulls it.")]
    expected: Annotated[bool, about("Whether this registry should have it.")]
    proof: Annotated[Proof, about("The weakest proof behind the state.")]
    reason: Annotated[Reason | None, about("Why the state is unknown.")]
    detail: Observed
    lacks: Annotated[tuple[LackEntry, ...], about("Its missing, broken or unknown content.")]
    protected_by: Annotated[
        tuple[Name, ...] | None, about("Up to 20 tags that name it directly; null if unknown.")
    ]
    protected_by_more: Annotated[int, about("Further tags that name it directly.")]
    required_by: Annotated[ReferenceClass | None, about("The highest class that requires it.")]
    possible: Annotated[bool, about("Whether live uses may start on its platform, but need not.")]


class TagUserEntry(UserEntry, frozen=True, rename={"reference_class": "class"}):
    """One user of a tag."""

    hit: Annotated[bool, about("Whether it cannot restart; false if unknown.")]
    fails_on: Annotated[
        tuple[Name, ...], about("Platforms on which it cannot start; empty if none or unknown.")
    ]
    possible: Annotated[bool, about("Whether it may start on those platforms, but need not.")]


class HolderEntry(Struct, frozen=True):
    """One node that reports the image as cached."""

    node: Name
    platform: Name


class AttachmentEntry(Struct, frozen=True):
    """One manifest that is attached to another one."""

    digest: Sha
    artifact_type: Annotated[str, about("Empty if unknown.")]
    tag: Annotated[Name | None, about("The fallback tag; null: listed by the referrers API.")]
    state: Annotated[State, about("Of its manifest and its content.")]
    proof: Annotated[Proof, about("The weakest proof behind the state.")]
    reason: Annotated[Reason | None, about("Why the state is unknown.")]
    detail: Observed


class AttachedEntry(Struct, frozen=True):
    """The attachments of one manifest: signatures, attestations, bills of materials."""

    digest: Annotated[Sha, about("Digest of the tag, or of a required child.")]
    complete: Annotated[bool, about("Whether everything could be listed.")]
    reason: Annotated[Reason | None, about("Why it could not.")]
    attachments: tuple[AttachmentEntry, ...]


class TagEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag or pinned digest."""

    registry: Name
    repository: Name
    tag: OptionalTag
    digest: Annotated[Sha | None, about("null if the tag does not exist or could not be read.")]
    reference_class: ReferenceClass
    state: Annotated[State, about("State for its own class.")]
    since: Annotated[Moment | None, about("When it was first seen missing or broken.")]
    platforms: Annotated[tuple[Name, ...], about("Required platforms; empty: all.")]
    lacking_platforms: Annotated[tuple[Name, ...], about("Required platforms without an image.")]
    admitted_platforms: Annotated[tuple[Name, ...], about("Further platforms it may start on.")]
    not_offered_platforms: Annotated[
        tuple[Name, ...], about("Those of them without an image; no loss.")
    ]
    used_by: Annotated[tuple[TagUserEntry, ...], about("Its users.")]
    failing_pulls: Annotated[Count, about("Pods whose nodes fail to pull it.")]
    pull_error: Annotated[str, about("What one of these nodes said; may be empty.")]
    holders: Annotated[tuple[HolderEntry, ...], about("The first few nodes that have it cached.")]
    children: tuple[ChildEntry, ...]
    failing: Annotated[
        tuple[ReferenceClass, ...],
        about("Classes for which a pull fails: its own, and lower ones."),
    ]
    attached: Annotated[
        tuple[AttachedEntry, ...],
        about("What is attached to it; empty where that was not looked at."),
    ]


class FindingEntry(Struct, frozen=True):
    """One finding of a check."""

    registry: Name
    check: Annotated[Name, about("The check's code: docs/findings/CODE.md.")]
    severity: Severity
    repository: Name
    tag: OptionalTag
    root: Annotated[Sha | None, about("Digest that the tag references, or the pinned digest.")]
    digest: Annotated[Sha | None, about("Digest of the child; null for a missing platform.")]
    platform: str | None
    summary: str
    detail: str
    hint: Annotated[str, about("The cheapest known repair; may be empty.")]
    since: Annotated[Moment, about("When it was first seen.")]
    required_by: Annotated[
        ReferenceClass | None, about("Highest class that requires it, if it cannot be pulled.")
    ]


class AffectedTagEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One tag or pinned digest that a cause breaks."""

    repository: Name
    tag: OptionalTag
    digest: Annotated[Sha | None, about("Digest of the tag, or the pinned digest.")]
    reference_class: ReferenceClass
    platforms: Annotated[tuple[Name, ...], about("On which; empty if not known.")]
    required: Annotated[bool, about("Whether a required platform is affected.")]


class CauseEntry(Struct, frozen=True):
    """One digest that is missing, short or corrupt, and every tag that it breaks."""

    registry: Name
    digest: Sha
    kind: ContentKind
    size: Annotated[int | None, about("Bytes, as the manifest states them.")]
    state: State
    detail: Observed
    since: Annotated[Moment | None, about("When a loss of it was first seen.")]
    tags: tuple[AffectedTagEntry, ...]


class PartEntry(Struct, frozen=True):
    """Repositories of a registry with another role than the rest."""

    repositories: Annotated[tuple[str, ...], about("Shell patterns.")]
    role: Role
    platforms: tuple[str, ...]


class RegistryEntry(Struct, frozen=True):
    """The status of a registry and the age of its results."""

    registry: Name
    role: Role
    parts: tuple[PartEntry, ...]
    kind: Annotated[Name, about("`zot`, `harbor` …; `unknown` if not recognized.")]
    kind_version: Annotated[str, about("Empty if the registry does not tell it.")]
    collector: Collector
    up: Annotated[bool | None, about("Whether the last audit was complete; null before one.")]
    taken_at: Annotated[Moment | None, about("Start of the audit that tags[] is from; null: none.")]
    last_attempt: Moment | None
    last_success: Moment | None
    read_in_full: Annotated[
        Bytes | None, about("Blobs read in full as it ignores ranges; null if it does not.")
    ]
    storage: Annotated[
        StorageUseEntry | None, about("null if no storage is configured or it could not be read.")
    ]


class ReportDocument(AnswerDocument, frozen=True):
    """The report: a verdict for every tag, findings and gaps."""

    registries: tuple[RegistryEntry, ...]
    causes: Annotated[tuple[CauseEntry, ...], about("The worst first.")]
    tags: tuple[TagEntry, ...]
    findings: tuple[FindingEntry, ...]
    gaps: tuple[GapEntry, ...]


def document(statuses: Iterable[RegistryStatus], generated: float) -> ReportDocument:
    """Return the document on some registries; `generated` is in seconds since the epoch."""
    known = tuple(statuses)
    reports = [each.report for each in known if each.report]
    return ReportDocument(
        VERSION,
        moment(generated),
        tuple(map(_registry, known)),
        tuple(_cause(report, each) for report in reports for each in report.causes),
        tuple(entry for report in reports for entry in _tags(report)),
        tuple(_finding(report, each) for report in reports for each in report.findings),
        tuple(
            dict.fromkeys(
                entry for each in known for entry in gap_entries(each.registry, each.unseen)
            )
        ),
    )


def _registry(status: RegistryStatus) -> RegistryEntry:
    report = status.report
    snapshot = report.snapshot if report else None
    return RegistryEntry(
        registry=status.registry,
        role=status.role,
        parts=tuple(map(_part, snapshot.parts)) if snapshot else (),
        kind=status.kind.name,
        kind_version=status.kind.version,
        collector=status.collector,
        up=status.up,
        taken_at=optional_moment(snapshot.taken_at if snapshot else None),
        last_attempt=optional_moment(status.last_attempt),
        last_success=optional_moment(status.last_success),
        read_in_full=snapshot.read_in_full if snapshot else None,
        storage=storage_entry(report.storage) if report and report.storage else None,
    )


def _cause(report: Report, cause: Cause) -> CauseEntry:
    lack = cause.lack
    what = lack.digest, lack.kind, lack.size, lack.state, lack.detail
    tags = tuple(map(_affected, cause.affects))
    return CauseEntry(report.snapshot.registry, *what, optional_moment(cause.since), tags)


def _affected(broken: BrokenTag) -> AffectedTagEntry:
    root = broken.verdict.root
    platforms = tuple(map(str, broken.platforms))
    where = root.repository, root.tag, root.digest
    return AffectedTagEntry(*where, root.reference_class, platforms, broken.required)


def _part(part: RegistryPart) -> PartEntry:
    return PartEntry(part.repositories, part.role, tuple(sorted(map(str, part.platforms))))


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
            since=optional_moment(tag.since),
            platforms=tuple(sorted(map(str, root.platforms))),
            lacking_platforms=tuple(map(str, verdict.lacking_platforms)),
            admitted_platforms=tuple(sorted(map(str, root.admitted))),
            not_offered_platforms=tuple(map(str, verdict.not_offered)),
            used_by=tuple(_users(tag)),
            failing_pulls=tag.failing_pulls,
            pull_error=tag.pull_error,
            holders=_holders(verdict),
            children=tuple(map(_child, verdict.children)),
            failing=verdict.failing,
            attached=tuple(_attached(*each) for each in verdict.attached),
        )


def _attached(digest: Digest, attached: Attachments) -> AttachedEntry:
    entries = tuple(
        AttachmentEntry(each.digest, each.artifact_type, each.tag, *_proven(each.sighting))
        for each in attached.entries
    )
    doubt = attached.doubt
    return AttachedEntry(digest, doubt is None, doubt.reason if doubt else None, entries)


def _proven(sighting: Sighting) -> tuple[State, Proof, Reason | None, str]:
    return sighting.state, sighting.proof, sighting.reason, sighting.detail


def _users(tag: TagReport) -> Iterator[TagUserEntry]:
    for user, hit in tag.impact.affects(tag.users):
        yield TagUserEntry(
            **msgspec.structs.asdict(user_entry(user)),
            hit=user.stops,
            fails_on=tuple(map(str, user.fails_on)),
            possible=hit and not user.stops,
        )


def _holders(verdict: TagVerdict) -> tuple[HolderEntry, ...]:
    found = {(each.node, str(each.platform)) for use in verdict.uses for each in use.holders}
    return tuple(HolderEntry(*each) for each in sorted(found))


def _child(child: Child) -> ChildEntry:
    return ChildEntry(
        digest=child.digest,
        platform=optional_text(child.platform),
        kind=child.kind,
        state=child.state,
        required=child.required,
        expected=child.expected,
        proof=child.proof,
        reason=child.reason,
        detail=child.detail,
        lacks=msgspec.convert(child.lacks, tuple[LackEntry, ...], from_attributes=True),
        # Of many tags that name one manifest, each would else repeat all.
        protected_by=child.protected_by and child.protected_by[:_MOST_PROTECTORS],
        protected_by_more=max(0, len(child.protected_by or ()) - _MOST_PROTECTORS),
        required_by=child.required_by,
        possible=child.possible,
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
        platform=optional_text(finding.platform),
        summary=finding.rule.summary,
        detail=finding.detail,
        hint=finding.hint,
        since=moment(report.since.get(finding.key, report.snapshot.taken_at)),
        required_by=finding.required_by,
    )
