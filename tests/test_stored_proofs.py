"""What an audit takes from the registry's storage instead of asking the registry."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.audit import audit
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.facts.proof import GONE, Proof, State
from exporter.facts.registry_kind import RegistryKind
from exporter.facts.shard import Shard
from exporter.facts.use import ReferenceClass
from exporter.judge.report import Report
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing, Unseen
from exporter.resolve import contradictions
from exporter.resolve.scope import AuditScope, Promotion
from exporter.resolve.target import DAY
from exporter.wiring.registry_storage import RegistryStorage
from tests import worlds
from tests.fakes import APP, NOW, Fake, Notes, codes, target, verdict
from tests.parts import tree
from tests.store.layout import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.facts.body import Outline
    from exporter.oci.digest import Digest

QUARTER: Final = 900.0
A, B = worlds.two_platforms("app").children
NESTED = worlds.index(B, worlds.chart("c"))
BUILT = worlds.index(A, NESTED, worlds.attestation(A))
PLAIN = worlds.image("plain", layers=(A.layers[0],))
ALONE = worlds.image("alone")
EVERY = [*BUILT.walk(), PLAIN, ALONE]
EVERY_TAG: Final = AuditScope(select=("*",), latest=())
THINGS = sorted({each.digest for made in EVERY for each in (made, *made.blobs)})


@dataclass
class World:
    """One registry and its storage, of the same content until something happens to one of them."""

    root: Path
    fake: Fake = field(default_factory=Fake)
    notes: Notes = field(default_factory=Notes)
    storage: Any = None
    scope: AuditScope = EVERY_TAG
    periods: dict[ReferenceClass, float] = field(default_factory=dict)
    report: Report | None = None
    now: float = NOW

    def __post_init__(self) -> None:
        self.storage = self.storage or RegistryStorage(str(self.root))

    def push(self, made: worlds.Made, tag: str, repository: Repository = APP) -> None:
        self.fake.push(made, tag, repository)
        tree.write(self.root, repository, made, tag)
        for each in made.walk():
            stored = (blob.digest for blob in each.blobs if blob.stored)
            for digest in (each.digest, *stored):
                _touch(tree.data(self.root, digest), NOW - DAY)

    def unstore(self, digest: Digest) -> None:
        shutil.rmtree(tree.data(self.root, digest).parent, ignore_errors=True)

    def lose(self, digest: Digest) -> None:
        self.fake.sweep(digest)
        self.unstore(digest)

    async def audited(self, after: float = QUARTER, storage: object = None) -> Report:
        """Audit some seconds after the audit before; keep its report for the next one."""
        self.now += after
        self.fake.asked.clear()
        told = target(self.fake, self.notes, storage=storage or self.storage, scope=self.scope)
        told = replace(told, periods=self.periods)
        self.report = await audit(told, Listing(()), self.report, self.now)
        return self.report

    async def anew(self) -> Report:
        """Audit from nothing, without a storage."""
        return await audit(target(self.fake, scope=self.scope), Listing(()), None, self.now)

    @property
    def content_named(self) -> set[str]:
        kinds = ("manifest", "blob", "whole", "tag")
        return {name for _, kind, _, name in self.fake.asked if kind in kinds}

    @property
    def content_asked(self) -> int:
        kinds = self.fake.counted()
        return sum(n for (_, kind), n in kinds.items() if kind in ("manifest", "blob", "tag"))


def _touch(path: Path, at: float) -> None:
    os.utime(path, (at, at))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.push(BUILT, "v1")
    made.push(PLAIN, "v2")
    made.push(ALONE, "v3")
    return made


def states(report: Report) -> dict[tuple[str, str], State]:
    found = {(each.root.name, ""): each.state for each in report.verdicts}
    for known in report.verdicts:
        found |= {(known.root.name, str(each.digest)): each.state for each in known.children}
    return found


def proofs(report: Report) -> set[Proof]:
    return {seen.proof for seen in report.snapshot.sightings.values()}


async def test_the_first_audit_asks_the_registry_about_everything(world: World) -> None:
    report = await world.audited()

    assert Proof.STORED not in proofs(report)
    assert report.snapshot.disagreements == ()


async def test_the_next_one_takes_nearly_everything_from_the_storage(world: World) -> None:
    await world.audited()
    first = world.content_asked
    report = await world.audited(1.0)

    assert world.content_asked <= first / 10
    assert report.snapshot.sightings.keys() == (await world.anew()).snapshot.sightings.keys()
    assert states(report) == states(await world.anew())


async def test_everything_is_asked_about_once_in_a_period_and_evenly(world: World) -> None:
    for n in range(20):
        world.push(worlds.image(f"more {n}"), f"more-{n}")
    await world.audited()
    everything = world.content_named
    asked: list[set[str]] = []
    for _ in range(12):
        await world.audited(DAY / 12)
        asked.append(world.content_named)

    assert set.union(*asked) == everything
    assert sum(map(len, asked)) == len(everything)
    assert max(map(len, asked)) < len(everything) / 3


async def test_a_restart_goes_on_with_the_turns(world: World) -> None:
    await world.audited()
    assert world.report
    kept = decode(encode(world.report.snapshot))
    world.report = replace(world.report, snapshot=kept)

    report = await world.audited(1.0)

    assert Proof.STORED in proofs(report)


@pytest.mark.parametrize("reference", [ReferenceClass.LIVE, ReferenceClass.LATEST])
async def test_live_and_latest_are_asked_about_always(
    world: World, reference: ReferenceClass
) -> None:
    world.scope = replace(world.scope, promotions=(Promotion("*", "v1", reference),))
    await world.audited()
    report = await world.audited(1.0)

    asked = {(at, each.digest) for at in (APP,) for m in BUILT.walk() for each in (m, *m.blobs)}
    sighted = report.snapshot.sightings
    assert all(sighted[at].proof is not Proof.STORED for at in asked)
    assert sighted[APP, ALONE.digest].proof is Proof.STORED


async def test_a_tag_of_an_image_that_a_live_index_lists_has_its_platform(world: World) -> None:
    world.push(BUILT.children[0], "v1-one")
    world.scope = replace(world.scope, promotions=(Promotion("app", "v1", ReferenceClass.LIVE),))

    for _ in range(2):
        report = await world.audited()

        (child,) = verdict(report, "v1-one").children
        assert child.platform is not None


async def test_what_is_lost_in_both_is_found_at_once(world: World) -> None:
    await world.audited()
    world.lose(ALONE.blobs[0].digest)

    report = await world.audited(1.0)

    assert states(report) == states(await world.anew())
    assert ("broken-child", "warning") in codes(report)
    assert report.snapshot.disagreements == ()


async def test_a_file_cut_short_is_asked_about(world: World) -> None:
    await world.audited()
    blob = ALONE.blobs[0]
    tree.data(world.root, blob.digest).write_bytes(blob.body[:-1])
    world.fake.blobs[APP, blob.digest] = blob.body[:-1]

    report = await world.audited(1.0)

    assert states(report) == states(await world.anew())


async def test_what_is_not_linked_is_asked_about(world: World) -> None:
    await world.audited()
    blob, manifest = ALONE.blobs[0].digest, PLAIN.digest
    tree.layer_link(world.root, APP, blob).unlink()
    tree.revision(world.root, APP, manifest).unlink()
    world.fake.sweep(blob, manifest)

    report = await world.audited(1.0)

    assert states(report) == states(await world.anew())


async def test_what_was_written_since_the_last_audit_is_asked_about(world: World) -> None:
    await world.audited()
    blob = ALONE.blobs[0].digest
    _touch(tree.data(world.root, blob), world.now + 0.5)

    report = await world.audited(1.0)

    assert report.snapshot.sightings[APP, blob].proof is Proof.LAST_BYTE


async def test_a_tag_that_moved_is_resolved(world: World) -> None:
    await world.audited()
    world.push(worlds.image("newer"), "v3")

    report = await world.audited(1.0)

    assert states(report) == states(await world.anew())
    assert report.snapshot.disagreements == ()


async def test_a_push_during_the_audit_is_no_disagreement(world: World) -> None:
    await world.audited()
    pushed = worlds.image("pushed meanwhile")

    def push() -> None:
        world.push(pushed, "v4")

    world.fake.spoil("*", push)

    report = await world.audited(1.0)

    assert world.fake.asked_about("v4")
    assert (report.snapshot.disagreements, report.snapshot.gaps) == ((), ())


async def test_many_passing_differences_hide_no_lasting_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.audited()
    blob = ALONE.blobs[0].digest
    world.unstore(blob)
    monkeypatch.setattr(contradictions, "_MOST", 3)
    pushed = [worlds.image(f"pushed meanwhile {at}") for at in range(5)]

    def push() -> None:
        for at, made in enumerate(pushed):
            world.push(made, f"w{at}")

    world.fake.spoil("*", push)

    report = await world.audited(1.0)

    assert all(world.fake.asked_about(f"w{at}") for at in range(5))
    assert [each.digest for each in report.snapshot.disagreements] == [blob]


async def test_what_only_the_storage_lacks_is_present_and_a_disagreement(world: World) -> None:
    await world.audited()
    blob = ALONE.blobs[0].digest
    world.unstore(blob)

    report = await world.audited(1.0)

    assert states(report) == states(await world.anew())
    (found,) = [each for each in report.findings if each.rule.code == "storage-disagreement"]
    assert (found.root.name, found.digest) == ("v3", blob)
    assert "registry says its last byte was read" in found.detail
    assert "storage says not there" in found.detail
    assert Proof.STORED not in proofs(report)
    assert [gap.subject for gap in report.snapshot.gaps] == ["storage"]


async def test_what_only_the_registry_denies_is_lost_and_a_disagreement(world: World) -> None:
    await world.audited()
    blob = ALONE.blobs[0]
    world.fake.sweep(blob.digest)

    for _ in range(97):
        report = await world.audited()
        if ("broken-child", "warning") in codes(report):
            break

    assert states(report) == states(await world.anew())
    (found,) = [each for each in report.findings if each.rule.code == "storage-disagreement"]
    assert f"registry says BLOB_UNKNOWN; the storage says {len(blob.body):,} bytes" in found.detail
    assert Proof.STORED not in proofs(report)


async def test_a_tag_that_they_resolve_differently_is_a_disagreement(world: World) -> None:
    await world.audited()
    tree.point(world.root, APP, "v3", PLAIN.digest)

    report = await world.audited(1.0)

    details = {each.root.name: each.detail for each in report.findings}
    assert str(PLAIN.digest) in details["v3"]
    assert str(ALONE.digest) in details["v3"]
    assert states(report) == states(await world.anew())


async def test_another_registrys_storage_is_found_out_and_proves_nothing(
    world: World, tmp_path: Path
) -> None:
    """Mounted by mistake: it has the same images, and the registry lost one."""
    other = tmp_path / "other"
    shutil.copytree(world.root / "docker", other / "docker")
    await world.audited()
    lost = ALONE.blobs[0].digest
    world.fake.sweep(lost, PLAIN.digest)
    tree.point(other, APP, "v1", PLAIN.digest)

    report = await world.audited(1.0, RegistryStorage(str(other)))

    assert Proof.STORED not in proofs(report)
    assert states(report) == states(await world.anew())
    assert report.storage is None


async def test_an_empty_folder_is_a_gap_and_no_loss(world: World, tmp_path: Path) -> None:
    """The storage was unmounted before the audit."""
    await world.audited()
    (tmp_path / "nothing").mkdir()

    report = await world.audited(1.0, RegistryStorage(str(tmp_path / "nothing")))

    assert states(report) == states(await world.anew())
    assert Reason.UNSUPPORTED in {gap.reason for gap in report.snapshot.gaps}
    assert report.snapshot.disagreements == ()


@dataclass(frozen=True)
class Leaving(RegistryStorage):
    """A storage that something happens to, just after it was listed."""

    after: Callable[[], None] = lambda: None

    def read(self) -> Inventory:
        found = super().read()
        self.after()
        return found


async def test_a_storage_that_goes_during_the_audit_is_a_gap_and_proves_nothing(
    world: World,
) -> None:
    """It was listed in part, and cannot be asked again."""
    await world.audited()
    world.unstore(ALONE.blobs[0].digest)
    world.fake.sweep(PLAIN.digest)

    report = await world.audited(
        1.0, Leaving(str(world.root), after=lambda: shutil.rmtree(world.root / "docker"))
    )

    assert states(report) == states(await world.anew())
    assert Proof.STORED not in proofs(report)
    assert report.snapshot.disagreements == ()
    assert {gap.reason for gap in report.snapshot.gaps} == {Reason.UNREADABLE}


@dataclass(frozen=True)
class Blind(RegistryStorage):
    """A storage of which a part cannot be listed."""

    subject: str = ""

    def read(self) -> Inventory:
        found = super().read()
        return replace(found, gaps=(Gap(Scope.OBJECT, self.subject, Reason.UNREADABLE),))


@pytest.mark.parametrize(
    ("subject", "blobs", "manifests"),
    [
        ("repositories/app/_layers/sha256", False, False),
        ("repositories/application/_layers/sha256", True, True),
        ("repositories/app/_manifests/tags/v9", False, False),
        (f"blobs/sha256/{ALONE.digest.encoded[:2]}", True, False),
        (f"blobs/sha256/{ALONE.blobs[0].digest.encoded[:2]}", False, True),
        (f"blobs/sha256/{ALONE.digest.encoded[:2]}/{ALONE.digest.encoded}/data", True, False),
        ("blobs", False, False),
        ("repositories", False, False),
        ("something else", False, False),
    ],
)
async def test_it_proves_nothing_below_what_could_not_be_listed(
    world: World, subject: str, *, blobs: bool, manifests: bool
) -> None:
    await world.audited()

    report = await world.audited(1.0, Blind(str(world.root), subject=subject))

    seen = report.snapshot.sightings
    assert (seen[APP, ALONE.blobs[0].digest].proof is Proof.STORED) is blobs
    assert (seen[APP, ALONE.digest].proof is Proof.STORED) is manifests


class Gone:
    """A storage that cannot be read."""

    def read(self) -> Inventory:
        raise Unseen("/storage", Reason.UNREADABLE, "permission denied")


async def test_an_audit_without_its_storage_asks_the_registry(world: World) -> None:
    await world.audited()
    first = world.content_asked

    report = await world.audited(1.0, Gone())

    assert world.content_asked >= first / 2
    assert Proof.STORED not in proofs(report)
    assert [gap.reason for gap in report.snapshot.gaps] == [Reason.UNREADABLE]

    report = await world.audited(DAY * 0.9)
    assert Proof.STORED in proofs(report)


@pytest.mark.parametrize("left", [None, Gone()])
async def test_no_proof_of_a_storage_has_an_age_once_it_is_not_read(
    world: World, left: object
) -> None:
    """Its periods begin when the registry was asked, and not when the files were listed."""
    await world.audited()
    first = world.content_asked
    await world.audited(1.0)
    world.storage, world.periods = left, {ReferenceClass.SELECTED: DAY}

    report = await world.audited(1.0)

    assert world.content_asked >= first / 2
    assert Proof.STORED not in proofs(report)


HARM = st.lists(
    st.tuples(st.sampled_from(["both", "registry", "storage", "link"]), st.sampled_from(THINGS)),
    max_size=3,
)


def harmed(world: World, harm: list[tuple[str, Digest]]) -> bool:
    """Do some damage; return whether the storage shows all of it that the registry has."""
    for where, digest in harm:
        if where in ("both", "registry"):
            world.fake.sweep(digest)
        if where in ("both", "storage"):
            world.unstore(digest)
        if where == "link":
            for path in (tree.layer_link, tree.revision):
                path(world.root, APP, digest).unlink(missing_ok=True)
    return all(where != "registry" for where, _ in harm)


@given(harm=HARM, steps=st.lists(st.sampled_from([1.0, QUARTER, 7 * QUARTER]), max_size=3))
@settings(max_examples=40)
def test_verdicts_are_those_of_an_audit_without_it_but_for_proofs_younger_than_their_period(
    harm: list[tuple[str, Digest]], steps: list[float]
) -> None:
    with TemporaryDirectory() as name:
        world = World(Path(name))
        world.push(BUILT, "v1")
        world.push(PLAIN, "v2")
        world.push(ALONE, "v3")

        async def law() -> None:
            await world.audited()
            shown = harmed(world, harm)
            truth = states(await world.anew())
            for step in steps:
                report = await world.audited(step)
                differing = {at for at, state in states(report).items() if truth.get(at) != state}
                assert not (shown and differing)
                # Below a manifest that only the registry lost, another loss is told for it.
                assert all(
                    states(report)[at] is State.PRESENT or truth[at[0], ""] in GONE
                    for at in differing
                )
                assert not (report.snapshot.disagreements and differing)
            for _ in range(3):
                report = await world.audited(0.35 * DAY)
            assert states(report) == truth

        asyncio.run(law())


LAYERS: Final = [worlds.layer(seed) for seed in "abcd"]
SHARED: Final = [
    *LAYERS,
    worlds.Blob(worlds.OCI_LAYER, LAYERS[0].body, extra={"size": 7}),
    worlds.Blob(worlds.FOREIGN_LAYER, LAYERS[1].body),
    worlds.Blob(worlds.OCI_LAYER, PLAIN.body),
    *worlds.build_cache("shared").blobs[:1],
]
IMAGES = st.lists(
    st.builds(
        lambda layers, seed: worlds.image(seed, layers=tuple(layers)),
        st.lists(st.sampled_from(SHARED), max_size=4),
        st.sampled_from("xyz"),
    ),
    min_size=1,
    max_size=4,
)
ODD = st.lists(
    st.sampled_from([worlds.build_cache("shared"), worlds.inline("i"), worlds.windows("w"), PLAIN]),
    max_size=2,
)


@given(
    images=IMAGES,
    later=IMAGES,
    odd=ODD,
    live=st.booleans(),
    lost=st.sets(st.sampled_from(LAYERS)),
)
@settings(max_examples=40)
def test_content_has_the_state_that_an_audit_without_it_sees_whatever_manifests_share(
    *,
    images: list[worlds.Made],
    later: list[worlds.Made],
    odd: list[worlds.Made],
    live: bool,
    lost: set[worlds.Blob],
) -> None:
    with TemporaryDirectory() as name:
        world = World(Path(name))
        tops = [worlds.index(*images), *images[:1], *odd]
        for number, made in enumerate(tops):
            world.push(made, f"v{number}")
        pushed = [worlds.image(f"later {n}", layers=each.layers) for n, each in enumerate(later)]
        if live:
            promoted = (Promotion("*", "v1", ReferenceClass.LIVE),)
            world.scope = replace(world.scope, promotions=promoted)

        async def law() -> None:
            await world.audited()
            for each in pushed:
                world.push(each, f"w-{each.digest.encoded[:8]}")
            for blob in lost:
                world.lose(blob.digest)
            report, anew = await world.audited(1.0), await world.anew()
            seen, truth = report.snapshot.sightings, anew.snapshot.sightings
            assert {at: look.state for at, look in seen.items()} == {
                at: look.state for at, look in truth.items()
            }
            assert states(report) == states(anew)
            above = images[0] if live else None
            needed = {each.digest for each in (above, *above.blobs)} if above else set()
            # A digest that is a manifest as well was looked at as that.
            asked = [(APP, each) for each in needed - {PLAIN.digest} if (APP, each) in seen]
            assert all(seen[at].proof is not Proof.STORED for at in asked)

        asyncio.run(law())


async def test_a_file_does_not_settle_which_of_two_sizes_is_right(world: World) -> None:
    await world.audited()
    layer = ALONE.layers[0]
    other = worlds.Blob(worlds.OCI_LAYER, layer.body, extra={"size": 7})
    world.push(worlds.image("other size", layers=(other,)), "w1")

    report = await world.audited(1.0)

    assert report.snapshot.sightings[APP, layer.digest].reason is Reason.MALFORMED


async def test_a_file_proves_no_manifest_that_the_registry_denies_and_an_image_has_as_layer(
    world: World,
) -> None:
    world.push(worlds.image("over", layers=(worlds.Blob(worlds.OCI_LAYER, A.body),)), "over")
    world.scope = replace(world.scope, promotions=(Promotion("*", "v1", ReferenceClass.LIVE),))
    await world.audited()
    world.fake.sweep(A.digest)

    report = await world.audited(1.0)

    assert report.snapshot.sightings[APP, A.digest].state in GONE


def sharded(world: World, count: int) -> list[tuple[Shard, RegistryStorage]]:
    shards = (Shard(index, count) for index in range(count))
    return [(each, RegistryStorage(str(world.root), shard=each)) for each in shards]


async def test_each_shard_takes_its_part_from_the_storage_and_says_what_one_process_says(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    names = [Repository(f"team/app{n}") for n in range(12)]
    for name in names:
        world.push(worlds.two_platforms(f"{name}"), "v1", name)
        world.push(PLAIN, "v2", name)
    world.fake.sweep(PLAIN.digest, repository=names[3])
    tree.revision(world.root, names[3], PLAIN.digest).unlink()
    found: dict[Repository, dict[tuple[str, str], State]] = {}
    for shard, storage in sharded(world, 3):
        world.report, world.scope = None, replace(EVERY_TAG, shard=shard)
        await world.audited(1.0, storage)
        first = world.content_asked
        report = await world.audited(1.0, storage)
        assert world.content_asked <= first / 5
        assert report.storage is None
        assert (report.snapshot.disagreements, report.snapshot.gaps) == ((), ())
        for each in report.verdicts:
            one = replace(report, tags=tuple(t for t in report.tags if t.verdict == each))
            found.setdefault(each.root.repository, {}).update(states(one))
    world.scope = EVERY_TAG
    anew = await world.anew()
    assert found.keys() == set(names)
    for each in anew.verdicts:
        assert found[each.root.repository][each.root.name, ""] is each.state


def test_no_shard_reads_all(tmp_path: Path) -> None:
    world = World(tmp_path)
    for n in range(12):
        world.push(worlds.two_platforms(f"team/app{n}"), "v1", Repository(f"team/app{n}"))
    whole = world.storage.read()
    parts = [storage.read() for _, storage in sharded(world, 3)]

    assert sum((part.sizes >= 0).sum() for part in parts) == (whole.sizes >= 0).sum()
    read = [name for part in parts for name in part.repositories]
    assert sorted(read) == sorted(whole.repositories)
    assert all(part.partial and not part.gaps for part in parts)


async def test_a_storage_that_is_replaced_while_it_is_listed_proves_nothing(
    world: World, tmp_path: Path
) -> None:
    await world.audited()
    root = tmp_path / "mounted"
    (world.root / "docker").rename(tmp_path / "kept")
    root.mkdir()
    (tmp_path / "kept").rename(root / "docker")

    class Outlines:
        """Asked in the middle of a listing, once the blobs were read."""

        def outlines(self, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
            if keys and not (tmp_path / "elsewhere").exists():
                root.rename(tmp_path / "elsewhere")
                root.mkdir()
            return {}

        def keep_outlines(self, found: Mapping[bytes, Outline]) -> None: ...

    report = await world.audited(1.0, RegistryStorage(str(root), outlines=Outlines()))

    assert Proof.STORED not in proofs(report)
    assert {gap.reason for gap in report.snapshot.gaps} == {Reason.UNREADABLE}
    assert report.storage is None
    assert states(report) == states(await world.anew())


@dataclass(frozen=True)
class Published(RegistryStorage):
    """A list of the storage that was made some time ago, as S3 Inventory publishes them."""

    listed: Inventory | None = None
    taken_at: float = 0.0

    def read(self) -> Inventory:
        assert self.listed
        return replace(self.listed, taken_at=self.taken_at)


def published(world: World, age: float) -> Published:
    return Published(str(world.root), listed=world.storage.read(), taken_at=world.now - age)


async def test_an_older_list_proves_content_as_of_its_time_and_no_tag(world: World) -> None:
    list_of_then = published(world, 3_600.0)
    world.push(worlds.image("pushed since"), "v4")
    await world.audited(1.0, list_of_then)
    world.push(worlds.image("newer"), "v3")

    report = await world.audited(1.0, list_of_then)

    assert states(report) == states(await world.anew())
    seen = report.snapshot.sightings[APP, BUILT.digest]
    assert (seen.proof, seen.seen_at) == (Proof.STORED, list_of_then.taken_at)
    assert all(root.sighting.proof is Proof.HEAD for root in report.snapshot.roots)
    assert (report.snapshot.disagreements, report.snapshot.gaps) == ((), ())


async def test_a_list_older_than_the_period_proves_nothing_and_is_a_gap(world: World) -> None:
    await world.audited()
    first = world.content_asked

    report = await world.audited(1.0, published(world, 1.1 * DAY))

    assert world.content_asked >= first / 2
    assert Proof.STORED not in proofs(report)
    assert [(gap.subject, gap.reason) for gap in report.snapshot.gaps] == [
        ("storage", Reason.INCOMPLETE_LIST)
    ]


async def test_what_is_lost_since_an_older_list_is_found_within_the_period(world: World) -> None:
    await world.audited()
    old = published(world, 60.0)
    world.lose(ALONE.blobs[0].digest)

    for _ in range(4):
        old = replace(old, taken_at=world.now - 60.0)
        report = await world.audited(0.25 * DAY + 1.0, old)

    assert states(report) == states(await world.anew())
    assert report.snapshot.disagreements == ()


async def test_files_prove_nothing_of_a_registry_with_a_database(world: World) -> None:
    """Harbor denies what its database lost, whatever is stored, and has tags that no file names."""
    world.fake.shows = RegistryKind("harbor")
    world.fake.tagged[APP][Tag("only-in-the-database")] = ALONE.digest
    await world.audited()
    first = world.content_asked

    report = await world.audited(1.0)

    assert world.content_asked >= first / 2
    assert Proof.STORED not in proofs(report)
    assert (report.snapshot.disagreements, report.snapshot.gaps) == ((), ())
    assert report.storage is not None


async def test_a_storage_that_hangs_when_it_is_asked_again_ends_no_audit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.audited()
    world.unstore(ALONE.blobs[0].digest)
    answers = threading.Event()
    monkeypatch.setattr(contradictions, "_PATIENCE", 0.05)

    class Hanging(RegistryStorage):
        def size(self, *_: object, **__: object) -> int | None:
            answers.wait()
            return None

    report = await world.audited(1.0, Hanging(str(world.root)))

    answers.set()
    assert states(report) == states(await world.anew())
    assert Proof.STORED not in proofs(report)
    assert [gap.reason for gap in report.snapshot.gaps] == [Reason.TIMEOUT]
