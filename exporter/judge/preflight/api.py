"""Who would be hurt, as far as a registry's answers tell, without a look at its storage?

They tell which tags point where, and so what a collector of untagged manifests would take. What
depends on links that only the storage shows is a gap, never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Role
from exporter.facts.use import highest
from exporter.judge.preflight import hazards
from exporter.judge.preflight.doomed import UNSEALED, Doomed, Label, collected, deleted, manifests
from exporter.judge.preflight.operation import Operation
from exporter.judge.preflight.prediction import (
    MOST,
    BrokenManifest,
    Checked,
    Hazard,
    LostContent,
    NeededImage,
    Prediction,
    RemovalTotals,
    Victim,
)
from exporter.judge.report import ChildKind, Report, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.manifest import Kind


def predict(
    report: Report, operation: Operation, needed: Sequence[NeededImage], gaps: Sequence[Gap]
) -> Prediction:
    """Answer about a kept snapshot: its tags in scope, and the needed beside them.

    Asked for a collection or for deletions, not for one after the other. `gaps` are those of the
    references.
    """
    doomed = _doomed(report, operation)
    users = {(each.repository, each.tag or each.digest): each for each in needed}
    verdicts = [each for each in report.verdicts if each.root.digest]
    wanted = [_needed(each, users) for each in verdicts]
    found = [_hurt(report, doomed, *pair) for pair in zip(verdicts, wanted, strict=True)]
    victims = sorted((each for each in found if each), key=lambda each: each.image.rank)
    seen = {(each.repository, each.tag or each.digest) for each in wanted}
    unmatched = [each for label, each in users.items() if label not in seen]
    return Prediction(
        operation=operation.description,
        victims=tuple(victims[:MOST]),
        hazards=tuple(_hazards(operation, doomed)),
        gaps=(
            *(*gaps, *report.snapshot.hiding),
            *(*_blind(report), *_undecided(report, doomed)),
            *_unlooked(report, operation, doomed),
            *operation.gaps(doomed.unmatched),
            *(_not_seen(each) for each in unmatched),
        ),
        removed=_going(operation, doomed),
        checked=Checked(
            repositories=len({each.repository for each in wanted}),
            tags=sum(bool(each.tag) for each in wanted),
            uses=len(users) - len(unmatched),
            uses_elsewhere=len(unmatched),
        ),
        more_victims=max(0, len(victims) - MOST),
    )


def _doomed(report: Report, operation: Operation) -> Doomed:
    if operation.deletions:
        return deleted(report, operation.deletions.deletions)
    return collected(report, operation.collection) if operation.collection else Doomed()


def _needed(verdict: TagVerdict, users: Mapping[Label, NeededImage]) -> NeededImage:
    root = verdict.root
    label = (root.repository, root.tag or root.digest or "")
    own = NeededImage(root.repository, root.tag or "", root.digest or "", root.reference_class)
    use = users.get(label)
    if use is None:
        return own
    top = highest(own.reference_class, use.reference_class)
    return replace(own, reference_class=top, users=use.users)


def _hurt(
    report: Report, doomed: Doomed, verdict: TagVerdict, needed: NeededImage
) -> Victim | None:
    label = (needed.repository, needed.tag)
    if label in doomed.intended and not needed.users:
        return None
    broken = tuple(_broken(report, doomed, verdict))
    tag_removed = label in doomed.tags
    return Victim(needed, tag_removed, broken) if tag_removed or broken else None


def _broken(report: Report, doomed: Doomed, verdict: TagVerdict) -> Iterator[BrokenManifest]:
    """Yield what of it is there now and would not be; what is gone already is no victim."""
    repository = verdict.root.repository
    platforms = {
        each.digest: "attestation" if each.kind is ChildKind.ATTESTATION else str(each.platform)
        for each in verdict.children
        if each.platform or each.kind is ChildKind.ATTESTATION
    }
    broken = {each.digest for each in verdict.children if each.state is State.BROKEN}
    for digest in manifests(verdict):
        seen = report.snapshot.sightings.get((repository, digest))
        if seen is None or seen.state is not State.PRESENT or digest in broken:
            continue
        lost = tuple(_lost(report, doomed, (repository, digest), digest))
        if lost:
            yield BrokenManifest(digest, platforms.get(digest, ""), lost)


def _lost(report: Report, doomed: Doomed, label: Label, digest: Digest) -> Iterator[LostContent]:
    manifest = report.snapshot.manifests.get(digest)
    if label in doomed.manifests:
        size = manifest.size if manifest else None
        yield LostContent(digest, "manifest", size, removed=digest in doomed.blobs)
    for link in manifest.links if manifest else ():
        target = link.target
        gone = target.digest in doomed.blobs
        read = link.kind not in (Kind.CHILD, Kind.SUBJECT)
        if read and (gone or (label[0], target.digest) in doomed.links):
            yield LostContent(target.digest, link.kind.value, target.size, removed=gone)


def _going(operation: Operation, doomed: Doomed) -> RemovalTotals | None:
    """What a collection takes that nobody needs, no answer of a registry tells."""
    if operation.collection:
        return None
    return RemovalTotals(
        len(doomed.tags), len(doomed.manifests), len(doomed.blobs), len(doomed.links), None
    )


def _hazards(operation: Operation, doomed: Doomed) -> Iterator[Hazard]:
    if operation.deletions:
        yield from hazards.of_plan(operation.deletions)
        listed = operation.deletions.deletions
        yield from hazards.of_deletions(listed, doomed.unmatched, operation.method, None)
    if operation.collection:
        yield hazards.writes_open(flat=False)
        yield hazards.STALE_CACHE
        yield hazards.ONLY_ASKED


def _blind(report: Report) -> Iterator[Gap]:
    """Yield what could not be established of what is needed."""
    snapshot = report.snapshot
    if snapshot.role is Role.PROXY:
        detail = "a pull-through cache: partial by design"
        yield Gap(Scope.REGISTRY, snapshot.registry, Reason.BY_DESIGN, detail)
    for verdict in report.verdicts:
        unknown = [
            each for each in verdict.children if each.expected and each.state is State.UNKNOWN
        ]
        if unknown:
            name = f"{verdict.root.repository}:{verdict.root.name}"
            reason = unknown[0].reason or Reason.UNCONFIRMED
            yield Gap(Scope.OBJECT, name, reason, "its manifests are unknown")


def _undecided(report: Report, doomed: Doomed) -> Iterator[Gap]:
    """Yield the repositories of which it cannot be told what goes, each with the reason once."""
    gone = {place for place, seen in report.snapshot.sightings.items() if seen.state in GONE}
    labels = (label for label in doomed.undecided if label not in gone)
    counts = Counter((label[0], doomed.undecided[label]) for label in labels)
    for (repository, why), count in sorted(counts.items()):
        detail = f"state of {count} manifests unknown: {why}"
        yield Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, detail)


def _unlooked(report: Report, operation: Operation, doomed: Doomed) -> Iterator[Gap]:
    """Yield the repositories of which a tag that was not looked at may need what goes."""
    snapshot = report.snapshot
    everywhere = operation.collection is not None or bool(doomed.blobs)
    touched = {place for place, _ in (*doomed.manifests, *doomed.links)}
    for repository in sorted({each.root.repository for each in report.verdicts}):
        if not everywhere and repository not in touched:
            continue
        sealed = snapshot.sealed.get(repository)
        if sealed is None:
            yield Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, UNSEALED)
            continue
        unread = sum(
            len(tags) for each, tags in sealed.tags.items() if each not in snapshot.manifests
        )
        if unread:
            detail = f"{unread} tags are not in the snapshot's scope"
            yield Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, detail)


def _not_seen(needed: NeededImage) -> Gap:
    detail = f"used by {needed.users[0].name}, but not in the snapshot"
    return Gap(Scope.OBJECT, needed.name, Reason.UNCONFIRMED, detail)
