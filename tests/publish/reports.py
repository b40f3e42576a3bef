"""Words for reports: `tag("app:v1", child("arm64", MISSING))`, true digests, few defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.holdings import Reclaimable, Share
from exporter.facts.proof import LAST_BYTE, Proof, Sighting, State, unknown
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Admission, Role, Root, Sealed, Snapshot
from exporter.facts.use import Holder, ReferenceClass, Use
from exporter.judge.checks import broken_child, missing_child, missing_platform
from exporter.judge.content_findings import hint
from exporter.judge.finding import Finding, weight
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.preconditions import Effect, Precondition, PreconditionCode
from exporter.judge.judgement import concluded
from exporter.judge.protection import Risk
from exporter.judge.reachability import compared, reachability
from exporter.judge.report import Report
from exporter.judge.storage_use import CollectorForecast, StorageUse
from exporter.judge.tag_report import tag_report
from exporter.judge.tag_verdict import Child, ChildKind, Lack, LackingPlatform, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag
from exporter.publish.status import AppState, RegistryStatus, Reload, SourceStatus
from exporter.tally import Tally
from tests.fakes import use, workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PRESENT, MISSING, BROKEN, UNKNOWN = State.PRESENT, State.MISSING, State.BROKEN, State.UNKNOWN
TAKEN_AT = 1_776_852_000.0
"""2026-04-22 10:00:00 UTC."""
FIRST_SEEN = TAKEN_AT - 5400
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def digest(name: str) -> Digest:
    return Digest.of(name.encode())


def child(
    architecture: str | None = "amd64", state: State = PRESENT, *, name: str = "", **other: Any
) -> Child:
    """An image below a tag; `layer` is what is gone of a broken one.

    What is live in a tag of a lower class is that tag's own.
    """
    own = digest(name or str(architecture))
    fields: dict[str, Any] = {
        "digest": own,
        "platform": Platform("linux", architecture) if architecture else None,
        "kind": ChildKind.IMAGE,
        "state": state,
        "required_by": ReferenceClass.LIVE,
        "expected": True,
        "proof": Proof.NOTHING if state in (MISSING, UNKNOWN) else Proof.LAST_BYTE,
        "reason": Reason.TIMEOUT if state is UNKNOWN else None,
        "lacks": _lacks(own, state),
        "protected_by": (),
    }
    named = {(): Risk.SWEPT, None: Risk.UNKNOWN}  # as distribution 2 sweeps
    tags = {**fields, **other}["protected_by"]
    return Child(**{"risk": named.get(tags, Risk.KEPT), **fields, **other})


def attestation(state: State = PRESENT, name: str = "attestation") -> Child:
    kind = ChildKind.ATTESTATION
    return replace(child(None, state, name=name), kind=kind, required_by=None)


def tag(  # noqa: PLR0913 - what a verdict has, each by its name
    name: str,
    *children: Child,
    reference: ReferenceClass = ReferenceClass.LIVE,
    state: State | None = None,
    lacking: tuple[Platform | LackingPlatform, ...] = (),
    uses: tuple[Use, ...] = (),
    refused: tuple[str, ...] = (),
) -> TagVerdict:
    """The verdict on `repository:tag` or on `repository@` (pinned by digest)."""
    repository, _, label = name.partition(":")
    pinned = Repository(repository.rstrip("@"))
    own = digest(f"index of {name}")
    root = Root(pinned, Tag(label) if label else None, own, LAST_BYTE, reference)
    children = tuple(_own(each, reference) for each in children)
    holes = tuple(
        each if isinstance(each, LackingPlatform) else LackingPlatform(each, reference)
        for each in lacking
    )
    state = state or _roll_up(children, holes, reference)
    detail = "the login is refused"
    doors = tuple(Admission(each, pinned, False, Reason.UNAUTHORIZED, detail) for each in refused)
    return TagVerdict(root, state, children, (), holes, uses=uses, admissions=doors)


def _own(each: Child, reference: ReferenceClass) -> Child:
    own = each.required_by is ReferenceClass.LIVE
    return replace(each, required_by=reference) if own else each


def gone(name: str, reference: ReferenceClass = ReferenceClass.LIVE) -> TagVerdict:
    """A tag that no longer exists, as the judge stands it in by one child without a digest."""
    seen = Sighting(MISSING, detail="404 MANIFEST_UNKNOWN")
    return _unresolved(name, reference, seen)


def unreadable(name: str, reference: ReferenceClass = ReferenceClass.LIVE) -> TagVerdict:
    """A tag that could not be asked."""
    return _unresolved(name, reference, unknown(Reason.DENIED, "403"))


def report(*verdicts: TagVerdict, registry: str = "registry.example", **other: Any) -> Report:
    """A report whose snapshot agrees with its verdicts; the repositories are sealed."""
    facts: dict[str, Any] = {"collector": Collector.DISTRIBUTION_2} | other
    if "sealed" not in facts:
        facts["sealed"] = {each.root.repository: _sealed(verdicts) for each in verdicts}
    seen: dict[str, Any] = {
        "manifests": {each.digest: each for verdict in verdicts for each in _manifests(verdict)},
        "sightings": dict(pair for verdict in verdicts for pair in _sightings(verdict)),
        "roots": tuple(each.root for each in verdicts),
        "uses": tuple(use for each in verdicts for use in each.uses),
        "admissions": tuple(door for each in verdicts for door in each.admissions),
    }
    snapshot = Snapshot(registry=registry, taken_at=TAKEN_AT, **seen | facts)
    reach = reachability(snapshot, verdicts)
    compare = (compared(each, reach.get(each.root.repository)) for each in verdicts)
    verdicts = tuple(sorted(compare, key=lambda each: each.root.reference_class.rank))
    owned = facts.get("role") is not Role.PROXY
    judged = [(each, tuple(_findings(each)) if owned else ()) for each in verdicts]
    since = {finding.key: FIRST_SEEN for _, findings in judged for finding in findings}
    reports = (tag_report(each, found, since) for each, found in judged)
    return concluded(snapshot, tuple(reports), since)


def rejudged(
    about: Report,
    *findings: Finding,
    since: float | Mapping[str, float] = FIRST_SEEN,
    snapshot: Snapshot | None = None,
) -> Report:
    """The same verdicts with these findings, or with their own; and when they were first seen."""
    found = findings or about.findings
    judged = [
        (each, tuple(one for one in found if one.root == each.root)) for each in about.verdicts
    ]
    times = since if not isinstance(since, float | int) else {each.key: since for each in found}
    reports = (tag_report(each, told, times) for each, told in judged)
    return concluded(snapshot or about.snapshot, tuple(reports), times)


def status(
    about: Report | None, registry: str = "registry.example", **other: Any
) -> RegistryStatus:
    """Where a registry stands after some audits; the last one a success."""
    snapshot = about.snapshot if about else None
    fields: dict[str, Any] = {
        "registry": snapshot.registry if snapshot else registry,
        "role": snapshot.role if snapshot else Role.OWNED,
        "collector": snapshot.collector if snapshot else Collector.UNKNOWN,
        "interval": 900.0,
        "tally": Tally(),
        "report": about,
        "up": True if about else None,
        "last_attempt": TAKEN_AT if about else None,
        "last_success": TAKEN_AT if about else None,
        "duration": 12.5 if about else None,
        "audits": 3 if about else 0,
        "gaps": snapshot.gaps if snapshot else (),
    }
    return RegistryStatus(**fields | other)


def app_state(*statuses: RegistryStatus, **other: Any) -> AppState:
    fields: dict[str, Any] = {
        "statuses": statuses,
        "sources": (SourceStatus("file:refs.yml", up=True, last_sync=TAKEN_AT, references=7),),
        "reload": Reload(
            str(digest("config")),
            successful=True,
            last_success=TAKEN_AT - 60,
            reference_max_age=86_400.0,
        ),
    }
    return AppState(**fields | other)


def incident(*more: TagVerdict) -> Report:
    """After the collection: both children swept, a layer gone, a tag unreadable, one healthy."""
    healthy = (child("amd64", name="ok"), attestation(name="sbom"))
    lost = child("amd64", MISSING), child("arm64", MISSING), attestation(MISSING)
    return report(
        tag("shop/app:v1", *lost, uses=(deployment(), cron_job())),
        tag("shop/web:2026", child("amd64", BROKEN, name="web"), refused=("prod shop: pull",)),
        unreadable("shop/vault:v3"),
        tag("shop/app:latest", *healthy, reference=ReferenceClass.LATEST),
        *more,
        gaps=(Gap(Scope.REPOSITORY, "shop/vault", Reason.DENIED, "403 Forbidden"),),
    )


def deployment(**other: Any) -> Use:
    """Deployment shop/web runs `shop/app:v1` on two nodes, and a third one still holds it."""
    known: dict[str, Any] = {
        "alive": 12,
        "workload": workload("Deployment", "shop/web"),
        "holders": (Holder("n1", ARM64), Holder("n3", ARM64)),
    }
    return use("shop/app:v1", "linux/amd64", "linux/arm64", **known | other)


def cron_job(**other: Any) -> Use:
    """CronJob shop/sync starts from `shop/app:v1` on the first of May at three, anywhere."""
    known: dict[str, Any] = {
        "workload": workload("CronJob", "shop/sync"),
        "next_run": 1_777_604_400.0,
        "admitted": ("linux/amd64", "linux/arm64"),
    }
    return use("shop/app:v1", **known | other)


def _lacks(own: Digest, state: State) -> tuple[Lack, ...]:
    if state is MISSING:
        return (Lack(own, "manifest", None, state, "404 MANIFEST_UNKNOWN"),)
    if state is BROKEN:
        layer = digest(f"layer of {own}")
        return (Lack(layer, "layer", 1034, BROKEN, "0 of 1034 bytes"),)
    return (Lack(own, "manifest", None, state, "timeout"),) if state is UNKNOWN else ()


def _roll_up(
    children: tuple[Child, ...], lacking: tuple[LackingPlatform, ...], own: ReferenceClass
) -> State:
    states = {each.state for each in children if each.required_by is own and each.expected}
    if any(each.required_by is own for each in lacking) or states & {MISSING, BROKEN}:
        return BROKEN
    return UNKNOWN if UNKNOWN in states else PRESENT


def _unresolved(name: str, reference: ReferenceClass, seen: Sighting) -> TagVerdict:
    repository, _, label = name.partition(":")
    root = Root(Repository(repository), Tag(label), None, seen, reference)
    own = {"reason": seen.reason, "detail": seen.detail, "protected_by": None}
    stand_in = child(None, seen.state, digest=None, lacks=(), **own)
    return TagVerdict(root, seen.state, (_own(stand_in, reference),))


def _sealed(verdicts: tuple[TagVerdict, ...]) -> Sealed:
    tags = {each.root.digest: (each.root.tag,) for each in verdicts if each.root.tag}
    return Sealed({own: names for own, names in tags.items() if own})


def _manifests(verdict: TagVerdict) -> Iterator[Manifest]:
    for each in verdict.children:
        if each.digest and each.state is not MISSING:
            layer = Descriptor("layer", digest(f"layer of {each.digest}"), 1034)
            yield Manifest(each.digest, OCI_MANIFEST, 400, (Link(Kind.LAYER, layer),))
    if verdict.root.digest:
        links = tuple(
            Link(Kind.CHILD, Descriptor(OCI_MANIFEST, each.digest, 400, each.platform))
            for each in verdict.children
            if each.digest
        )
        yield Manifest(verdict.root.digest, OCI_INDEX, 300, links)


def _sightings(verdict: TagVerdict) -> Iterator[tuple[tuple[Repository, Digest], Sighting]]:
    repository = verdict.root.repository
    if verdict.root.digest:
        yield (repository, verdict.root.digest), LAST_BYTE
    for each in verdict.children:
        if each.digest:
            whole = Sighting(each.state) if each.state is not BROKEN else LAST_BYTE
            yield (repository, each.digest), whole
            if each.state is not MISSING:
                seen = LAST_BYTE if each.state is PRESENT else Sighting(each.state)
                yield (repository, digest(f"layer of {each.digest}")), seen


def _findings(verdict: TagVerdict) -> Iterator[Finding]:
    rules = {MISSING: missing_child.CHECK.rule, BROKEN: broken_child.CHECK.rule}
    for each in verdict.children:
        if each.state in rules:
            severity = weight(each.required_by)
            rule, where = rules[each.state], (each.digest, each.platform)
            said = f"{each.kind} is {each.state}", hint(verdict, each.platform)
            by = each.required_by
            yield Finding(rule, severity, verdict.root, *where, *said, required_by=by)
    for lack in verdict.lacking:
        place, by = (verdict.root, None, lack.platform), lack.required_by
        yield Finding(missing_platform.CHECK.rule, weight(by), *place, "no image", required_by=by)


def storage() -> StorageUse:
    """A storage that holds 1,000 bytes for nothing, and whose next collection breaks a live tag."""
    return StorageUse(
        stored_bytes=5_000,
        referenced_bytes=4_200,
        reclaimable=Reclaimable(untagged=200, orphaned=500, stale_uploads=300),
        orphaned_blobs=2,
        orphaned_manifests=1,
        shares=(Share("app", logical=4_200, exclusive=4_000),),
        sole_protectors={("app", "v1-amd64"): 1},
        predictions=(
            CollectorForecast(
                "distribution-2", Mode.DELETE_UNTAGGED, {ReferenceClass.LIVE: 2}, 900, ""
            ),
            CollectorForecast("distribution-3", Mode.PLAIN, {}, 0, "failed to mark: no such thing"),
        ),
        preconditions=(
            Precondition(PreconditionCode.NO_TAGS, "solo", Effect.STOPS, "it has no tags"),
        ),
    )
