"""The answer of `inspect`: one tag, the tree below it, its users, and commands."""

from collections.abc import Iterator, Mapping
from typing import Final

from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import aside
from exporter.judge.protection import Risk, risk_words
from exporter.judge.report import Condition, Report, Requirement, TagReport
from exporter.judge.tag_verdict import Child
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor, Kind
from exporter.oci.manifest import Manifest
from exporter.publish.answers import coverage
from exporter.publish.answers.losses import losses
from exporter.publish.answers.remedies import remedies
from exporter.publish.blocks import (
    Block,
    Cell,
    Item,
    List,
    Tone,
    Tree,
    TreeNode,
    heading,
    item,
    line,
    listed,
)
from exporter.publish.formatting import (
    ABSENT,
    BY_DESIGN,
    LACKING,
    ago_words,
    child_cell,
    child_words,
    count_words,
    failing_words,
    names,
    proof_words,
    size_words,
    state_cell,
    time_words,
    user_words,
    verdict_cell,
)
from exporter.publish.invocation import AS_TYPED, Invocation

_MOST_USERS: Final = 50
"""Users that are shown; the document has all."""
_MOST_TAGS: Final = 10
"""Names that are shown of the tags of one manifest; the others are counted."""
_DEEPEST: Final = 16
"""Levels of indexes that are shown. An audit follows 8 below a tag; a file may name any number."""


def blocks(report: Report, now: float, invocation: Invocation = AS_TYPED) -> Iterator[Block]:
    """Return every tag of a report, and the gaps; `now` is in seconds since the epoch."""
    for tag in report.tags:
        root = tag.verdict.root
        name = f"{report.snapshot.registry}/{tag.name} ({root.reference_class}) "
        yield heading(name, verdict_cell(tag.verdict), level=1)
        yield line(verdict_words(tag)[1])
        yield details(report, tag, now)
        yield tree(report, tag)
        yield heading("Used by")
        yield users(tag)
        _, *further = remedies(report, tag.verdict, invocation)
        if further:
            yield heading("Commands")
            yield from further
    yield from coverage.blocks(report)


def verdict_words(tag: TagReport) -> tuple[Tone, str]:
    """Return the state of a tag as a sentence."""
    verdict = tag.verdict
    if Condition.BY_DESIGN in tag.conditions:
        detail = verdict.root.sighting.detail or "this registry may omit it by design"
        return Tone.QUIET, f"{detail[:1].upper()}{detail[1:]}."
    if verdict.failing:
        where = [each.where for each in losses(verdict) if each.required]
        known = [each for each in dict.fromkeys(where) if each not in ("tag", "image")]
        lower = names(map(str, verdict.failing)) if not verdict.broken_for_own_class else ""
        only = f", needed only by {lower} uses" if lower else ""
        return Tone.BAD, f"Cannot be pulled{f' for {names(known)}' if known else ''}{only}."
    if verdict.state is State.UNKNOWN:
        unknown = (each for each in verdict.children if each.expected and each.reason)
        why = ", ".join(dict.fromkeys(str(each.reason) for each in unknown))
        return Tone.UNSURE, f"State could not be established{f': {why}' if why else ''}."
    if Condition.AT_RISK in tag.conditions:
        return Tone.UNSURE, "Can be pulled, but the next garbage collection may break it."
    optional = (
        " Optional parts are missing or broken." if Requirement.OPTIONAL in tag.incomplete else ""
    )
    if tag.failing_pulls:
        why = "their credentials, a limit or the network may be the cause"
        return Tone.UNSURE, f"Complete in the registry, but pods fail to pull it: {why}."
    return Tone.GOOD, f"Can be pulled on every required platform.{optional}"


def details(report: Report, tag: TagReport, now: float) -> List:
    """Return the losses, what not to do now, the times, and the platforms that must run it."""
    return List((*_lost(tag), *_circumstances(report, tag, now)))


def _lost(tag: TagReport) -> Iterator[Item]:
    found = tuple(losses(tag.verdict))
    for each in found:
        if each.required:
            yield item(Cell(each.where, Tone.BAD), f": {'; '.join(each.details)}")
    optional = sum(not each.required for each in found)
    running = tag.impact.certain.running
    if running or tag.verdict.stops_live:
        still = f": {count_words(running, 'container')} running on layers cached on their nodes"
        warning = Cell("Do not restart or reschedule workloads that use it", Tone.BAD)
        yield item(warning, still if running else "")
    if optional:
        yield item(f"{count_words(optional, 'optional manifest')} missing or broken")


def _circumstances(report: Report, tag: TagReport, now: float) -> Iterator[Item]:
    verdict = tag.verdict
    audited, proven = report.snapshot.taken_at, report.proven_at(verdict.root)
    times = {"First seen": tag.since, "Audited": audited}
    if proven < audited:
        times["Content requested"] = proven
    for head, seconds in times.items():
        if seconds is not None:
            yield item(f"{head} {time_words(seconds)}, {ago_words(seconds, now)}")
    if tag.failing_pulls:
        yield item(Cell(failing_words(tag), Tone.UNSURE))
    if verdict.root.platforms:
        yield item(f"Must run on {names(sorted(map(str, verdict.root.platforms)))}")
    further = sorted(verdict.root.admitted - verdict.root.platforms, key=str)
    if further:
        said = (
            f"{each!s}{' (no image)' if each in verdict.not_offered else ''}" for each in further
        )
        yield item(f"May start on {', '.join(said)}")
    if verdict.attached and not any(each.entries or each.doubt for _, each in verdict.attached):
        yield item("Nothing is attached to it")


def users(tag: TagReport) -> Block:
    """Return the users of a tag, and which of them cannot restart."""
    every = tag.users
    if not every:
        return line("No known workload or file uses it.")
    cannot = Cell("cannot restart", Tone.BAD)
    might = Cell("may start there, and cannot", Tone.UNSURE)
    shown = (
        item(
            user_words(user) if user.workload else f"{user.name}, {user.reference_class}",
            *((", ", cannot if user.stops else might) if affected else ()),
        )
        for user, affected in tag.impact.affects(every[:_MOST_USERS])
    )
    return List(listed(shown, uncounted=max(0, len(every) - _MOST_USERS)))


def tree(report: Report, tag: TagReport) -> Tree:
    """Return the tree below one tag."""
    return Tree(_Grower(report, tag).top())


class _Grower:
    """The facts about one tag, at hand while its tree is built."""

    def __init__(self, report: Report, tag: TagReport) -> None:
        self._snapshot = report.snapshot
        self._root = tag.verdict.root
        self._verdict = tag.verdict
        self._children: Mapping[Digest, Child] = {
            child.digest: child for child in tag.verdict.children if child.digest
        }
        self._grown: set[Digest] = set()
        """Nested indexes that were followed: listed twice, they would double the tree each time."""
        self._attached = dict(tag.verdict.attached)

    def top(self) -> TreeNode:
        root, cell = self._root, verdict_cell(self._verdict)
        if root.digest is None:
            return TreeNode("tag", cell, notes=self._observed(root.sighting))
        lacking = tuple(
            TreeNode(
                f"{each.platform!s} image",
                LACKING,
                notes=(Cell("no image"), *self._aside(each.required_by)),
            )
            for each in self._verdict.lacking
        )
        manifest = self._snapshot.manifests.get(root.digest)
        if manifest is None or not manifest.is_index:
            return self._manifest(root.digest, manifest.size if manifest else None, lacking)
        below = (*self._entries(manifest, 1), *lacking)
        return self._index(cell, root.digest, manifest.size, below)

    def _entries(self, index: Manifest, depth: int) -> Iterator[TreeNode]:
        for link in index.links:
            if link.kind is Kind.CHILD:
                yield self._entry(link.target, depth)
            elif link.kind is Kind.BLOB:
                yield self._blob(link.kind, link.target)

    def _entry(self, target: Descriptor, depth: int) -> TreeNode:
        manifest = self._snapshot.manifests.get(target.digest)
        if manifest is None or not manifest.is_index:
            return self._manifest(target.digest, target.size)
        seen = self._seen(target.digest)
        cell = state_cell(seen.state) if seen else ABSENT
        if target.digest in self._grown or depth == _DEEPEST:
            why = "shown above" if target.digest in self._grown else "nested too deeply to show"
            return TreeNode("index", cell, target.digest, _size(target.size), (Cell(why),))
        self._grown.add(target.digest)
        return self._index(
            cell, target.digest, target.size, tuple(self._entries(manifest, depth + 1))
        )

    def _index(
        self, cell: Cell, digest: Digest, size: int | None, below: tuple[TreeNode, ...]
    ) -> TreeNode:
        every = (*below, *self._attachments(digest))
        return TreeNode("index", cell, digest, _size(size), self._protection(digest), every)

    def _manifest(
        self, digest: Digest, size: int | None, lacking: tuple[TreeNode, ...] = ()
    ) -> TreeNode:
        """An image, an attestation, or whatever a manifest that cannot be read was meant to be."""
        child = self._children.get(digest)
        manifest = self._snapshot.manifests.get(digest)
        content = () if manifest is None else manifest.links
        blobs = (
            self._blob(link.kind, link.target)
            for link in content
            if link.kind not in (Kind.CHILD, Kind.SUBJECT)
        )
        below = (*blobs, *lacking, *self._attachments(digest))
        if child is None:
            return TreeNode("manifest", BY_DESIGN, digest, _size(size), (), below)
        where = child_words(child)
        notes = (*self._proof(child), *self._aside(child.required_by), *self._protection(digest))
        label = where if where == child.kind else f"{where} {child.kind}"
        return TreeNode(label, child_cell(child), digest, _size(size), notes, below)

    def _attachments(self, digest: Digest) -> Iterator[TreeNode]:
        """Yield the attachments of a manifest, each once, and why there may be more."""
        attached = self._attached.pop(digest, None)
        for each in attached.entries if attached else ():
            way = Cell(f"by tag {each.tag}" if each.tag else "by the referrers API")
            notes = (*self._observed(each.sighting), way)
            what = f"attached {each.artifact_type or 'of unknown type'}"
            yield TreeNode(what, state_cell(each.sighting.state), each.digest, notes=notes)
        if attached and attached.doubt:
            notes = self._observed(attached.doubt)
            yield TreeNode("further attachments", state_cell(State.UNKNOWN), notes=notes)

    def _aside(self, required_by: ReferenceClass | None) -> tuple[Cell, ...]:
        """Return which class needs it, if not the tag's own."""
        said = aside(self._root, required_by)
        return (Cell(said),) if said else ()

    def _blob(self, kind: Kind, target: Descriptor) -> TreeNode:
        seen = self._seen(target.digest)
        cell = state_cell(seen.state) if seen else ABSENT
        notes = self._observed(seen) if seen else (Cell("not audited"),)
        return TreeNode(kind, cell, target.digest, _size(target.size), notes)

    def _proof(self, child: Child) -> tuple[Cell, ...]:
        if child.state is State.PRESENT:
            return (Cell(proof_words(child.proof)),)
        seen = self._seen(child.digest) if child.digest else None
        if seen and seen.state is child.state:
            return self._observed(seen)
        # What is below says the rest.
        return (Cell(str(child.reason)),) if child.reason else ()

    def _seen(self, digest: Digest) -> Sighting | None:
        return self._snapshot.sightings.get((self._root.repository, digest))

    def _observed(self, seen: Sighting) -> tuple[Cell, ...]:
        proven = seen.state is State.PRESENT or seen.proof is Proof.CONFIRMED
        said = () if seen.state is State.PRESENT else (str(seen.reason or ""), seen.detail)
        how = proof_words(seen.proof) if proven else ""
        when = "" if seen.seen_at is None else f"as of {time_words(seen.seen_at)}"
        return tuple(map(Cell, filter(None, (*said, how, when))))

    def _protection(self, digest: Digest) -> tuple[Cell, ...]:
        """Return the tags that name it directly, if they are known."""
        child = self._children.get(digest)
        sealed = self._snapshot.sealed.get(self._root.repository)
        tags = child.protected_by if child else None
        if sealed is not None:
            tags = sealed.pointing_at(digest)
        if tags is None:
            return ()
        endangered = dict(self._verdict.endangered)
        risk = child.risk if child else endangered.get(digest, Risk.KEPT)
        if risk is Risk.MOVED_TAG:
            return (Cell(risk_words(risk, tags, self._snapshot.kind), Tone.UNSURE),)
        if not tags:
            return (Cell("not tagged directly", Tone.PLAIN if risk is Risk.KEPT else Tone.UNSURE),)
        more = len(tags) - _MOST_TAGS
        rest = f" and {more:,} more" if more > 0 else ""
        return (Cell(f"tagged {', '.join(tags[:_MOST_TAGS])}{rest}"),)


def _size(size: int | None) -> str:
    return "" if size is None else size_words(size)
