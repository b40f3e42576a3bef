"""What holds of every repair, whatever is lost, whatever its sources have, and however they lie."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.judge.losses import Way, losses, lost_tags
from exporter.oci.digest import Digest
from exporter.oci.links import Kind
from exporter.oci.manifest import parse
from exporter.oci.reference import Place, Repository
from exporter.ports import Absent, Unseen, Wrong
from exporter.repair.repairer import CopySource, Repairer
from tests import worlds
from tests.fakes import Fake, audited

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.oci.links import Descriptor
    from exporter.oci.reference import Tag
    from exporter.ports import ManifestBody, Sink, UploadContent

TEAM, OTHER = Repository("team/app"), Repository("other/app")
A, B = worlds.two_platforms("app").children
NESTED = worlds.index(B, worlds.chart("c"))
BUILT = worlds.index(A, NESTED, worlds.attestation(A))
PLAIN = worlds.image("plain", layers=(A.layers[0], worlds.layer("own")))
THINGS = sorted(
    {each.digest for top in (BUILT, PLAIN) for made in top.walk() for each in (made, *made.blobs)}
)
PLACES = st.sets(st.tuples(st.sampled_from([TEAM, OTHER]), st.sampled_from(THINGS)), max_size=8)
SOME = st.sets(st.sampled_from(THINGS), max_size=3)


@dataclass
class Registry(Fake):
    """A registry that takes uploads, as distribution does; implements `ContentWriter`."""

    remembered: set[Digest] = field(default_factory=set)
    """What its cache believes to have: of these it writes no manifest that is put."""
    kept: set[Place] = field(default_factory=set)
    """Files that are wrong: it overwrites none."""
    lies: set[Digest] = field(default_factory=set)
    """What is served with other bytes."""
    uploads: list[tuple[Place, bool]] = field(default_factory=list)
    dies_after: int | None = None
    """So many uploads succeed, and then none does."""

    shared = False

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        del again
        place = repository, target.digest
        body = (self.manifests if target.is_manifest else self.blobs).get(place)
        if body is None:
            return Absent("BLOB_UNKNOWN")
        body = b"?" + body[1:] if target.digest in self.lies else body
        sink.begin()
        await sink.take(body)
        return None if target.digest.names(body) else Wrong("hashes to another")

    async def upload(
        self,
        repository: Repository,
        digest: Digest,
        content: UploadContent,
        origin: Repository | None = None,
    ) -> bool:
        self._live()
        body = b"".join([chunk async for chunk in content])
        assert digest.names(body), "nothing is sent that was not hashed"
        assert len(body) == content.size
        mounted = origin is not None and (origin, digest) in self.blobs
        self.uploads.append(((repository, digest), mounted))
        if (repository, digest) not in self.kept:
            self.blobs[repository, digest] = body
        self.remembered.discard(digest)
        return mounted

    async def restore(self, repository: Repository, body: ManifestBody) -> None:
        self._live()
        if body.digest in self.remembered and (repository, body.digest) not in self.blobs:
            return  # 201, and no file
        for link in parse(body.content, body.digest).links:
            place = repository, link.target.digest
            there = self.manifests if link.kind is Kind.CHILD else self.blobs
            if place not in there and link.target.digest not in self.remembered:
                raise Unseen(body.digest, Reason.UNSUPPORTED, "MANIFEST_BLOB_UNKNOWN")
        self.manifests[repository, body.digest] = body.content

    async def add_tag(self, repository: Repository, digest: Digest, tag: Tag) -> None:
        assert tag not in self.tagged[repository], "an existing tag is not touched"
        self.tagged[repository][tag] = digest

    def _live(self) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Unseen("upload", Reason.RESET, "connection reset")


def stocked(kind: type[Registry] = Registry) -> Registry:
    registry = kind()
    for repository in (TEAM, OTHER):
        registry.push(BUILT, "v1", repository)
        registry.push(PLAIN, "v2", repository)
    return registry


def lose(registry: Registry, gone: set[Place]) -> None:
    for repository, digest in gone:
        registry.sweep(digest, repository=repository)


async def repaired(registry: Registry, *sources: CopySource, apply: bool = True) -> Repairer:
    report = await audited(registry)
    own = {}
    for repository, digest in report.snapshot.sightings:
        if report.snapshot.sightings[repository, digest].state is State.PRESENT:
            own.setdefault(digest, []).append(repository)
    itself = CopySource("itself", registry, places=own, own=True)
    found = Repairer(
        registry,
        report.snapshot,
        [itself, *sources],
        tempfile.gettempdir(),
        registry if apply else None,
    )
    await found.repair(losses(report.verdicts), lost_tags(report.verdicts))
    return found


def well(report: Report) -> set[str]:
    return {
        each.name
        for each in report.verdicts
        if all(child.state is State.PRESENT for child in each.children)
    }


def needs(top: worlds.Made) -> set[Digest]:
    return {each.digest for made in top.walk() for each in (made, *made.blobs)}


@settings(max_examples=40)
@given(gone=PLACES, cached=st.booleans(), missing=SOME, lies=SOME)
def test_what_a_source_covers_is_whole_afterwards_and_nothing_else_changed(
    *, gone: set[Place], cached: bool, missing: set[Digest], lies: set[Digest]
) -> None:
    """A second repair finds nothing to do where the source covered everything."""

    async def law() -> None:
        registry, mirror = stocked(), stocked()
        if cached:
            registry.remembered = {digest for _, digest in gone}
        lose(registry, gone)
        for digest in missing:
            lose(mirror, {(TEAM, digest), (OTHER, digest)})
        mirror.lies = lies
        tags = {repository: dict(tagged) for repository, tagged in registry.tagged.items()}
        before = {**registry.manifests, **registry.blobs}

        await repaired(registry, CopySource("mirror", mirror))

        after = {**registry.manifests, **registry.blobs}
        assert registry.tagged == tags
        assert all(after[place] == body for place, body in before.items())
        assert all(digest.names(body) for (_, digest), body in after.items())
        whole = well(await audited(registry))
        unsure = missing | lies
        for repository in (TEAM, OTHER):
            for tag, top in (("v1", BUILT), ("v2", PLAIN)):
                lost = {digest for where, digest in gone if where == repository}
                if not lost & needs(top) & unsure:
                    assert f"{repository}:{tag}" in whole
        registry.uploads.clear()
        await repaired(registry, CopySource("mirror", mirror))
        assert not registry.uploads or {digest for _, digest in gone} & unsure

    asyncio.run(law())


@settings(max_examples=20)
@given(gone=PLACES, after=st.integers(0, 6))
def test_interrupted_and_repeated_it_ends_the_same(gone: set[Place], after: int) -> None:
    async def law() -> None:
        registry, mirror = stocked(), CopySource("mirror", stocked())
        lose(registry, gone)
        registry.dies_after = after
        await repaired(registry, mirror)
        registry.dies_after = None

        await repaired(registry, mirror)

        assert len(well(await audited(registry))) == 4

    asyncio.run(law())


@settings(max_examples=20)
@given(gone=PLACES, missing=SOME)
def test_a_plan_writes_nothing_and_says_what_is_then_done(
    gone: set[Place], missing: set[Digest]
) -> None:
    async def law() -> None:
        registry, mirror = stocked(), stocked()
        lose(registry, gone)
        for digest in missing:
            lose(mirror, {(TEAM, digest), (OTHER, digest)})

        plan = await repaired(registry, CopySource("mirror", mirror), apply=False)
        assert not registry.uploads
        done = await repaired(registry, CopySource("mirror", mirror))

        assert plan.steps == done.steps

    asyncio.run(law())


async def test_a_blob_is_uploaded_once_and_mounted_where_else_it_is_lost() -> None:
    registry = stocked()
    layer = A.layers[0].digest
    lose(registry, {(TEAM, layer), (OTHER, layer)})

    found = await repaired(registry, CopySource("mirror", stocked()))

    assert [each.way for each in found.steps] == [Way.UPLOAD, Way.MOUNT]
    first, second = found.steps
    name = found.snapshot.registry
    assert (first.source, second.source) == (
        f"mirror/{first.loss.repository}",
        f"{name}/{first.loss.repository}",
    )
    assert [mounted for _, mounted in registry.uploads] == [False, True]


async def test_a_file_that_the_registry_keeps_is_named_and_is_no_success() -> None:
    registry, layer = stocked(), PLAIN.layers[1].digest
    for repository in (TEAM, OTHER):
        registry.blobs[repository, layer] = b""
        registry.kept.add((repository, layer))

    found = await repaired(registry, CopySource("mirror", stocked()))

    assert {
        f"blobs/sha256/{layer.encoded[:2]}/{layer.encoded}/data" in each.failure
        for each in found.steps
    } == {True}


async def test_a_tag_that_does_not_exist_is_added_only_where_that_is_allowed() -> None:
    for allowed in (False, True):
        registry, mirror = stocked(), stocked()
        registry.untag("v1", TEAM)
        report = await audited(registry)
        source = CopySource("mirror", mirror, tags=mirror)
        folder = tempfile.gettempdir()
        repairer = Repairer(registry, report.snapshot, [source], folder, registry, allowed)

        await repairer.repair((), lost := [(TEAM, next(iter(mirror.tagged[TEAM])))])

        assert (lost[0][1] in registry.tagged[TEAM]) is allowed
        assert bool(repairer.steps[-1].failure) is not allowed


async def test_a_denial_ends_all_uploads_to_the_repository() -> None:
    class Denying(Registry):
        async def upload(self, repository: Repository, *_: object, **__: object) -> bool:
            self.uploads.append(((repository, THINGS[0]), False))
            raise Unseen(repository, Reason.DENIED, "403 DENIED")

    registry = stocked(Denying)
    lose(registry, {(TEAM, each.digest) for each in PLAIN.layers} | {(TEAM, A.layers[1].digest)})

    found = await repaired(registry, CopySource("mirror", stocked()))

    assert len(registry.uploads) == 1
    assert {each.failure for each in found.steps} == {
        "403 DENIED: the login may not push to team/app"
    }
