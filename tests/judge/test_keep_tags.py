"""Do protect's tags keep exactly what a collection would take, under names that stay the same?"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.proof import HEADER, LAST_BYTE, Sighting, State, gone
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.judge.gc.breakage import losses, tag_targets
from exporter.judge.gc.dialect import DIALECTS, DISTRIBUTION_2, Dialect, Mode
from exporter.judge.gc.outcome import Completed
from exporter.judge.gc.simulate import simulate
from exporter.judge.judgement import judge
from exporter.judge.keep_tags import KeepTagPlan, plan_keep_tags
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Place, Repository, Tag
from tests.judge.gc.inventories import Held, World, digest, worlds
from tests.judge.scene import BLIND, Scene, scene
from tests.worlds import (
    attestation,
    fallback_tag,
    image,
    index,
    referrer,
    signature,
    signature_tag,
    two_platforms,
)

SELECTED, LATEST = ReferenceClass.SELECTED, ReferenceClass.LATEST
BOTH = two_platforms("app")
AMD64, ARM64 = BOTH.children


def asked(seen: Scene, reach: ReferenceClass = LATEST, prefix: str = "keep") -> KeepTagPlan:
    return plan_keep_tags(judge(seen.snapshot(), {}), reach, prefix)


def names(found: KeepTagPlan) -> dict[str, str]:
    return {str(pin.digest): pin.tag for pin in found.wanted}


def test_each_child_gets_a_name_from_its_digest() -> None:
    found = asked(scene(BOTH).seal())

    assert names(found) == {
        str(child.digest): f"keep-{child.digest.encoded[:12]}" for child in BOTH.children
    }
    assert all(pin.need.needed_by == ("v1",) for pin in found.wanted)
    assert found.protected == 0


def test_a_second_run_finds_nothing_left_to_do() -> None:
    first = asked(scene(BOTH).seal())
    again = asked(scene(BOTH).seal(**{pin.tag: pin.digest for pin in first.wanted}))

    assert again.wanted == ()
    assert again.protected == 2


def test_a_name_that_points_elsewhere_is_left_alone() -> None:
    name = f"keep-{AMD64.digest.encoded[:12]}"

    found = asked(scene(BOTH).seal(**{name: image("other").digest}))

    assert names(found)[str(AMD64.digest)] == f"keep-{AMD64.digest.encoded[:13]}"


def test_without_a_seal_nothing_is_planned_and_all_is_in_doubt() -> None:
    found = asked(scene(BOTH))

    assert found.wanted == ()
    assert {need.digest for need in found.doubtful} == {child.digest for child in BOTH.children}


def test_a_known_tag_protects_without_a_seal() -> None:
    seen = scene(BOTH).tag(AMD64, "amd64").tag(ARM64, "arm64")

    found = asked(seen)

    assert (found.wanted, found.doubtful) == ((), ())


def test_nested_indexes_and_attestations_are_included() -> None:
    sbom = attestation(AMD64)
    inner = index(AMD64, sbom)

    found = asked(scene(index(inner)).seal())

    assert {pin.need.what for pin in found.wanted} == {"index", "image", "attestation"}
    assert set(names(found)) == {str(each.digest) for each in (inner, AMD64, sbom)}


def test_a_pinned_digest_needs_a_tag_itself() -> None:
    found = asked(scene(BOTH, None).seal())

    assert set(names(found)) == {str(each.digest) for each in (BOTH, AMD64, ARM64)}


def test_what_is_gone_is_said_and_not_pinned() -> None:
    found = asked(scene(BOTH).lose(AMD64.digest).seal())

    assert [need.digest for need in found.lost] == [AMD64.digest]
    assert set(names(found)) == {str(ARM64.digest)}


def test_what_could_not_be_seen_is_in_doubt() -> None:
    found = asked(scene(BOTH).turn(BLIND, AMD64.digest).seal())

    assert [need.digest for need in found.doubtful] == [AMD64.digest]


def test_a_tag_that_could_not_be_asked_is_in_doubt() -> None:
    found = asked(Scene().nothing("v1", BLIND).nothing("v2", BLIND))

    assert [need.needed_by for need in found.doubtful] == [("v1",), ("v2",)]


def test_other_tags_count_only_where_they_are_asked_for() -> None:
    seen = scene(BOTH, kind=SELECTED).seal()

    assert asked(seen).wanted == ()
    assert len(asked(seen, SELECTED).wanted) == 2


def test_the_signatures_of_a_live_image_are_kept_with_it() -> None:
    own, strange = signature(BOTH), signature(image("strange"))
    seen = scene(BOTH)
    seen.tag(index(own, subject=BOTH), fallback_tag(BOTH), kind=SELECTED)
    seen.tag(index(strange), fallback_tag(image("strange")), kind=SELECTED)
    seen.tag(signature(AMD64), signature_tag(AMD64), kind=SELECTED)

    found = asked(seen.seal())

    assert set(names(found)) == {str(each.digest) for each in (own, AMD64, ARM64)}


def test_the_signature_of_what_is_attached_is_kept_too() -> None:
    bill = referrer(BOTH)
    own, strange = referrer(bill, "its signature"), referrer(image("strange"), "its signature")
    seen = scene(BOTH)
    seen.tag(index(own), fallback_tag(bill), kind=SELECTED)
    seen.tag(index(bill), fallback_tag(BOTH), kind=SELECTED)
    seen.tag(index(strange), fallback_tag(strange), kind=SELECTED)

    found = asked(seen.seal())

    assert set(names(found)) == {str(each.digest) for each in (own, bill, AMD64, ARM64)}


def test_two_tags_share_the_tag_of_a_child() -> None:
    other = index(AMD64, image("other"))

    found = asked(scene(BOTH).tag(other, "v2").seal())

    (shared,) = (pin for pin in found.wanted if pin.digest == AMD64.digest)
    assert shared.need.needed_by == ("v1", "v2")
    assert len(found.wanted) == 3


@given(worlds(), st.sampled_from(list(DIALECTS.values())), st.sampled_from(list(Mode)))
def test_after_its_tags_the_same_simulation_has_no_victims(
    world: World, dialect: Dialect, mode: Mode
) -> None:
    found = plan_keep_tags(judge(snapshot(world), {}), SELECTED, "keep")
    beyond = {(need.repository, need.digest) for need in found.lost}

    inventory = protected(world, found).inventory()
    outcome = simulate(inventory, dialect, mode)

    assert found.doubtful == ()
    if isinstance(outcome, Completed):
        broken = {
            (inventory.repositories[each.target.repository], inventory.digests.text(each.manifest))
            for each in losses(inventory, outcome.removal, tag_targets(inventory))
        }
        assert broken <= beyond


@given(worlds())
def test_its_own_tags_are_all_that_it_ever_asks_for(world: World) -> None:
    found = plan_keep_tags(judge(snapshot(world), {}), SELECTED, "keep")

    again = plan_keep_tags(judge(snapshot(protected(world, found)), {}), SELECTED, "keep")

    assert again.wanted == ()


def test_without_its_tags_the_simulation_has_victims() -> None:
    """The property above is no empty one."""
    world = World(
        {"image 0": ["layer 0"], "index 0": ["image 0"]},
        frozenset({"image 0", "index 0", "layer 0"}),
        {},
    )
    held = Held(frozenset({"image 0", "index 0"}), frozenset({"layer 0"}), {"t1": "index 0"}, True)
    world = replace(world, repositories={"a": held})

    inventory = world.inventory()
    outcome = simulate(inventory, DISTRIBUTION_2, Mode.DELETE_UNTAGGED)

    assert isinstance(outcome, Completed)
    assert len([*losses(inventory, outcome.removal, tag_targets(inventory))]) == 1


def snapshot(world: World) -> Snapshot:
    """What an audit sees of a storage."""
    referred = (word for words in world.references.values() for word in words)
    words = {*world.references, *world.stored, *referred}
    manifests = {_digest(word): _manifest(world, word) for word in world.references}
    sightings: dict[Place, Sighting] = {}
    roots: list[Root] = []
    sealed: dict[Repository, Sealed] = {}
    for name, held in world.repositories.items():
        repository = Repository(name)
        for word in words:
            there = word in world.stored and word in (held.manifests | held.layers)
            sightings[repository, _digest(word)] = LAST_BYTE if there else LOST
        pointing: dict[Digest, tuple[Tag, ...]] = {}
        for tag, word in held.tags.items() if held.has_tags else ():
            there = word in world.stored
            own = _digest(word)
            roots.append(Root(repository, Tag(tag), own, HEADER if there else LOST, SELECTED))
            if there:
                pointing[own] = (*pointing.get(own, ()), Tag(tag))
        sealed[repository] = Sealed(pointing)
    return Snapshot(
        "r", 0.0, roots=tuple(roots), manifests=manifests, sightings=sightings, sealed=sealed
    )


LOST = gone(State.MISSING, "MANIFEST_UNKNOWN")


def _digest(word: str) -> Digest:
    return Digest(digest(word))


def _manifest(world: World, word: str) -> Manifest:
    is_index = word.startswith("index")
    links = tuple(_link(each, is_child=is_index) for each in world.references[word])
    return Manifest(_digest(word), OCI_INDEX if is_index else OCI_MANIFEST, len(word), links)


def _link(word: str, *, is_child: bool) -> Link:
    media_type = OCI_INDEX if word.startswith("index") else OCI_MANIFEST
    if not is_child:
        return Link(Kind.LAYER, Descriptor("layer", _digest(word), len(word)))
    return Link(Kind.CHILD, Descriptor(media_type, _digest(word), len(word)))


def protected(world: World, found: KeepTagPlan) -> World:
    """The storage after the tags were set."""
    words = {digest(word): word for word in world.references}
    repositories = {
        name: replace(
            held,
            tags={
                **held.tags,
                **{p.tag: words[p.digest] for p in found.wanted if p.need.repository == name},
            },
        )
        for name, held in world.repositories.items()
    }
    return replace(world, repositories=repositories)
