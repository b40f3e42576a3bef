"""What a use of a lower class would pull is required for that class, and breaks nothing higher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.proof import State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role, Sealed
from exporter.facts.use import ReferenceClass
from exporter.judge.change import ChangeKind, compare
from exporter.judge.impact import users_of
from exporter.judge.judgement import judge
from exporter.judge.tag_report import impact_of
from exporter.judge.verdict import verdicts
from exporter.oci.platform import Platform
from tests import worlds
from tests.fakes import use, workload
from tests.judge.scene import APP, BLIND, LOST, SHORT, Scene, left_out, scene

if TYPE_CHECKING:
    from exporter.facts.use import Use
    from exporter.judge.tag_verdict import TagVerdict

PRESENT, BROKEN, UNKNOWN = State.PRESENT, State.BROKEN, State.UNKNOWN
LIVE, IDLE, ROLLBACK = ReferenceClass.LIVE, ReferenceClass.IDLE, ReferenceClass.ROLLBACK
INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
WEB = use("app:v1", "linux/amd64", workload=workload("Deployment", "shop/web"), alive=3)
"""Runs now, on amd64 alone."""
MIRROR: Final[dict[str, Any]] = {
    "role": Role.SPARSE,
    "platforms": frozenset({Platform("linux", "amd64")}),
}
SYNC = workload("CronJob", "shop/sync")
NOBODY_KNOWS = use("app:v1", reference_class=IDLE)


def idle(*platforms: str, kind: ReferenceClass = IDLE, **known: Any) -> Use:
    """A suspended CronJob, or what a rollback would start."""
    named = (f"linux/{each}" for each in platforms)
    return use("app:v1", *named, reference_class=kind, workload=SYNC, **known)


def live() -> Scene:
    """A tag that runs on amd64."""
    return scene(INDEX, "v1", "linux/amd64")


def judged(seen: Scene, *uses: Use, **other: Any) -> TagVerdict:
    (found,) = verdicts(seen.snapshot(uses=uses, **other))
    return found


def codes(seen: Scene, *uses: Use, **other: Any) -> list[tuple[str, str]]:
    return seen.codes(uses=uses, **other)


@pytest.mark.parametrize("kind", [IDLE, ROLLBACK, ReferenceClass.LATEST, ReferenceClass.SELECTED])
def test_what_a_lower_class_alone_would_pull_is_lost_to_it_and_to_nobody_live(
    kind: ReferenceClass,
) -> None:
    seen, uses = live().lose(ARM64.digest), (WEB, idle("arm64", kind=kind))

    found = judged(seen, *uses)

    assert (found.state, found.overall, found.failing) == (PRESENT, BROKEN, (kind,))
    assert codes(seen, *uses) == [("missing-child", "warning")]
    (finding,) = seen.findings(uses=uses)
    assert finding.required_by is kind
    assert finding.detail == (
        f"the manifest of the image linux/arm64 is missing; only {kind} uses need it"
    )
    assert [each.name for each in impact_of(found).users] == ["CronJob shop/sync (prod)"]


def test_hollow_content_weighs_the_same() -> None:
    uses = (WEB, idle("arm64"))

    assert codes(live().turn(SHORT, ARM64.config.digest), *uses) == [("broken-child", "warning")]


def test_where_it_merely_may_be_started_it_would_be_pulled_too() -> None:
    either = idle(admitted=["linux/amd64", "linux/arm64"])

    found = judged(live().lose(ARM64.digest), WEB, either)

    assert (found.state, found.failing) == (PRESENT, (IDLE,))


def test_a_platform_that_only_a_lower_class_needs_is_lacking_for_it() -> None:
    seen, uses = live(), (WEB, idle("s390x"))

    found = judged(seen, *uses)

    assert (found.state, found.overall, found.failing) == (PRESENT, BROKEN, (IDLE,))
    assert codes(seen, *uses) == [("missing-platform", "warning")]
    assert [str(each) for each in found.lacking_platforms] == ["linux/s390x"]
    assert [each.name for each in impact_of(found).users] == ["CronJob shop/sync (prod)"]


def test_what_is_live_is_hit_where_both_need_it() -> None:
    seen, uses = live().lose(AMD64.digest), (WEB, idle("amd64"))

    found = judged(seen, *uses)

    assert (found.state, found.failing) == (BROKEN, (LIVE,))
    assert codes(seen, *uses) == [("missing-child", "critical")]
    assert len(impact_of(found).users) == 2


def test_each_loss_has_the_class_that_it_hits() -> None:
    seen = live().lose(AMD64.digest, ARM64.digest)
    uses = WEB, idle("arm64", kind=ROLLBACK), idle("arm64")

    found = judged(seen, *uses)

    assert (found.state, found.failing) == (BROKEN, (LIVE, IDLE))
    assert codes(seen, *uses) == [("missing-child", "critical"), ("missing-child", "warning")]


def test_who_does_not_say_where_it_runs_makes_nothing_required_of_a_live_tag() -> None:
    seen = live().lose(ARM64.digest)

    found = judged(seen, WEB, NOBODY_KNOWS)

    assert (found.overall, found.failing, impact_of(found).users) == (PRESENT, (), ())
    assert codes(seen, WEB, NOBODY_KNOWS) == [("missing-child", "info")]


def test_who_does_not_say_where_it_runs_is_not_hit_by_what_others_of_its_class_lost() -> None:
    found = judged(live().lose(ARM64.digest), WEB, NOBODY_KNOWS, idle("arm64"))

    assert [each.name for each in impact_of(found).users] == ["CronJob shop/sync (prod)"]


def test_what_a_lower_class_needs_and_nobody_could_see_is_unknown_to_it_alone() -> None:
    seen = live().turn(BLIND, ARM64.digest)

    found = judged(seen, WEB, idle("arm64"))

    assert (found.state, found.overall, found.failing) == (PRESENT, UNKNOWN, ())


def test_a_loss_to_a_lower_class_is_told_on_where_the_tag_cannot_be_resolved() -> None:
    seen = scene(INDEX, "v1", "linux/amd64", seen=BLIND).lose(ARM64.digest)

    found = judged(seen, WEB, idle("arm64"))

    assert (found.state, found.overall, found.failing) == (UNKNOWN, BROKEN, (IDLE,))
    assert judged(seen, WEB).overall is UNKNOWN


def test_a_platform_that_is_lacking_is_told_on_where_the_tag_cannot_be_resolved() -> None:
    seen = scene(INDEX, "v1", "linux/s390x", seen=BLIND)

    assert (judged(seen).state, seen.codes()) == (BROKEN, [("missing-platform", "critical")])
    assert judged(scene(INDEX, "v1", "linux/amd64", seen=BLIND), WEB, idle("s390x")).failing == (
        IDLE,
    )


def test_what_a_mirror_leaves_out_is_no_doubt_to_who_does_not_say_where_it_runs() -> None:
    found = judged(scene(INDEX), NOBODY_KNOWS, **MIRROR)

    assert (found.state, found.overall) == (PRESENT, PRESENT)


def test_what_no_platform_pulls_fails_its_own_class_where_it_is_gone() -> None:
    signature = worlds.signature(INDEX)
    seen = scene(signature, worlds.signature_tag(INDEX)).lose(signature.digest)

    assert (judged(seen).children[0].required, judged(seen).failing) == (False, (LIVE,))


def test_what_somebody_runs_is_needed_though_its_tag_looks_like_a_signature_s() -> None:
    name = worlds.fallback_tag(AMD64)
    runs = use(f"app:{name}", "linux/arm64")
    seen = scene(INDEX, name, "linux/arm64").lose(ARM64.digest)

    assert (judged(seen, runs).state, codes(seen, runs)) == (
        BROKEN,
        [("missing-child", "critical")],
    )
    somewhere = use(f"app:{name}")
    all_of_it = scene(INDEX, name).lose(AMD64.digest)
    assert codes(all_of_it, somewhere) == [("missing-child", "critical")]
    assert codes(Scene().nothing(name, LOST), runs) == [("missing-child", "critical")]
    assert (judged(seen).state, codes(seen)) == (PRESENT, [("missing-child", "info")])


def test_a_pull_through_cache_promises_a_lower_class_nothing() -> None:
    found = judged(live().lose(ARM64.digest), WEB, idle("arm64", "s390x"), role=Role.PROXY)

    assert (found.overall, found.failing, found.lacking) == (UNKNOWN, (), ())


def test_what_a_mirror_leaves_out_is_a_warning_to_a_lower_class_too() -> None:
    uses = (WEB, idle("arm64"))

    found = judged(live(), *uses, **MIRROR)

    assert left_out(found) == ("linux/arm64",)
    assert codes(live(), *uses, **MIRROR) == [("missing-platform", "warning")]


def test_what_only_a_lower_class_needs_is_no_risk_to_what_is_live() -> None:
    seen = live().seal()

    found = codes(seen, WEB, idle("arm64"), collector=Collector.DISTRIBUTION_2)

    assert found == [("unprotected-child", "warning"), ("unprotected-child", "info")]


def test_nobody_s_silence_hides_what_another_says_that_it_lacks() -> None:
    """Of one live use nothing is known, so everything offered is needed; the other one's node is
    of a platform that is not offered."""
    silent = use("app:v1")
    seen = scene(INDEX)

    found = judged(seen, silent, use("app:v1", "linux/s390x", workload=SYNC))

    assert (found.state, found.failing) == (BROKEN, (LIVE,))
    assert [str(each) for each in found.lacking_platforms] == ["linux/s390x"]


def test_what_can_run_nowhere_lacks_all_though_another_one_runs() -> None:
    nowhere = use("app:v1", admitted=["linux/s390x", "linux/riscv64"], workload=SYNC)
    seen = scene(INDEX, "v1", "linux/amd64", admitted=["linux/s390x", "linux/riscv64"])

    found = judged(seen, WEB, nowhere)

    assert (found.state, found.not_offered) == (BROKEN, ())
    assert [str(each) for each in found.lacking_platforms] == ["linux/riscv64", "linux/s390x"]
    assert [each.name for each in impact_of(found).users] == ["CronJob shop/sync (prod)"]


def test_a_workload_that_would_go_back_to_other_nodes_counts_twice() -> None:
    back = use("app:v1", "linux/arm64", reference_class=ROLLBACK, workload=WEB.workload)
    same = use("app:v1", "linux/amd64", reference_class=ROLLBACK, workload=WEB.workload)
    found = judged(live().lose(ARM64.digest), WEB, back, same)

    now, then = users_of(found.uses)

    assert (now.reference_class, then.reference_class) == (LIVE, ROLLBACK)
    assert list(impact_of(found).affects((now, then))) == [(now, False), (then, True)]


def test_a_use_that_came_later_is_no_damage_of_the_change() -> None:
    old = judge(live().snapshot(uses=(WEB,)), {})
    new = judge(live().snapshot(uses=(WEB, idle("s390x"))), {})

    (found,) = compare(old, new).shifts
    (again,) = compare(new, old).shifts

    assert (found.kind, again.kind) == (ChangeKind.FOUND_BROKEN, ChangeKind.HEALED)


def test_a_platform_that_is_no_longer_offered_is_damage_to_a_lower_class() -> None:
    uses = (WEB, idle("arm64"))
    smaller = scene(worlds.index(AMD64), "v1", "linux/amd64")

    found = compare(judge(live().snapshot(uses=uses), {}), judge(smaller.snapshot(uses=uses), {}))

    assert [each.kind for each in found.shifts] == [ChangeKind.BROKEN, ChangeKind.MOVED]


def test_it_is_damage_too_where_another_use_went_in_between() -> None:
    smaller = scene(worlds.index(AMD64), "v1", "linux/amd64")
    before = judge(live().snapshot(uses=(WEB, idle("arm64"), idle("amd64", "arm64"))), {})

    found = compare(before, judge(smaller.snapshot(uses=(WEB, idle("arm64"))), {}))

    assert [each.kind for each in found.shifts] == [ChangeKind.BROKEN, ChangeKind.MOVED]


def test_what_a_gone_index_may_have_lacked_all_along_is_no_damage() -> None:
    nested = worlds.index(ARM64)
    uses = (WEB, idle("arm64"))
    hidden = scene(worlds.index(AMD64, nested), "v1", "linux/amd64").lose(nested.digest)
    smaller = scene(worlds.index(AMD64), "v1", "linux/amd64")
    before = judge(hidden.snapshot(uses=uses), {})

    found = compare(before, judge(smaller.snapshot(uses=uses), {}))

    assert before.verdicts[0].state is PRESENT
    assert [each.kind for each in found.shifts] == [ChangeKind.FOUND_BROKEN, ChangeKind.MOVED]


def test_a_new_tag_that_lacks_what_a_lower_class_needs_is_damage() -> None:
    uses = (WEB, idle("s390x"))

    found = compare(
        judge(Scene().snapshot(sealed={APP: Sealed({})}), {}), judge(live().snapshot(uses=uses), {})
    )

    assert [each.kind for each in found.shifts] == [ChangeKind.BROKEN]


_CLASSES: Final = st.sampled_from(ReferenceClass)
_NAMES: Final = st.sets(st.sampled_from(("amd64", "arm64", "s390x")))


@given(
    _NAMES,
    st.lists(st.tuples(_CLASSES, _NAMES, _NAMES)),
    st.sets(st.sampled_from((AMD64.digest, ARM64.digest))),
)
def test_nobody_less_important_changes_what_is_live(
    runs: set[str], others: list[tuple[ReferenceClass, set[str], set[str]]], lost: set[Any]
) -> None:
    """And nobody who comes makes a verdict milder."""
    named = [f"linux/{each}" for each in sorted(runs)]
    seen = scene(INDEX, "v1", *named).lose(*lost)
    uses = [idle(*each, kind=kind, admitted=[f"linux/{x}" for x in more])
            for kind, each, more in others if kind is not LIVE]  # fmt: skip

    alone, together = judged(seen), judged(seen, *uses)

    assert together.state is alone.state
    assert (LIVE in together.failing) is (LIVE in alone.failing)
    assert set(alone.failing) <= set(together.failing)
    critical = [each for each in codes(seen, *uses) if each[1] == "critical"]
    assert critical == [each for each in codes(seen) if each[1] == "critical"]
