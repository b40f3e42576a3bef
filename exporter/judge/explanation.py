"""The dependents and the protection of one manifest or blob: what its removal would break."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from exporter.facts.gap import Scope
from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.leaves import View, grow
from exporter.judge.protection import Protection, Risk, risk_words
from exporter.judge.reachability import Runners, direct_tags, resolved_tags, runners
from exporter.judge.report import Report, TagReport
from exporter.judge.tag_verdict import Child, ChildKind, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag


class Tristate(StrEnum):
    """An answer that absence may give: "no" needs proof."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Dependent:
    """One tag or pinned digest that references it, and so would break."""

    verdict: TagVerdict
    direct: bool
    """Does the tag name it, or an index above it?"""
    children: tuple[Child, ...]
    """Its children that could no longer be pulled."""

    @property
    def is_live(self) -> bool:
        """Does anything that runs or would run now name this tag or digest?"""
        own = self.verdict.root.reference_class
        classes = {own, *(use.reference_class for use in self.verdict.uses)}
        return ReferenceClass.LIVE in classes

    def is_latest(self, patterns: Iterable[str]) -> bool:
        """Is it a latest tag, by its class or by its name?"""
        root = self.verdict.root
        named = any(fnmatchcase(root.tag or "", pattern) for pattern in patterns)
        return named or root.reference_class is ReferenceClass.LATEST


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one manifest or blob in one repository."""

    report: Report
    repository: Repository
    tag: Tag | None
    """The tag that was asked for; None for a digest."""
    digest: Digest | None
    """None of a tag that references nothing, or could not be resolved."""
    verdict: TagVerdict | None
    """The verdict on the tag or pinned digest itself; None for content below one."""
    state: State
    """The verdict's state; of content below a tag, its own."""
    protected_by: tuple[Tag, ...] | None
    """Tags that name it directly; None if not every tag is known and none was found."""
    dependents: tuple[Dependent, ...]
    """Everything that references it, live first."""
    runs: tuple[Use, ...]
    """Who runs it now by a tag that has moved: a new start would not pull it."""
    latest: Tristate
    used: Tristate
    sole: Tristate
    """Is the tag (or the one that there is) its only direct protection, under another tag?"""
    doubts: tuple[str, ...]
    """Why "no" cannot be proven, one sentence each; empty if it can."""
    risk: str = ""
    """How the registry may remove it although an index needs it; empty if it does not."""

    @property
    def cannot_be_pulled(self) -> bool:
        """Is it proven that a pull fails, for any class?"""
        return self.state in GONE or (self.verdict is not None and self.verdict.cannot_be_pulled)

    @property
    def is_lost(self) -> bool:
        """Is it proven to be missing, or broken itself, and not only in what it references?"""
        return self.state is State.MISSING or (self.verdict is None and self.state in GONE)

    @property
    def needed_by_others(self) -> tuple[Dependent, ...]:
        """Dependents through an index: they lose it with its last tag."""
        return tuple(each for each in self.dependents if not each.direct)


def places(report: Report, digest: Digest) -> tuple[Repository, ...]:
    """Return the repositories whose audit covered a digest."""
    seen = report.snapshot.sightings
    return tuple(sorted(where for where in seen.repositories if (where, digest) in seen))


def referencing(report: Report, digest: Digest) -> tuple[TagReport, ...]:
    """Return the tags that name a digest or reference it, live first."""
    read = report.snapshot.manifests.values()
    parents = {
        each.digest for each in read if any(link.target.digest == digest for link in each.links)
    }
    wanted = {digest, *parents}
    return tuple(each for each in report.tags if not wanted.isdisjoint(each.verdict.manifests))


def explain(  # noqa: PLR0913 - what is asked for, and what else is known
    report: Report,
    repository: Repository,
    tag: Tag | None,
    digest: Digest | None,
    *,
    latest: Sequence[str] = ("latest",),
    sources: bool = True,
) -> Explanation:
    """Explain one image; `latest` are patterns of tags that count so.

    `sources` says whether anybody was asked who uses images: where not, "no" would be a guess.
    """
    around = [each for each in report.verdicts if each.root.repository == repository]
    verdict = _verdict(around, tag, digest)
    digest = digest or (verdict.root.digest if verdict else None)
    sealed = repository in report.snapshot.sealed
    state = State.MISSING if sealed else State.UNKNOWN
    hold, dependents = _NO_HOLD, tuple[Dependent, ...]()
    if digest:
        state = _seen(report, repository, around, digest)
        hold = _hold(report.snapshot, repository, digest)
        dependents = tuple(_dependents(report, around, digest))
    doubts = tuple(_doubts(report, repository, around))
    read = not any(gap.scope is Scope.REFERENCES for gap in report.snapshot.gaps)
    heard = sources and hold.running.sure and read
    named = {use for each in dependents for use in each.verdict.uses}
    used = bool(hold.running.uses) or any(each.is_live for each in dependents)
    risky = hold.risk.endangers and any(not each.direct for each in dependents)
    return Explanation(
        report,
        repository,
        tag,
        digest,
        verdict,
        verdict.state if verdict else state,
        hold.tags,
        dependents,
        tuple(use for use in hold.running.uses if use not in named),
        latest=_known(any(each.is_latest(latest) for each in dependents), proven=not doubts),
        used=_known(used, proven=not doubts and heard),
        sole=_sole(hold, dependents, sealed=sealed, complete=not doubts),
        doubts=doubts,
        risk=risk_words(hold.risk, hold.tags or (), report.snapshot.kind) if risky else "",
    )


class _Hold(NamedTuple):
    """The protection of a manifest in its repository."""

    tags: tuple[Tag, ...] | None
    """Those that name it directly; None if not every tag is known and none was found."""
    running: Runners
    untagged: Risk
    """How it may be removed once no tag names it."""
    risk: Risk


_NO_HOLD: Final = _Hold((), Runners((), sure=True), Risk.UNKNOWN, Risk.UNKNOWN)


def _hold(snapshot: Snapshot, repository: Repository, digest: Digest) -> _Hold:
    known = resolved_tags(root for root in snapshot.roots if root.repository == repository)
    protection = Protection.of(snapshot, repository, known.get(repository, {}))
    return _Hold(
        direct_tags(snapshot, repository, digest),
        runners(snapshot, repository, digest),
        protection.without_a_tag(digest),
        protection.risk(digest),
    )


def _verdict(
    around: Sequence[TagVerdict], tag: Tag | None, digest: Digest | None
) -> TagVerdict | None:
    """Return the verdict on the tag or pinned digest itself."""
    same = (
        each
        for each in around
        if each.root.tag == tag and (tag or (digest and each.root.digest == digest))
    )
    return next(same, None)


def _seen(
    report: Report, repository: Repository, around: Sequence[TagVerdict], digest: Digest
) -> State:
    """Return the state of content without a tag: a manifest over missing content is broken."""
    seen = View(report.snapshot, repository).seen(digest).state
    if seen is not State.PRESENT or digest not in report.snapshot.manifests:
        return seen
    below = [each for verdict in around for each in _below(report, verdict, digest)]
    if any(child.lost for child in below):
        return State.BROKEN
    return State.UNKNOWN if State.UNKNOWN in {child.state for child in below} else seen


def _dependents(
    report: Report, around: Sequence[TagVerdict], digest: Digest
) -> Iterator[Dependent]:
    for verdict in around:
        root = verdict.root
        above = root.digest == digest or digest in verdict.indexes
        children = _below(report, verdict, digest) if above else _having(report, verdict, digest)
        if above or children:
            yield Dependent(verdict, root.tag is not None and root.digest == digest, children)


def _below(report: Report, verdict: TagVerdict, digest: Digest) -> tuple[Child, ...]:
    """Return the children of a tag that are reached through a manifest which it references."""
    tree = grow(View(report.snapshot, verdict.root.repository), digest)
    ends = {digest, *(leaf.digest for leaf in tree.leaves)}
    return tuple(child for child in verdict.children if child.digest in ends)


def _having(report: Report, verdict: TagVerdict, digest: Digest) -> tuple[Child, ...]:
    """Return the children of a tag that are a manifest, or have a blob."""
    manifests = report.snapshot.manifests

    def has(child: Child) -> bool:
        manifest = manifests.get(child.digest) if child.digest else None
        return manifest is not None and any(blob.digest == digest for blob in manifest.content)

    return tuple(child for child in verdict.children if child.digest == digest or has(child))


def _sole(
    hold: _Hold, dependents: Iterable[Dependent], *, sealed: bool, complete: bool
) -> Tristate:
    """Does one tag alone name it, and another tag reference it through an index?

    Not where the registry keeps what an index references without any tag.
    """
    if len(hold.tags or ()) > 1 or hold.untagged is Risk.KEPT:
        return Tristate.NO
    if any(not each.direct for each in dependents) and sealed:
        return Tristate.YES if hold.tags else Tristate.NO
    return Tristate.NO if complete else Tristate.UNKNOWN


def _known(found: bool, *, proven: bool) -> Tristate:  # noqa: FBT001 - the finding itself
    if found:
        return Tristate.YES
    return Tristate.NO if proven else Tristate.UNKNOWN


def _doubts(report: Report, repository: Repository, around: Iterable[TagVerdict]) -> Iterator[str]:
    """Yield why something unseen may reference it after all."""
    sealed = report.snapshot.sealed.get(repository)
    if sealed is None:
        yield f"could not list all tags of {repository}"
    elif {tag for tags in sealed.tags.values() for tag in tags} - {
        verdict.root.tag for verdict in around
    }:
        yield f"could not read all tags of {repository}"
    if report.snapshot.is_proxied(repository):
        yield "a pull-through cache is not audited"
    for verdict in around:
        opaque = any(
            child.state is State.UNKNOWN
            and (child.kind is ChildKind.INDEX or child.digest not in report.snapshot.manifests)
            for child in verdict.children
        )
        if verdict.root.sighting.state is State.UNKNOWN or opaque:
            yield f"could not read {verdict.root.name}"
