"""Who needs this manifest or blob, what protects it, and who would be hurt if it went?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from exporter.facts.proof import State
from exporter.facts.snapshot import Role, Root
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.leaves import View, grow
from exporter.judge.reachability import Runners, runners
from exporter.judge.report import Child, ChildKind, Report, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag


class Tristate(StrEnum):
    """Of a question that absence may answer: "no" needs proof."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Dependent:
    """One tag or pinned digest that leads to it, and so would be hurt."""

    verdict: TagVerdict
    direct: bool
    """Does it point straight at it, or through an index?"""
    children: tuple[Child, ...]
    """What of it could no longer be pulled."""
    uses: tuple[Use, ...]
    """Who names this tag or digest."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one manifest or blob in one repository."""

    report: Report
    repository: Repository
    tag: Tag | None
    """By which it was asked for; None for a digest."""
    digest: Digest | None
    """None of a tag that leads nowhere, or could not be asked."""
    state: State
    protected_by: tuple[Tag, ...] | None
    """Tags that point straight at it; None where not every tag is known and none was seen."""
    dependents: tuple[Dependent, ...]
    """Everything that leads to it, live first."""
    runs: tuple[Use, ...]
    """Who runs it now by a tag that leads elsewhere: a new start would not pull it."""
    latest: Tristate
    used: Tristate
    sole: Tristate
    """Is the tag (or the one that there is) its only direct protection, under another tag?"""
    doubts: tuple[str, ...]
    """Why "no" cannot be said, one sentence each; empty where it can."""

    @property
    def needed_by_others(self) -> tuple[Dependent, ...]:
        """Whoever reaches it through an index: they lose it with its last tag."""
        return tuple(each for each in self.dependents if not each.direct)


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What is asked, and what else is known."""

    repository: Repository
    tag: Tag | None
    digest: Digest | None
    latest: tuple[str, ...] = ("latest",)
    """Patterns of the tags that count as latest."""
    sources: bool = True
    """Was anybody asked who uses images? Where not, "no" would be a guess."""


def places(report: Report, digest: Digest) -> tuple[Repository, ...]:
    """Return the repositories in which a digest was looked at."""
    return tuple(sorted({where for where, seen in report.snapshot.sightings if seen == digest}))


def explain(report: Report, request: ExplainRequest) -> Explanation:
    """Answer the three questions about one image, and who would be hurt if it went."""
    root = _root(report, request)
    digest = request.digest or (root.digest if root else None)
    around = [each for each in report.verdicts if each.root.repository == request.repository]
    dependents = tuple(_dependents(report, around, digest)) if digest else ()
    doubts = tuple(_doubts(report, request, around))
    sealed = request.repository in report.snapshot.sealed
    direct = _pointing(report, request.repository, digest, dependents) if digest else ()
    running = runners(report.snapshot, request.repository, digest) if digest else Runners((), True)
    named = {use for each in dependents for use in each.uses}
    heard = request.sources and _heard(report) and running.sure
    return Explanation(
        report,
        request.repository,
        request.tag,
        digest,
        _state(report, request, root, digest),
        direct,
        dependents,
        tuple(use for use in running.uses if use not in named),
        latest=_said(_latest(request, dependents), proven=not doubts),
        used=_said(bool(running.uses) or _used(dependents), proven=not doubts and heard),
        sole=_sole(direct, dependents, sealed=sealed, whole=not doubts),
        doubts=doubts,
    )


def _root(report: Report, request: ExplainRequest) -> Root | None:
    if request.tag is None:
        return None
    wanted = (request.repository, request.tag)
    roots = report.snapshot.roots
    return next((each for each in roots if (each.repository, each.tag) == wanted), None)


def _state(
    report: Report, request: ExplainRequest, root: Root | None, digest: Digest | None
) -> State:
    if digest is not None:
        return View(report.snapshot, request.repository).seen(digest).state
    if root is not None:
        return root.sighting.state
    known = request.repository in report.snapshot.sealed
    return State.MISSING if known else State.UNKNOWN


def _dependents(
    report: Report, around: Sequence[TagVerdict], digest: Digest
) -> Iterator[Dependent]:
    for verdict in around:
        root = verdict.root
        above = root.digest == digest or digest in verdict.indexes
        hurt = _below(report, verdict, digest) if above else _having(report, verdict, digest)
        if above or hurt:
            direct = root.tag is not None and root.digest == digest
            yield Dependent(verdict, direct, hurt, _uses(report, root))


def _below(report: Report, verdict: TagVerdict, digest: Digest) -> tuple[Child, ...]:
    """Which children of a tag are reached through a manifest that the tag leads to?"""
    tree = grow(View(report.snapshot, verdict.root.repository), digest)
    ends = {digest, *(leaf.digest for leaf in tree.leaves)}
    return tuple(child for child in verdict.children if child.digest in ends)


def _having(report: Report, verdict: TagVerdict, digest: Digest) -> tuple[Child, ...]:
    """Which children of a tag are a manifest, or have a blob?"""
    manifests = report.snapshot.manifests

    def has(child: Child) -> bool:
        manifest = manifests.get(child.digest) if child.digest else None
        return manifest is not None and any(blob.digest == digest for blob in manifest.content)

    return tuple(child for child in verdict.children if child.digest == digest or has(child))


def _uses(report: Report, root: Root) -> tuple[Use, ...]:
    """Who names this tag or digest; where both are named, the digest counts."""
    return tuple(
        use
        for use in report.snapshot.uses
        if use.reference.repository == root.repository
        and (
            use.reference.digest == root.digest and root.tag is None
            if use.reference.digest
            else use.reference.tag == root.tag
        )
    )


def _pointing(
    report: Report, repository: Repository, digest: Digest, dependents: Iterable[Dependent]
) -> tuple[Tag, ...] | None:
    """Tags that point straight at it: any known one proves "some", only a seal "none"."""
    sealed = report.snapshot.sealed.get(repository)
    if sealed is not None:
        return sealed.pointing_at(digest)
    known = (each.verdict.root.tag for each in dependents if each.direct)
    return tuple(tag for tag in known if tag) or None


def _latest(request: ExplainRequest, dependents: Iterable[Dependent]) -> bool:
    return any(
        root.reference_class is ReferenceClass.LATEST
        or any(fnmatchcase(root.tag or "", pattern) for pattern in request.latest)
        for root in (each.verdict.root for each in dependents)
    )


def _used(dependents: Iterable[Dependent]) -> bool:
    """Does anything that runs or would run now name a tag or digest that leads here?"""
    return any(
        each.verdict.root.reference_class is ReferenceClass.LIVE
        or any(use.reference_class is ReferenceClass.LIVE for use in each.uses)
        for each in dependents
    )


def _sole(
    direct: tuple[Tag, ...] | None, dependents: Iterable[Dependent], *, sealed: bool, whole: bool
) -> Tristate:
    """Is there one tag straight on it, and something else that reaches it through an index?"""
    if len(direct or ()) > 1:
        return Tristate.NO
    if any(not each.direct for each in dependents) and sealed:
        return Tristate.YES if direct else Tristate.NO
    return Tristate.NO if whole else Tristate.UNKNOWN


def _said(found: bool, *, proven: bool) -> Tristate:  # noqa: FBT001 - the finding itself
    if found:
        return Tristate.YES
    return Tristate.NO if proven else Tristate.UNKNOWN


def _heard(report: Report) -> bool:
    """Could everybody be heard who may use an image?"""
    return not any(gap.scope == "references" for gap in report.snapshot.gaps)


def _doubts(report: Report, request: ExplainRequest, around: Iterable[TagVerdict]) -> Iterator[str]:
    """Why something unseen may lead to it after all."""
    sealed = report.snapshot.sealed.get(request.repository)
    if sealed is None:
        yield f"could not list all tags of {request.repository}"
    else:
        looked_into = {verdict.root.tag for verdict in around}
        known = {tag for tags in sealed.tags.values() for tag in tags}
        if known - looked_into:
            yield f"could not read all tags of {request.repository}"
    if report.snapshot.role is Role.PROXY:
        yield "a pull-through cache is not audited"
    for verdict in around:
        opaque = any(
            child.state is State.UNKNOWN
            and (child.kind is ChildKind.INDEX or child.digest not in report.snapshot.manifests)
            for child in verdict.children
        )
        if verdict.root.sighting.state is State.UNKNOWN or opaque:
            yield f"could not read {verdict.root.name}"
