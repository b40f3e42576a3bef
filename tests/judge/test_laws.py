"""What holds for every snapshot, whatever was seen."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HASHED, HEADER, LAST_BYTE, Sighting, State, gone, unknown
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.judge.children import assess
from exporter.judge.judgement import judge
from exporter.judge.leaves import Leaf, View
from exporter.oci.platform import Platform
from tests import worlds
from tests.judge.kinds import ANY
from tests.judge.scene import APP, Scene

if TYPE_CHECKING:
    from exporter.facts.snapshot import Snapshot

LOST = [gone(state, "gone") for state in sorted(GONE)]
SEEN = st.sampled_from([HEADER, LAST_BYTE, HASHED, *LOST, unknown(Reason.RESET)])
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/386", "windows/amd64")
NODES = st.sets(st.sampled_from(PLATFORMS), max_size=2)
BASE = worlds.layer("base")


@st.composite
def images(draw: st.DrawFn) -> worlds.Made:
    seed = draw(st.sampled_from("abc"))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return worlds.build_cache(seed)
    if kind == 1:
        return worlds.chart(seed)
    if kind == 2:
        return worlds.attestation(worlds.image(seed))
    if kind == 3:
        return worlds.windows(seed)
    layers = (BASE, worlds.layer(seed))
    return worlds.image(seed, draw(st.sampled_from(PLATFORMS)), layers)


MADE = st.recursive(
    images(),
    lambda inner: st.lists(inner, max_size=4).map(lambda children: worlds.index(*children)),
    max_leaves=6,
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Some tags on some images, of which each thing was seen somehow, or not at all."""
    scene = Scene()
    for name in draw(st.sets(st.sampled_from(["v1", "v2", "latest", None]), min_size=1)):
        kind = draw(st.sampled_from(ReferenceClass))
        scene.tag(draw(MADE), name, *draw(NODES), seen=draw(SEEN), kind=kind)
    for place in sorted(scene.sightings):
        fate = draw(st.none() | st.just(HASHED) | st.just(HASHED) | SEEN)
        if fate is None:
            del scene.sightings[place]
        else:
            scene.sightings[place] = fate
    if draw(st.booleans()):
        scene.seal()
    for digest, manifest in scene.manifests.items():
        if manifest.content and draw(st.booleans()):
            scene.diff_id_mismatches[digest] = (
                DiffIdMismatch(manifest.content[-1].digest, "unpacks to x"),
            )
    return scene.snapshot(
        role=draw(st.sampled_from(Role)),
        platforms=frozenset(map(Platform.parse, draw(NODES))),
        collector=draw(st.sampled_from(Collector)),
        kind=draw(st.sampled_from(ANY)),
    )


def shuffled(snapshot: Snapshot, seed: int) -> Snapshot:
    """The same facts in another order."""
    chance = random.Random(seed)  # noqa: S311 - an order, no secret

    def mixed(mapping: dict) -> dict:  # type: ignore[type-arg] # any of the snapshot's mappings
        return dict(chance.sample(sorted(mapping.items()), len(mapping)))

    roots = tuple(chance.sample(snapshot.roots, len(snapshot.roots)))
    return type(snapshot)(
        snapshot.registry, snapshot.taken_at, snapshot.role, snapshot.platforms, snapshot.collector,
        roots, mixed(dict(snapshot.manifests)), mixed(dict(snapshot.sightings)),
        mixed(dict(snapshot.config_platforms)), snapshot.listed, snapshot.sealed,
        diff_id_mismatches=mixed(dict(snapshot.diff_id_mismatches)), kind=snapshot.kind,
    )  # fmt: skip


@given(snapshots(), st.integers())
def test_the_same_facts_give_the_same_report_in_any_order(snapshot: Snapshot, seed: int) -> None:
    one, other = judge(snapshot, {}), judge(shuffled(snapshot, seed), {})

    assert one.verdicts == other.verdicts
    assert (one.findings, one.since) == (other.findings, other.since)


@given(snapshots())
def test_every_finding_has_a_key_of_its_own(snapshot: Snapshot) -> None:
    findings = judge(snapshot, {}).findings

    assert len({each.key for each in findings}) == len(findings)


@given(snapshots())
def test_present_is_never_said_of_what_was_not_proven(snapshot: Snapshot) -> None:
    def seen(root: object, digest: object) -> Sighting | None:
        return snapshot.sightings.get((root, digest))  # type: ignore[call-overload, no-any-return] # any key

    for verdict in judge(snapshot, {}).verdicts:
        for child in verdict.children:
            if child.state is State.PRESENT:
                own = seen(verdict.root.repository, child.digest)
                assert own is not None
                assert own.state is State.PRESENT
            if child.required and child.expected and verdict.state is State.PRESENT:
                assert child.state is State.PRESENT


@given(snapshots())
def test_a_loss_is_never_said_of_what_was_not_confirmed(snapshot: Snapshot) -> None:
    lost = {digest for (_, digest), seen in snapshot.sightings.items() if seen.state in GONE}
    lost |= {root.digest for root in snapshot.roots if root.sighting.state in GONE and root.digest}
    lost |= {each.digest for found in snapshot.diff_id_mismatches.values() for each in found}
    for verdict in judge(snapshot, {}).verdicts:
        for child in verdict.children:
            if child.state in GONE:
                named = {lack.digest for lack in child.lacks if lack.state in GONE}
                assert named
                assert named <= lost
        if verdict.state in GONE:
            told = any(child.state in GONE for child in verdict.children)
            assert told or verdict.lacking_platforms


@given(snapshots())
def test_a_tag_that_cannot_be_resolved_is_never_present(snapshot: Snapshot) -> None:
    for verdict in judge(snapshot, {}).verdicts:
        if verdict.root.sighting.state is not State.PRESENT:
            assert verdict.state is not State.PRESENT


@given(snapshots())
def test_nothing_is_found_in_a_pull_through_cache(snapshot: Snapshot) -> None:
    report = judge(snapshot, {})
    if snapshot.role is Role.PROXY:
        assert not report.findings
        assert {verdict.state for verdict in report.verdicts} <= {State.UNKNOWN, State.PRESENT}


@given(snapshots())
def test_no_tag_points_here_is_said_only_under_a_seal(snapshot: Snapshot) -> None:
    report = judge(snapshot, {})
    if not snapshot.sealed:
        assert all(child.protected_by != () for each in report.verdicts for child in each.children)
        assert "unprotected-child" not in {each.rule.code for each in report.findings}


@given(snapshots())
def test_content_that_is_looked_at_together_is_judged_as_each_blob_alone(seen: Snapshot) -> None:
    for verdict in judge(seen, {}).verdicts:
        views = View.of(seen, APP), View(seen, APP)
        for child in verdict.children:
            if child.digest is None:
                continue
            leaf = Leaf(child.digest, child.platform, child.kind)
            together, alone = (
                assess(
                    view,
                    leaf,
                    required_by=child.required_by,
                    expected=child.expected,
                    protected_by=child.protected_by,
                    risk=child.risk,
                )
                for view in views
            )
            assert together == alone


@given(snapshots(), snapshots())
def test_what_two_reports_say_alike_is_held_once_and_nothing_else(
    before: Snapshot, now: Snapshot
) -> None:
    earlier = judge(before, {})

    fresh = judge(now, {})
    shared = judge(now, {}, before=earlier)

    assert shared == fresh
    known = {id(each): each for each in earlier.tags}
    for each in shared.tags:
        alike = each in earlier.tags
        assert (id(each) in known) is alike
