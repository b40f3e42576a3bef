"""What a cleanup meant to do stands apart from what it broke; what was not seen is neither."""

from __future__ import annotations

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import State
from exporter.facts.snapshot import Sealed
from exporter.facts.use import ReferenceClass
from exporter.judge.change import ChangeKind, Diff, DiffOutcome, compare
from exporter.judge.judgement import judge
from exporter.judge.plans.deletion import intended, parse_deletion
from tests.fakes import use
from tests.judge.scene import APP, BLIND, LOST, Scene, scene
from tests.worlds import attestation, image, index, two_platforms

BOTH = two_platforms("app")
AMD64, ARM64 = BOTH.children
OTHER = index(AMD64, image("other", "linux/arm64"))


IDLE = ReferenceClass.IDLE


def change(old: Scene, new: Scene, *names: str, **other: object) -> Diff:
    """Compare two looks; the removal of these references or patterns is intended."""
    deletions = [found for name in names if (found := parse_deletion(name))]
    return compare(
        judge(old.snapshot(), {}), judge(new.snapshot(**other), {}), intended(deletions, names)
    )


def said(found: Diff) -> dict[str, str]:
    return {str(each.verdict.root.name): str(each.kind) for each in found.shifts}


def two() -> Scene:
    return scene(BOTH).tag(OTHER, "v2")


def test_nothing_changed_is_nothing_broke() -> None:
    found = change(two().seal(), two().seal())

    assert (found.shifts, found.exposed, found.protected) == ((), (), ())
    assert found.outcome is DiffOutcome.NOTHING_BROKE


def test_a_removed_tag_is_intended_and_the_child_it_took_along_is_collateral() -> None:
    """Scenario 21: v1 and v2 share a child; v1 went, with every child of it."""
    before = scene(BOTH, kind=IDLE).tag(OTHER, "v2").seal()
    after = scene(OTHER, "v2").lose(AMD64.digest).seal()

    found = change(before, after, "app:v1")

    assert said(found) == {"v1": "removed", "v2": "broken"}
    (broken,) = found.of(ChangeKind.BROKEN)
    assert [child.digest for child in broken.children] == [AMD64.digest]
    assert found.outcome is DiffOutcome.COLLATERAL


def test_a_repository_that_was_not_seen_has_lost_nothing() -> None:
    gap = Gap(Scope.REPOSITORY, "app", Reason.DENIED)

    found = change(two().seal(), Scene(), gaps=(gap,))

    assert said(found) == {"v1": "not-seen", "v2": "not-seen"}
    assert found.outcome is DiffOutcome.UNTOLD


def test_only_what_the_user_names_as_intended_was_removed_and_the_rest_is_gone() -> None:
    before = scene(BOTH, kind=IDLE).tag(OTHER, "pr-1", kind=IDLE).tag(OTHER, "pr-2", kind=IDLE)
    named = {
        "app:v1": "v1",
        "app:pr-*": "pr-1 pr-2",
        f"app@{OTHER.digest}": "pr-1 pr-2",
        f"app:pr-1@{OTHER.digest}": "pr-1",
        f"app:pr-1@{BOTH.digest}": "",
        "other:v1": "",
        "": "",
    }

    for name, tags in named.items():
        found = change(before.seal(), Scene(sealed={APP: Sealed({})}), name)
        removed = {tag for tag, kind in said(found).items() if kind == "removed"}
        gone = {tag for tag, kind in said(found).items() if kind == "gone"}
        assert removed == set(tags.split()), name
        assert removed | gone == {"v1", "pr-1", "pr-2"}
        assert found.outcome is DiffOutcome.NOTHING_BROKE


@pytest.mark.parametrize("names", [(), ("app:v1",)])
def test_a_live_reference_to_something_gone_is_broken(names: tuple[str, ...]) -> None:
    found = change(scene(BOTH).seal(), Scene(sealed={APP: Sealed({})}), *names)

    assert said(found) == {"v1": "broken"}
    assert found.outcome is DiffOutcome.COLLATERAL


def test_what_nothing_live_uses_any_more_is_gone_and_not_broken() -> None:
    elsewhere = (use("r.example/other:v1"),)

    found = change(scene(BOTH).seal(), Scene(sealed={APP: Sealed({})}), uses=elsewhere)

    assert said(found) == {"v1": "gone"}
    unread = (Gap(Scope.REFERENCES, "cluster", Reason.TIMEOUT),)
    found = change(scene(BOTH).seal(), Scene(sealed={APP: Sealed({})}), uses=elsewhere, gaps=unread)
    assert said(found) == {"v1": "broken"}


def test_a_layer_that_was_not_compared_hides_no_loss() -> None:
    gap = Gap(Scope.CONTENT, "app@x", Reason.UNSUPPORTED)

    assert change(two().seal(), two().seal(), gaps=(gap,)).outcome is DiffOutcome.NOTHING_BROKE


def test_a_dangling_tag_is_not_taken_for_a_removed_one() -> None:
    after = scene(OTHER, "v2").seal()

    found = change(two().seal(), after, listed={APP: 2})

    assert said(found) == {"v1": "not-seen"}


def test_a_tag_that_stands_and_leads_nowhere_is_broken() -> None:
    found = change(scene(BOTH).seal(), Scene().nothing("v1", LOST))

    assert said(found) == {"v1": "broken"}


def test_a_push_in_the_window_is_new_and_not_suspicious() -> None:
    """Scenario 22: a tag that was pushed between two looks."""
    found = change(scene(BOTH).seal(), two().seal())

    assert said(found) == {"v2": "added"}
    assert found.outcome is DiffOutcome.NOTHING_BROKE


def test_a_tag_that_was_not_looked_at_before_is_not_called_new() -> None:
    assert said(change(scene(BOTH), two().seal())) == {"v2": "first-seen"}


def test_a_new_tag_whose_child_was_swept_is_collateral() -> None:
    found = change(scene(BOTH).seal(), two().lose(OTHER.children[1].digest).seal())

    assert said(found) == {"v2": "broken"}
    assert found.outcome is DiffOutcome.COLLATERAL


def test_what_was_never_seen_well_is_not_blamed_on_the_change() -> None:
    before = scene(BOTH).turn(BLIND, ARM64.digest).seal()

    found = change(before, scene(BOTH).lose(ARM64.digest).seal())

    assert said(found) == {"v1": "found-broken"}
    assert found.outcome is DiffOutcome.UNTOLD


def test_what_was_broken_before_is_no_damage_of_the_change() -> None:
    broken = scene(BOTH).lose(ARM64.digest).seal()

    assert change(broken, broken).outcome is DiffOutcome.NOTHING_BROKE


def test_what_cannot_be_seen_now_is_not_told() -> None:
    found = change(scene(BOTH).seal(), scene(BOTH).turn(BLIND, ARM64.digest).seal())

    assert said(found) == {"v1": "not-seen"}
    assert found.outcome is DiffOutcome.UNTOLD


def test_a_healed_tag_is_told() -> None:
    found = change(scene(BOTH).lose(ARM64.digest).seal(), scene(BOTH).seal())

    (healed,) = found.of(ChangeKind.HEALED)
    assert [child.digest for child in healed.children] == [ARM64.digest]


def test_a_moved_tag_is_told_and_is_well() -> None:
    found = change(scene(BOTH).seal(), scene(OTHER).seal())

    assert said(found) == {"v1": "moved"}
    assert found.outcome is DiffOutcome.NOTHING_BROKE


def test_a_lost_attestation_is_damage_though_nothing_runs_it() -> None:
    made = index(AMD64, attestation(AMD64))

    found = change(scene(made).seal(), scene(made).lose(made.children[1].digest).seal())

    (broken,) = found.of(ChangeKind.BROKEN)
    assert [child.required for child in broken.children] == [False]


def test_protection_that_was_lost_or_gained_is_told() -> None:
    bare, kept = scene(BOTH).seal(), scene(BOTH).seal(keep=AMD64.digest)

    assert [need.digest for need in change(kept, bare).exposed] == [AMD64.digest]
    assert [need.digest for need in change(bare, kept).protected] == [AMD64.digest]
    assert change(kept, bare).outcome is DiffOutcome.NOTHING_BROKE


def test_a_digest_that_nobody_pins_any_more_was_not_removed() -> None:
    pinned = scene(BOTH, None, kind=ReferenceClass.LIVE).seal()

    assert change(pinned, Scene().seal()).shifts == ()
    assert pinned.verdict().state is State.PRESENT


def test_a_platform_that_a_new_node_wants_is_no_damage_of_the_cleanup() -> None:
    only = index(AMD64)
    before = scene(only, admitted=["linux/amd64", "linux/arm64"]).seal()
    after = scene(only, admitted=["linux/s390x", "linux/arm64"]).seal()

    found = change(before, after)

    assert (said(found), found.outcome) == ({"v1": "found-broken"}, DiffOutcome.UNTOLD)
