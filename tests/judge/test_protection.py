"""What keeps a child of a tagged index, and what `protect` plans for it, follows the kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.registry_kind import ChildRemoval, Collector, RegistryKind
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge
from exporter.judge.keep_tags import KeepTagPlan, plan_keep_tags
from exporter.judge.protection import Risk
from exporter.oci.reference import Tag
from tests import worlds
from tests.judge.kinds import ANY, GITEA, HARBOR, QUAY, ZOT
from tests.judge.scene import APP, Scene, scene

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.oci.digest import Digest

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
INNER = worlds.two_platforms("inner")
NESTED = worlds.index(INNER, worlds.image("single"))
LIVE, SELECTED = ReferenceClass.LIVE, ReferenceClass.SELECTED


def of(kind: RegistryKind, **other: Any) -> dict[str, Any]:
    return {"kind": kind, "collector": kind.collector, **other}


def told(seen: Scene, kind: RegistryKind, code: str = "unprotected-child") -> list[Finding]:
    return [each for each in seen.findings(**of(kind)) if each.rule.code == code]


def planned(seen: Scene, kind: RegistryKind, **other: Any) -> KeepTagPlan:
    report = judge(seen.snapshot(**of(kind, **other)), {})
    return plan_keep_tags(report, SELECTED, "keep")


def wanted(seen: Scene, kind: RegistryKind, **other: Any) -> set[Digest]:
    return {each.digest for each in planned(seen, kind, **other).wanted}


@pytest.mark.parametrize("kind", [ZOT, GITEA, HARBOR, QUAY], ids=str)
def test_an_untagged_child_of_a_tagged_index_is_kept(kind: RegistryKind) -> None:
    seen = scene(INDEX).seal()

    assert told(seen, kind) == []
    plan = planned(seen, kind)
    assert (plan.wanted, plan.doubtful, plan.protected) == ((), (), 2)


@pytest.mark.parametrize("kind", [ZOT, GITEA], ids=str)
def test_a_child_with_one_tag_is_lost_when_that_is_pushed_anew(kind: RegistryKind) -> None:
    seen = scene(INDEX).seal(**{"v1-arm64": ARM64.digest})

    (finding,) = told(seen, kind)
    assert (finding.digest, str(finding.severity)) == (ARM64.digest, "warning")
    assert finding.detail.startswith("kept by its tag v1-arm64 alone: a push that moves it")
    assert ("cleanup" in finding.detail) is (kind is GITEA)
    assert wanted(seen, kind) == {ARM64.digest}


@pytest.mark.parametrize("kind", [HARBOR, QUAY], ids=str)
def test_elsewhere_a_tag_of_its_own_endangers_no_child(kind: RegistryKind) -> None:
    seen = scene(INDEX).seal(**{"v1-arm64": ARM64.digest})

    assert told(seen, kind) == []
    assert wanted(seen, kind) == set()


@pytest.mark.parametrize("kind", [ZOT, GITEA], ids=str)
def test_a_second_tag_or_one_with_the_digest_in_it_keeps_a_child(kind: RegistryKind) -> None:
    """The keep tag of `protect` is one, so that a second run has nothing to do."""
    keep = f"keep-{ARM64.digest.encoded[:12]}"
    for tags in (["v1-arm64", "v2-arm64"], ["v1-arm64", keep], [keep]):
        seen = scene(INDEX).seal(**dict.fromkeys(tags, ARM64.digest))

        assert told(seen, kind) == []
        assert wanted(seen, kind) == set()


@pytest.mark.parametrize("kind", [ZOT, GITEA], ids=str)
def test_without_every_tag_nobody_knows_whether_a_second_one_keeps_it(kind: RegistryKind) -> None:
    seen = scene(INDEX).tag(ARM64, "v1-arm64")

    assert told(seen, kind) == []
    assert {each.digest for each in planned(seen, kind).doubtful} == {
        each.digest for each in (AMD64, ARM64)
    }


def test_where_children_are_kept_anyway_a_partial_list_leaves_no_doubt() -> None:
    plan = planned(scene(INDEX), HARBOR)

    assert (plan.wanted, plan.doubtful) == ((), ())


def test_in_quay_a_grandchild_without_a_tag_above_it_is_served_for_a_while_only() -> None:
    seen = scene(NESTED).seal()

    assert {each.digest for each in told(seen, QUAY)} == {each.digest for each in INNER.children}
    assert {str(each.severity) for each in told(seen, QUAY)} == {"warning"}
    assert wanted(seen, QUAY) == {INNER.digest}
    assert told(seen.seal(inner=INNER.digest), QUAY) == []
    assert wanted(seen, QUAY) == set()


def test_in_quay_nothing_is_claimed_while_a_tagged_index_is_unread() -> None:
    """It may hold the grandchild directly."""
    seen = scene(NESTED).seal(unread=worlds.image("unread").digest)

    assert told(seen, QUAY) == []
    assert {each.digest for each in planned(seen, QUAY).doubtful} == {
        each.digest for each in INNER.children
    }


@pytest.mark.parametrize("kind", [ZOT, GITEA], ids=str)
def test_a_pin_that_one_tag_names_goes_with_the_push_that_moves_it(kind: RegistryKind) -> None:
    seen = scene(AMD64, None).seal(v1=AMD64.digest)

    assert told(seen, kind) == []
    (finding,) = told(seen, kind, "unprotected-image")
    assert str(finding.severity) == "info"
    assert "v1" in finding.detail
    assert wanted(seen, kind) == {AMD64.digest}
    assert told(seen, HARBOR, "unprotected-image") == []
    assert wanted(seen, HARBOR) == set()


@pytest.mark.parametrize("kind", ANY, ids=str)
def test_a_pin_that_a_tagged_index_holds_needs_no_tag_where_children_are_kept(
    kind: RegistryKind,
) -> None:
    seen = scene(INDEX).tag(AMD64, None).seal()

    kept = kind.collector not in (Collector.UNKNOWN, Collector.DISTRIBUTION_2)
    assert (AMD64.digest not in wanted(seen, kind)) is kept


@pytest.mark.parametrize("kind", ANY, ids=str)
def test_where_nothing_is_collected_only_the_kind_removes(kind: RegistryKind) -> None:
    seen = scene(INDEX).seal(one=ARM64.digest)

    found = wanted(seen, kind, collector=Collector.NONE)
    assert found == ({ARM64.digest} if kind.belongs_to_tag else set())


@st.composite
def repositories(draw: st.DrawFn) -> Scene:
    """Tags on images, indexes and indexes of indexes that share what is below them."""
    leaves = [worlds.image(each) for each in "abc"]
    inner = [worlds.index(*draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=2)))]
    made = [*leaves, *inner]
    made.append(worlds.index(*draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))))
    seen = Scene()
    for name in draw(st.sets(st.sampled_from(["v1", "v2", "v3", "v4"]), min_size=1)):
        seen.tag(draw(st.sampled_from(made)), name, kind=SELECTED)
    return seen.seal()


def tags_of(seen: Scene) -> dict[Tag, Digest]:
    sealed = seen.sealed[APP]
    return {tag: digest for digest, tags in sealed.tags.items() for tag in tags}


def children(seen: Scene, digest: Digest) -> set[Digest]:
    manifest = seen.manifests[digest]
    return {each.digest for each in manifest.children} if manifest.is_index else set()


def below(seen: Scene, digest: Digest) -> set[Digest]:
    found = children(seen, digest)
    return found.union(*(below(seen, each) for each in found))


def lost(seen: Scene, tags: dict[Tag, Digest], kind: RegistryKind) -> set[Digest]:
    """What a registry of a kind drops below the tags that stay, by its rules as they were seen."""
    if ChildRemoval.UNTAGGED_PARENT in kind.removals:
        named = set(tags.values())
        held = named.union(*(children(seen, each) for each in named))
        return set().union(*(below(seen, each) for each in named)) - held
    dropped = set()
    for moved, digest in tags.items():
        rest = {tag: each for tag, each in tags.items() if tag != moved}
        stays = set().union(*(below(seen, each) for each in rest.values()))
        if digest not in rest.values() and digest in stays:
            dropped.add(digest)
    return dropped


@given(repositories(), st.sampled_from([ZOT, GITEA, QUAY, HARBOR]))
def test_its_tags_keep_all_that_the_registry_would_remove_and_each_is_needed(
    seen: Scene, kind: RegistryKind
) -> None:
    tags = tags_of(seen)
    removed = lost(seen, tags, kind) if kind.removals else set()
    plan = planned(seen, kind)
    added = {each.tag: each.digest for each in plan.wanted}

    assert plan.doubtful == ()
    endangered = {
        child.digest
        for verdict in plan.report.verdicts
        for child in verdict.children
        if child.risk.endangers
    }
    indexes = {each for verdict in plan.report.verdicts for each, _ in verdict.endangered}
    assert endangered | indexes == removed
    if not kind.removals:
        assert added == {}
        return
    # A keep tag is named by its digest, so that nobody moves it.
    assert not lost(seen, {**tags, **added}, kind) & removed
    for name in added:
        fewer = {tag: each for tag, each in added.items() if tag != name}
        assert lost(seen, {**tags, **fewer}, kind) & removed


def test_a_risk_is_proven_only_where_the_registry_is_known_to_remove() -> None:
    assert [each for each in Risk if each.endangers and not each.proven] == [Risk.UNCLEAR]
