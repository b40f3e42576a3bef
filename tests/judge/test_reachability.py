"""What runs is compared with its tag, and "no tag leads to it" is said only with proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge
from tests import worlds
from tests.fakes import use
from tests.judge.scene import APP, BLIND, Scene, scene

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.oci.digest import Digest

NOW, OLD = worlds.two_platforms("now"), worlds.two_platforms("old")
AMD64 = OLD.children[0]
OTHER = worlds.image("somebody else's")
MOVED, BARE = "moved-tag", "unprotected-image"
LIVE, WARNS, TELLS = ReferenceClass.LIVE, "warning", "info"


def found(seen: Scene, *running: Digest, name: str = "app:v1", **other: object) -> list[Finding]:
    """What both checks say where `app:v1` runs as these digests."""
    uses = (use(name, running=frozenset(running)),)
    report = judge(seen.snapshot(uses=uses, **other), {})
    return [each for each in report.findings if each.rule.code in (MOVED, BARE)]


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.rule.code, each.severity.value) for each in findings]


@pytest.mark.parametrize(
    "digest",
    [NOW.digest, NOW.children[1].digest, NOW.children[1].config.digest],
    ids=["index", "image", "configuration"],
)
def test_what_runs_is_the_tags_as_its_index_its_image_or_its_configuration(digest: Digest) -> None:
    assert found(scene(NOW).seal(), digest) == []


@pytest.mark.parametrize("running", [OLD, AMD64, AMD64.config], ids=["index", "image", "config"])
def test_a_tag_that_moved_on_is_told_with_the_tag_that_still_leads_to_what_runs(
    running: worlds.Made | worlds.Blob,
) -> None:
    seen = scene(NOW).tag(OLD, "v0", kind=ReferenceClass.SELECTED)
    (moved,) = found(seen, running.digest)

    assert (moved.rule.code, moved.severity, moved.digest) == (MOVED, TELLS, running.digest)
    assert moved.detail == (
        f"{running.digest.short} is running, but the tag now references {NOW.digest.short}; "
        "tag v0 still references it"
    )


def test_what_runs_and_no_tag_leads_to_any_more_is_a_warning() -> None:
    moved, bare = found(scene(NOW).seal(), OLD.digest)

    assert (moved.severity, bare.severity) == (WARNS, WARNS)
    assert moved.detail.endswith("; no tag references it any more")
    assert (bare.digest, bare.detail) == (OLD.digest, "it is running, but no tag references it")


def test_a_digest_of_which_nobody_knows_what_it_is_may_be_a_configuration() -> None:
    """The collector of distribution 2 takes no configuration of an image that it keeps."""
    seen = scene(NOW).seal(v9=worlds.image("never looked into").digest)
    running = OTHER.config.digest

    (moved,) = found(seen, running, collector=Collector.DISTRIBUTION_2)
    assert (moved.rule.code, moved.severity) == (MOVED, TELLS)


def unread(seen: Scene, *digests: Digest) -> Scene:
    """These were lost before anybody had read them."""
    for digest in digests:
        del seen.lose(digest).manifests[digest]
    return seen


@pytest.mark.parametrize(
    "seen",
    [
        scene(NOW),
        scene(NOW).seal(v9=worlds.image("never looked into").digest),
        unread(scene(NOW).tag(OLD, "v0").seal(), OLD.children[0].digest),
        scene(NOW).tag(OTHER, "v0", seen=BLIND),
    ],
    ids=["not all tags are known", "one was not looked into", "part was never read", "blind"],
)
def test_without_proof_it_is_not_said_what_leads_to_it(seen: Scene) -> None:
    (moved,) = found(seen, OTHER.config.digest)

    assert (moved.rule.code, moved.severity) == (MOVED, TELLS)
    assert moved.detail.endswith("; whether another tag references it is unknown")


def test_a_tag_below_which_something_was_never_read_may_still_lead_to_what_runs() -> None:
    seen = unread(scene(NOW).seal(), NOW.children[1].digest)

    assert found(seen, worlds.image("who knows").config.digest) == []


def test_a_tag_that_cannot_be_resolved_has_not_moved() -> None:
    assert found(scene(NOW, seen=BLIND).seal(), OLD.digest) == []


@pytest.mark.parametrize("kind", [each for each in ReferenceClass if each is not LIVE])
def test_only_what_is_live_has_moved_or_is_bare(kind: ReferenceClass) -> None:
    assert found(scene(NOW, kind=kind).seal(), OLD.digest) == []
    assert found(scene(OLD, None, kind=kind).seal(v1=NOW.digest)) == []


@pytest.mark.parametrize("kind", [each for each in ReferenceClass if each is not LIVE])
def test_nor_beside_something_that_is_live(kind: ReferenceClass) -> None:
    seen = scene(NOW, kind=kind).tag(OTHER, None).tag(OLD.children[1], None, kind=kind).seal()

    (bare,) = found(seen, OLD.digest)
    assert (bare.rule.code, bare.digest) == (BARE, OTHER.digest)


def test_a_cache_is_not_asked_what_it_holds() -> None:
    assert found(scene(NOW).seal(), OLD.digest, role=Role.PROXY) == []


class TestPinned:
    """Somebody pins a digest: is there a tag that leads to it?"""

    def codes(self, seen: Scene, collector: Collector = Collector.UNKNOWN) -> list[str]:
        said = found(seen, name=f"app@{OLD.digest}", collector=collector)
        return [f"{each.rule.code} {each.severity}" for each in said]

    def test_one_that_no_tag_leads_to_is_told(self) -> None:
        seen = scene(OLD, None).tag(NOW, "latest").seal()

        assert self.codes(seen) == ["unprotected-image warning"]
        assert self.codes(seen, Collector.NONE) == ["unprotected-image info"]

    def test_one_that_is_gone_is_missing_and_has_nothing_left_to_protect(self) -> None:
        seen = scene(OLD, None).tag(NOW, "latest").seal().lose(OLD.digest)

        assert self.codes(seen) == []

    def test_a_tag_keeps_it_straight_or_through_an_index(self) -> None:
        assert self.codes(scene(OLD, None).tag(OLD, "v0").seal()) == []
        assert self.codes(scene(OLD, None).tag(worlds.index(OLD), "all").seal()) == []

    def test_a_tag_that_was_not_looked_into_may_lead_to_it(self) -> None:
        seen = scene(OLD, None).seal(v9=worlds.image("never looked into").digest)

        assert self.codes(seen) == []
        assert self.codes(seen, Collector.DISTRIBUTION_3) == []

    def test_a_collector_that_follows_no_index_takes_it_all_the_same(self) -> None:
        seen = scene(OLD, None).seal(v9=worlds.image("never looked into").digest)

        assert self.codes(seen, Collector.DISTRIBUTION_2) == ["unprotected-image warning"]

    def test_without_a_seal_nothing_is_said(self) -> None:
        for collector in Collector:
            assert self.codes(scene(OLD, None).tag(NOW, "latest"), collector) == []

    def test_another_repository_keeps_nothing_here(self) -> None:
        seen = scene(OLD, None).seal()
        elsewhere = {**seen.sealed, "other": scene(OLD).seal().sealed[APP]}

        said = found(seen, name=f"app@{OLD.digest}", sealed=elsewhere)
        assert codes(said) == [(BARE, WARNS)]
