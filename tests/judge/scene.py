"""What did an audit see? Words for snapshots: tags on true images, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Reason
from exporter.facts.proof import HASHED, HEADER, LAST_BYTE, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge
from exporter.judge.verdict import verdicts
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest, parse
from exporter.oci.platform import Platform
from exporter.oci.reference import Place, Repository, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.judge.finding import Finding
    from exporter.judge.tag_verdict import Child, TagVerdict
    from tests.worlds import Made

APP = Repository("app")
NOW = 1_776_852_000.0
LOST = gone(State.MISSING, "MANIFEST_UNKNOWN")
SHORT = gone(State.BROKEN, "0 of 9 bytes")
BLIND = unknown(Reason.TIMEOUT)


@dataclass
class Scene:
    """One registry, as it was seen."""

    roots: list[Root] = field(default_factory=list)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    sightings: dict[Place, Sighting] = field(default_factory=dict)
    config_platforms: dict[Digest, Platform] = field(default_factory=dict)
    sealed: dict[Repository, Sealed] = field(default_factory=dict)
    diff_id_mismatches: dict[Digest, tuple[DiffIdMismatch, ...]] = field(default_factory=dict)

    def tag(
        self,
        made: Made,
        name: str | None = "v1",
        *platforms: str,
        seen: Sighting = HEADER,
        kind: ReferenceClass = ReferenceClass.LIVE,
        admitted: Iterable[str] = (),
    ) -> Scene:
        """A tag (None: somebody's digest) on an image of which everything was seen."""
        wanted, further = (frozenset(map(Platform.parse, each)) for each in (platforms, admitted))
        tag = None if name is None else Tag(name)
        self.roots.append(Root(APP, tag, made.digest, seen, kind, wanted, further))
        for each in made.walk():
            self.manifests[each.digest] = parse(each.body, each.digest)
            self.sightings.setdefault((APP, each.digest), HASHED)
            self._blobs(each)
        return self

    def nothing(self, name: str, seen: Sighting, digest: Digest | None = None) -> Scene:
        """A tag that leads nowhere, or that could not be asked."""
        self.roots.append(Root(APP, Tag(name), digest, seen, ReferenceClass.LIVE))
        return self

    def _blobs(self, made: Made) -> None:
        for blob in made.blobs:
            self.sightings.setdefault((APP, blob.digest), LAST_BYTE)
        if made.platform is None or made.platform == "unknown/unknown" or made.children:
            return
        self.config_platforms[made.config.digest] = Platform.parse(made.platform)

    def turn(self, seen: Sighting, *digests: Digest) -> Scene:
        """What was seen of these instead."""
        self.sightings |= {(APP, digest): seen for digest in digests}
        return self

    def lose(self, *digests: Digest) -> Scene:
        """These manifests or blobs are confirmed gone."""
        return self.turn(LOST, *digests)

    def seal(self, **tags: Digest) -> Scene:
        """Every tag of the repository is known: these, and those that were looked at."""
        known: dict[Digest, tuple[Tag, ...]] = {}
        every = [(root.tag, root.digest) for root in self.roots if root.tag]
        for tag, digest in (*every, *((Tag(name), each) for name, each in tags.items())):
            if digest:
                known[digest] = (*known.get(digest, ()), tag)
        self.sealed[APP] = Sealed(known)
        return self

    def snapshot(self, **other: Any) -> Snapshot:
        facts: dict[str, Any] = {
            "roots": tuple(self.roots),
            "manifests": self.manifests,
            "sightings": self.sightings,
            "config_platforms": self.config_platforms,
            "diff_id_mismatches": self.diff_id_mismatches,
            "sealed": self.sealed,
        }
        return Snapshot("registry.example", NOW, **facts | other)

    def verdict(self, **other: Any) -> TagVerdict:
        """The verdict on the first tag."""
        first = self.roots[0]
        return next(each for each in verdicts(self.snapshot(**other)) if each.root == first)

    def child(self, digest: Digest | None = None, **other: Any) -> Child:
        """The verdict on one child of the first tag, or on its only one."""
        children = self.verdict(**other).children
        (child,) = [each for each in children if digest in (None, each.digest)]
        return child

    def findings(self, **other: Any) -> tuple[Finding, ...]:
        return judge(self.snapshot(**other), {}).findings

    def codes(self, **other: Any) -> list[tuple[str, str]]:
        """Every finding's rule and severity."""
        return [(each.rule.code, each.severity.value) for each in self.findings(**other)]


def scene(made: Made, name: str | None = "v1", *platforms: str, **other: Any) -> Scene:
    """One tag on one image."""
    return Scene().tag(made, name, *platforms, **other)


def left_out(verdict: TagVerdict) -> tuple[str, ...]:
    """The platforms that must run a tag and that a sparse mirror leaves out on purpose."""
    lacking = verdict.lacking_platforms
    return tuple(str(each) for each in lacking if each in verdict.elsewhere)
