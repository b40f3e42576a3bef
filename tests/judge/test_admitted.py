"""Where an image must run and where it may be started: what is needed of it, and what is a lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.proof import State
from exporter.facts.snapshot import Role
from exporter.facts.use import Nodes, ReferenceClass
from exporter.judge.choice import needed
from exporter.judge.leaves import Leaf
from exporter.judge.tag_verdict import ChildKind
from exporter.oci.platform import Platform
from tests import worlds
from tests.judge.scene import BLIND, Scene, left_out, scene

if TYPE_CHECKING:
    from exporter.judge.tag_verdict import TagVerdict

MANY = worlds.index(*(worlds.image("app", f"linux/{each}") for each in ("amd64", "arm64", "386")))
AMD64, ARM64, I386 = MANY.children
ONE = worlds.index(AMD64)
BROKEN, PRESENT, UNKNOWN = State.BROKEN, State.PRESENT, State.UNKNOWN
LACKS, ELSEWHERE = ("missing-platform", "critical"), ("platform-not-offered", "warning")
LOST, MAY, UNNEEDED = (
    ("missing-child", "critical"),
    ("missing-child", "warning"),
    ("missing-child", "info"),
)
MIRROR: Final[dict[str, Any]] = {
    "role": Role.SPARSE,
    "platforms": frozenset({Platform("linux", "amd64")}),
}

Case = tuple[str, str, str, worlds.Made, list[worlds.Made], State, list[tuple[str, str]]]
"""Why, where it must run and where it may, what is offered and lost, and what that means."""
CASES: list[Case] = [
    ("nobody knows, so all that it offers is needed", "", "", MANY, [ARM64], BROKEN, [LOST]),
    ("it runs there", "arm64", "", MANY, [ARM64], BROKEN, [LOST]),
    ("no node runs it and none would", "amd64", "", MANY, [ARM64], PRESENT, [UNNEEDED]),
    ("it may be started there next", "amd64", "arm64", MANY, [ARM64], BROKEN, [MAY]),
    ("nothing runs yet", "", "amd64 arm64", MANY, [ARM64], BROKEN, [MAY]),
    ("nothing runs, and it can start nowhere", "", "amd64 arm64", MANY, [AMD64, ARM64], BROKEN,
     [LOST, LOST]),
    ("it is admitted elsewhere only", "", "amd64 s390x", MANY, [ARM64], PRESENT,
     [UNNEEDED, ELSEWHERE]),
    ("it runs where nothing is offered", "arm64", "", ONE, [], BROKEN, [LACKS]),
    ("it runs, and nothing keeps it from arm64", "amd64", "arm64", ONE, [], PRESENT, [ELSEWHERE]),
    ("nothing runs, and amd64 is enough", "", "amd64 arm64", ONE, [], PRESENT, [ELSEWHERE]),
    ("it can run nowhere", "", "arm64 s390x", ONE, [], BROKEN, [LACKS, LACKS]),
    ("it runs where it cannot be, and may be started elsewhere", "arm64", "amd64", ONE, [], BROKEN,
     [LACKS]),
    ("it must run and is admitted there", "arm64", "arm64", ONE, [], BROKEN, [LACKS]),
    ("an older platform would do", "", "amd64/v3 arm64", MANY, [ARM64], BROKEN, [MAY]),
    ("the chosen one is enough", "", "amd64/v3 arm64", MANY, [I386], PRESENT, [UNNEEDED]),
    ("what is offered is lost, and the rest is not offered", "", "amd64 s390x", ONE, [AMD64],
     BROKEN, [LOST, ELSEWHERE]),
]  # fmt: skip


def named(words: str) -> tuple[str, ...]:
    return tuple(f"linux/{word}" for word in words.split())


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_what_is_needed_and_what_is_a_lack(case: Case) -> None:
    _, must, may, made, lost, state, codes = case
    seen = scene(made, "v1", *named(must), admitted=named(may)).lose(*(x.digest for x in lost))

    assert seen.verdict().state is state
    assert seen.codes() == codes


def test_what_cannot_be_seen_of_an_admitted_platform_is_unknown() -> None:
    seen = scene(MANY, "v1", "linux/amd64", admitted=["linux/arm64"]).turn(BLIND, ARM64.digest)

    assert (seen.verdict().state, seen.codes()) == (UNKNOWN, [])


def test_a_gone_nested_index_may_have_offered_what_is_not_there() -> None:
    nested = worlds.index(ARM64)
    made = worlds.index(AMD64, nested)
    seen = scene(made, "v1", "linux/amd64", admitted=["linux/arm64"]).lose(nested.digest)

    assert (seen.verdict().state, seen.codes()) == (BROKEN, [MAY])
    assert seen.verdict().not_offered == ()


def test_what_is_not_offered_is_information_where_nothing_runs_it() -> None:
    for kind in ReferenceClass:
        seen = scene(ONE, "v1", "linux/amd64", admitted=["linux/arm64"], kind=kind)
        severity = "warning" if kind is ReferenceClass.LIVE else "info"
        assert seen.codes() == [("platform-not-offered", severity)]


def test_what_a_mirror_leaves_out_is_no_lack_where_it_may_only_be_started() -> None:
    seen = scene(MANY, "v1", "linux/amd64", admitted=["linux/arm64"])
    verdict = seen.verdict(**MIRROR)
    (finding,) = seen.findings(**MIRROR)

    assert (verdict.state, verdict.lacking_platforms) == (PRESENT, ())
    assert (finding.rule.code, finding.severity) == ELSEWHERE
    assert finding.detail.startswith("this mirror omits linux/arm64")


def test_a_mirror_that_leaves_out_all_on_which_it_may_be_started_is_a_lack() -> None:
    seen = scene(MANY, "v1", admitted=["linux/arm64", "linux/arm/v7"])
    verdict = seen.verdict(**MIRROR)

    assert verdict.state is BROKEN
    assert left_out(verdict) == ("linux/arm64",)
    assert seen.codes(**MIRROR) == [LACKS, ("missing-platform", "warning")]


def test_what_lacks_for_a_node_that_must_run_it_is_not_told_twice() -> None:
    seen = scene(MANY, "v1", "linux/amd64/v3", admitted=["linux/amd64"])
    other = {**MIRROR, "platforms": frozenset({Platform("linux", "arm64")})}

    assert seen.codes(**other) == [("missing-platform", "warning")]


def test_a_pull_through_cache_lacks_nothing_wherever_it_may_be_started() -> None:
    seen = scene(ONE, "v1", admitted=["linux/arm64", "linux/s390x"])
    verdict = seen.verdict(role=Role.PROXY)

    assert (verdict.state, verdict.lacking_platforms, verdict.not_offered) == (UNKNOWN, (), ())


def test_a_chart_is_offered_everywhere() -> None:
    assert scene(worlds.chart("c"), "v1", admitted=["linux/arm64", "linux/amd64"]).codes() == []


KNOWN = [Platform.parse(f"linux/{each}") for each in ("amd64", "amd64/v3", "arm64", "386", "arm")]
SETS = st.frozensets(st.sampled_from(KNOWN))
LEAVES = st.lists(
    st.builds(
        Leaf,
        st.sampled_from([each.digest for each in (MANY, *MANY.children)]),
        st.none() | st.sampled_from(KNOWN),
        st.sampled_from(ChildKind),
    ),
    max_size=4,
).map(tuple)


def verdict_on(*uses: tuple[frozenset[Platform], frozenset[Platform]]) -> TagVerdict:
    """The verdict on a healthy `v1` that all these want."""
    nodes = Nodes(*uses[0])
    for each in uses[1:]:
        nodes |= Nodes(*each)
    platforms, admitted = (map(str, each) for each in (nodes.platforms, nodes.admitted))
    return Scene().tag(ONE, "v1", *platforms, admitted=admitted).verdict()


@given(LEAVES, SETS, SETS, SETS)
def test_more_admitted_platforms_never_make_a_required_child_optional(
    leaves: tuple[Leaf, ...],
    must: frozenset[Platform],
    may: frozenset[Platform],
    more: frozenset[Platform],
) -> None:
    root, every = scene(MANY).roots[0], set(range(len(leaves)))
    few, many = Nodes(must, may), Nodes(must, may | more)
    if not few.known:
        return

    before, after = (needed(each, root, leaves, every) for each in (few, many))
    assert before.pulled <= after.pulled
    assert set(before.lacking) - may <= set(after.lacking)
    assert not set(after.lacking) & set(after.not_offered)


@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=3), st.randoms())
def test_the_order_of_those_who_want_it_changes_nothing(
    uses: list[tuple[frozenset[Platform], frozenset[Platform]]], chance: Any
) -> None:
    mixed = chance.sample(uses, len(uses))

    assert verdict_on(*uses) == verdict_on(*mixed)
