"""Results of the audit before that hold again, since nothing changed of what they rest on.

A verdict rests on its root, on what is known at and below it, on the tags of its repository, and
on who uses it. Whatever is not known to be the same is judged anew.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from exporter.facts.proof import State
from exporter.facts.snapshot import Root, Snapshot
from exporter.judge.children import proof_of
from exporter.judge.leaves import View
from exporter.judge.protection import Protection
from exporter.judge.reachability import resolved_tags
from exporter.judge.report import Report, TagReport
from exporter.judge.tag_verdict import Child, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.links import Kind
from exporter.oci.reference import Repository, Tag

Name = Tag | Digest | None
"""A root within its repository."""
Facts = Mapping[Repository, list[object]]
Changes = Mapping[bytes, bool]
"""Content that changed, packed: is it present as before, and only proven in another way?"""


@dataclass(slots=True)
class Unchanged:
    """The results of a report that hold for a newer snapshot."""

    before: Report
    now: Snapshot
    _reports: Mapping[Repository, Mapping[Name, TagReport]] = field(init=False)
    _tags: Mapping[Repository, Mapping[Digest, list[Tag]]] = field(init=False)
    """The tags that were resolved before."""
    _facts: tuple[Facts, Facts] = field(init=False)
    """What was known of repositories, before and now."""
    _content: dict[bytes, bool] | None = field(init=False)
    """Content that changed in every repository; None if any may have changed."""
    _changed: tuple[Repository | None, Changes | None] = None, None
    """The repository of the last root, and its content that changed; None if any may have. One
    repository at a time, since that of all takes much memory."""
    _again: defaultdict[Repository, dict[Name, TagVerdict]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """The verdicts that hold again."""

    def __post_init__(self) -> None:
        """Compare what concerns more than one repository."""
        old, new = self.before.snapshot, self.now
        reports = defaultdict[Repository, dict[Name, TagReport]](dict)
        for each in self.before.tags:
            reports[each.verdict.root.repository][_name(each.verdict.root)] = each
        self._reports = dict(reports)
        # In the order of verdicts, as those of now.
        self._tags = resolved_tags(each.verdict.root for each in self.before.tags)
        self._facts = _facts(old), _facts(new)
        alike = _of_registry(old) == _of_registry(new)
        content = chain(changed_content(old, new), self.before.learned)
        self._content = dict.fromkeys(content, False) if alike else None

    def verdict(
        self, root: Root, protection: Protection, view: Callable[[Repository], View]
    ) -> TagVerdict | None:
        """Return the verdict of before where it holds again, with the proofs of now."""
        at, name = root.repository, _name(root)
        last = self._reports.get(at, {}).get(name)
        if last is None or last.verdict.root != root:
            return None
        if at != self._changed[0]:
            self._changed = at, self._changes(at, protection)
        changed, verdict = self._changed[1], last.verdict
        if changed is None:
            return None
        if root.digest and (touched := self._touched(root.digest, changed)):
            if not all(touched):
                return None
            verdict = _proven_anew(verdict, view(at))
        self._again[at][name] = verdict
        return verdict

    def report(self, verdict: TagVerdict) -> TagReport | None:
        """Return the report of before on a verdict that holds again."""
        at, name = verdict.root.repository, _name(verdict.root)
        # Another root may have the same name.
        if self._again.get(at, {}).get(name) is not verdict:
            return None
        last = self._reports[at][name]
        return last if last.verdict is verdict else replace(last, verdict=verdict)

    def _changes(self, at: Repository, protection: Protection) -> Changes | None:
        old, (then, now) = self.before.snapshot, self._facts
        # What is told of one that was refreshed alone rests on what was known then.
        if self._content is None or at in self.before.refreshed:
            return None
        if then.get(at) != now.get(at):
            return None
        if Protection.of(old, at, self._tags.get(at, {})) != protection:
            return None
        return self.now.sightings.changes(old.sightings, at) | self._content

    def _touched(self, digest: Digest, changed: Changes) -> set[bool]:
        """Return how content at and below a manifest changed; nothing if none did."""
        waiting, seen, found = [digest] if changed else [], set[Digest](), set[bool]()
        while waiting:
            each = waiting.pop()
            if each.packed in changed:
                found.add(changed[each.packed])
            manifest = self.now.manifests.get(each)
            if manifest is None or each in seen:
                continue
            seen.add(each)
            if not changed.keys().isdisjoint(keys := manifest.keys):
                found.update(changed[key] for key in keys if key in changed)
            if manifest.is_index:
                waiting += map(Digest.of_packed, manifest.keys_of(Kind.CHILD))
        return found


def _proven_anew(verdict: TagVerdict, view: View) -> TagVerdict:
    """Return a verdict on content that is present as before, with its proofs of now."""
    children = tuple(_child_proven_anew(each, view) for each in verdict.children)
    same = all(new is old for new, old in zip(children, verdict.children, strict=True))
    return verdict if same else replace(verdict, children=children)


def _child_proven_anew(child: Child, view: View) -> Child:
    if child.state is not State.PRESENT or child.digest is None:
        return child
    proof = proof_of(view, child.digest, child.state)
    return child if proof is child.proof else replace(child, proof=proof)


def _name(root: Root) -> Name:
    return root.tag or root.digest


def _of_registry(seen: Snapshot) -> tuple[object, ...]:
    """Return the facts of a whole registry on which every verdict rests."""
    where = seen.registry, seen.address, seen.role, seen.platforms, seen.parts
    return *where, seen.collector, seen.kind, seen.require_attached


def _facts(seen: Snapshot) -> Facts:
    """Return what is known of each repository besides its tags and its content."""
    found: defaultdict[Repository, list[object]] = defaultdict(list)
    for use in seen.uses:
        found[use.reference.repository].append(use)
    for tried in seen.admissions:
        found[tried.repository].append(tried)
    for differs in seen.disagreements:
        found[differs.repository].append(differs)
    for place, known in (*seen.recovered.items(), *seen.attached.items()):
        found[place[0]].append((place, known))
    return found


def changed_content(old: Snapshot, new: Snapshot) -> Iterator[bytes]:
    """Yield the content whose manifest, platform or diff ids changed, packed."""
    yield from (each.packed for each in old.manifests.keys() ^ new.manifests.keys())
    yield from _differing(old.config_platforms, new.config_platforms)
    yield from _differing(old.diff_id_mismatches, new.diff_id_mismatches)


def _differing(old: Mapping[Digest, object], new: Mapping[Digest, object]) -> Iterable[bytes]:
    return (at.packed for at in old.keys() | new.keys() if old.get(at) != new.get(at))
