"""What is looked at, once, under the highest class that somebody gives it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.use import Nodes, ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag
from exporter.resolve.scope import AuditScope, Promotion, WantedImage, merge, select
from tests.fakes import APP, use

if TYPE_CHECKING:
    from random import Random

    from exporter.facts.use import Use

LIVE, IDLE, SELECTED = (ReferenceClass(name) for name in ("live", "idle", "selected"))
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
S390X = Platform("linux", "s390x")
ONES = Digest.parse(f"sha256:{'1' * 64}")
TAGS = {APP: [Tag(name) for name in ("latest", "v1", "v2", "v2-rc1")]}


def chosen(scope: AuditScope, *uses: Use) -> dict[str, tuple[str, set[str]]]:
    """By tag: its class and platforms."""
    return {
        each.name: (each.reference_class.value, set(map(str, each.nodes.platforms)))
        for each in select(scope, TAGS, uses)
    }


def nodes(*uses: Use, require: frozenset[Platform] = frozenset()) -> Nodes:
    """On which platforms all these want `app:v1` together."""
    (wanted,) = select(AuditScope(latest=(), require=require), {}, uses)
    return wanted.nodes


def test_latest_is_always_looked_at_and_nothing_else_unless_told() -> None:
    assert chosen(AuditScope()) == {"latest": ("latest", set())}
    assert chosen(AuditScope(latest=("v*",))).keys() == {"v1", "v2", "v2-rc1"}


def test_patterns_select_tags_and_leave_some_out() -> None:
    scope = AuditScope(select=("v*",), leave_out_tags=("*-rc*",))

    assert chosen(scope).keys() == {"latest", "v1", "v2"}


def test_the_command_line_narrows_tags_whatever_their_class() -> None:
    promoted = Promotion("*", "v1", LIVE)
    scope = AuditScope(
        select=("*",), promotions=(promoted,), only_tags=("v2*",), never_tags=("*-rc*",)
    )
    assert chosen(scope) == {"v2": ("selected", set())}
    assert chosen(AuditScope(select=("*",), never_tags=("latest",))).keys() == {
        "v1",
        "v2",
        "v2-rc1",
    }
    assert chosen(AuditScope(only_tags=("zzz*",)), use("app:latest")).keys() == {"latest"}


def test_what_is_left_out_stays_in_scope_for_whoever_names_it() -> None:
    scope = AuditScope(select=("*",), leave_out_tags=("v*",))

    assert chosen(scope, use("app:v1"))["v1"] == ("live", set())


def test_patterns_are_case_sensitive() -> None:
    assert chosen(AuditScope(latest=(), select=("V*",))) == {}


def test_what_somebody_names_is_looked_at_even_where_no_list_has_it() -> None:
    (wanted,) = select(AuditScope(latest=()), {}, [use("app:gone")])

    assert wanted == WantedImage(APP, Tag("gone"), LIVE, Nodes(), used=True)


def test_a_digest_wins_over_the_tag_beside_it() -> None:
    assert chosen(AuditScope(latest=()), use(f"app:v1@{ONES}")).keys() == {ONES}


@pytest.mark.parametrize("order", [1, -1])
def test_the_highest_class_wins_with_its_platforms(order: int) -> None:
    uses = [use("app:v1", "linux/amd64"), use("app:v1", "linux/arm64", reference_class=IDLE)]

    assert chosen(AuditScope(), *uses[::order])["v1"] == ("live", {"linux/amd64"})


def test_equally_important_reasons_add_their_platforms() -> None:
    uses = [use("app:v1", "linux/amd64"), use("app:v1", "linux/arm64")]

    assert chosen(AuditScope(), *uses)["v1"] == ("live", {"linux/amd64", "linux/arm64"})


@pytest.mark.parametrize("order", [1, -1])
def test_a_use_that_knows_no_platforms_takes_nothing_from_one_that_does(order: int) -> None:
    uses = [use("app:v1", "linux/amd64"), use("app:v1")]

    assert chosen(AuditScope(), *uses[::order])["v1"] == ("live", {"linux/amd64"})


def test_a_promotion_that_knows_no_platforms_makes_them_all_unknown() -> None:
    scope = AuditScope(promotions=(Promotion("app", "v1", LIVE),))

    assert chosen(scope, use("app:v1", "linux/amd64"))["v1"] == ("live", set())


def test_platforms_that_must_run_everything_are_added_to_those_of_uses() -> None:
    scope = AuditScope(select=("v1",), require=frozenset({ARM64}))

    assert chosen(scope)["latest"] == ("latest", {"linux/arm64"})
    assert chosen(scope)["v1"] == ("selected", {"linux/arm64"})
    assert chosen(scope, use("app:v2"))["v2"] == ("live", {"linux/arm64"})
    assert chosen(scope, use("app:v2", "linux/amd64"))["v2"] == (
        "live",
        {"linux/amd64", "linux/arm64"},
    )


@pytest.mark.parametrize("order", [1, -1])
def test_where_it_may_be_started_is_added_up_within_a_class(order: int) -> None:
    uses = [
        use("app:v1", "linux/amd64", admitted=("linux/arm64", "linux/amd64")),
        use("app:v1", admitted=("linux/arm64", "linux/s390x")),
        use("app:v1", "linux/ppc64le", admitted=("linux/386",), reference_class=IDLE),
    ][::order]

    assert nodes(*uses) == Nodes(frozenset({AMD64}), frozenset({AMD64, ARM64, S390X}))


@pytest.mark.parametrize("order", [1, -1])
def test_one_that_knows_nothing_adds_nothing_to_where_others_may_be_started(order: int) -> None:
    both = use("app:v1", admitted=("linux/amd64", "linux/arm64"))

    assert nodes(*[both, use("app:v1")][::order]) == both.nodes


def test_what_may_be_started_on_one_platform_alone_must_run_there() -> None:
    alone = use("app:v1", admitted=("linux/arm64",))

    assert nodes(alone) == Nodes(frozenset({ARM64}))
    assert nodes(alone, use("app:v1", "linux/amd64")) == Nodes(frozenset({AMD64, ARM64}))


def test_the_configuration_adds_to_where_it_may_be_started() -> None:
    both = use("app:v1", admitted=("linux/amd64", "linux/arm64"))

    assert nodes(both, require=frozenset({S390X})) == Nodes(frozenset({S390X}), both.admitted)
    assert nodes(use("app:v1"), require=frozenset({S390X})) == Nodes(frozenset({S390X}))


@st.composite
def wants(draw: st.DrawFn) -> Use:
    platforms = st.sets(st.sampled_from(["linux/amd64", "linux/arm64", "linux/s390x"]))
    known = {"admitted": draw(platforms), "reference_class": draw(st.sampled_from(ReferenceClass))}
    return use("app:v1", *draw(platforms), **known)


@given(st.lists(wants(), min_size=1, max_size=4), wants(), st.randoms())
def test_another_use_never_lowers_a_class_and_their_order_changes_nothing(
    uses: list[Use], another: Use, chance: Random
) -> None:
    (few,), (many,) = select(AuditScope(), {}, uses), select(AuditScope(), {}, [*uses, another])
    (mixed,) = select(AuditScope(), {}, chance.sample([*uses, another], len(uses) + 1))

    assert many.reference_class.rank <= few.reference_class.rank
    assert mixed == many
    if many.reference_class is few.reference_class:
        assert few.nodes.platforms <= many.nodes.platforms
        assert few.nodes.admitted <= many.nodes.admitted


def test_a_pattern_may_promote_tags() -> None:
    promotion = Promotion("a*", "v2*", LIVE, frozenset({AMD64}))
    scope = AuditScope(promotions=(promotion,), select=("v1",), require=frozenset({ARM64}))

    assert chosen(scope)["v2-rc1"] == ("live", {"linux/amd64", "linux/arm64"})
    assert chosen(scope)["v1"][0] == "selected"
    assert chosen(AuditScope(promotions=(Promotion("b*", "*", LIVE),), latest=())) == {}
    bare = AuditScope(promotions=(Promotion("app", "v1", IDLE),), require=frozenset({ARM64}))
    assert chosen(bare)["v1"] == ("idle", {"linux/arm64"})


def test_a_tag_that_is_used_and_listed_is_one_image() -> None:
    wanted = select(AuditScope(select=("*",)), TAGS, [use("app:latest")])

    assert [each.name for each in wanted] == ["latest", "v1", "v2", "v2-rc1"]
    assert [each.used for each in wanted] == [True, False, False, False]
    assert [each.reference_class for each in wanted] == [LIVE, SELECTED, SELECTED, SELECTED]


@pytest.mark.parametrize("order", [1, -1])
def test_what_somebody_names_stays_named_whatever_else_wants_it(order: int) -> None:
    reasons = [WantedImage(APP, TAGS[APP][0], LIVE, Nodes(), used) for used in (True, False)]

    assert merge(*reasons[::order]).used
    assert not merge(reasons[1], reasons[1]).used


def test_repositories_are_admitted_and_left_out_by_pattern() -> None:
    scope = AuditScope(only=("team/*", "app"), leave_out=("team/old*",))

    names = ("app", "team/new", "team/old1", "x")
    assert [name for name in names if scope.admits(Repository(name))] == ["app", "team/new"]
    assert AuditScope().admits(APP)


def test_of_a_repository_that_is_left_out_only_the_images_in_use_are_wanted() -> None:
    listings = {Repository("prox/app"): (Tag("v1"), Tag("v2"), Tag("latest"))}
    scope = AuditScope(select=("*",), leave_out=("prox/*",))
    named = use("prox/app:v1")

    assert {each.name for each in select(scope, listings, [named])} == {"v1"}
    listed = replace(scope, listed=(Repository("prox/app"),))
    assert {each.name for each in select(listed, listings, [named])} == {"v1", "v2", "latest"}
