"""A loss hits those whose nodes would pull what is gone, and names a node that still has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.use import Holder, ReferenceClass
from exporter.judge.impact import Impact
from exporter.judge.tag_report import impact_of
from exporter.judge.verdict import verdicts
from exporter.oci.platform import Platform
from tests import worlds
from tests.fakes import use, workload
from tests.judge.scene import LOST, Scene, scene

if TYPE_CHECKING:
    from exporter.facts.use import Use
    from exporter.judge.tag_verdict import TagVerdict

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
NODE = {name: Platform("linux", name) for name in ("amd64", "arm64", "s390x")}
WEB, API, JOB = (
    workload("Deployment", "shop/web"),
    workload("StatefulSet", "shop/api"),
    workload("CronJob", "shop/sync"),
)


def judged(seen: Scene, *uses: Use) -> TagVerdict:
    """The verdict on `v1`, that these want."""
    (found,) = verdicts(seen.snapshot(uses=uses))
    return found


def lost(*uses: Use) -> Impact:
    """Whom the loss of the arm64 child hits."""
    nodes = [str(each) for each in {p for use in uses for p in use.platforms}]
    more = [str(each) for each in {p for use in uses for p in use.admitted}]
    return impact_of(judged(scene(INDEX, "v1", *nodes, admitted=more).lose(ARM64.digest), *uses))


def names(found: Impact) -> list[str]:
    return [each.name for each in found.users]


def test_those_who_run_elsewhere_are_not_hit() -> None:
    found = lost(
        use("app:v1", "linux/amd64", workload=WEB, alive=5),
        use("app:v1", "linux/arm64", workload=API, alive=3),
    )

    assert names(found) == ["StatefulSet shop/api (prod)"]
    assert (found.running, found.users[0].platforms) == (3, (NODE["arm64"],))


def test_those_who_may_be_started_there_are_hit_too() -> None:
    found = lost(use("app:v1", "linux/amd64", admitted=["linux/arm64"], workload=WEB))

    assert names(found) == ["Deployment shop/web (prod)"]
    assert found.users[0].platforms == (NODE["amd64"],)


def test_those_who_do_not_say_where_they_run_are_hit_by_whatever_breaks_the_tag() -> None:
    assert names(lost(use("app:v1", "linux/arm64", workload=WEB), use("app:v1"))) == [
        "Deployment shop/web (prod)",
        "refs.yml:1",
    ]


def test_what_lacks_by_the_configuration_hits_those_who_do_not_say_where_they_run() -> None:
    verdict = judged(scene(AMD64, "v1", "linux/s390x"), use("app:v1", workload=WEB))

    assert names(impact_of(verdict)) == ["Deployment shop/web (prod)"]


def test_a_tag_that_nothing_must_run_hits_nobody() -> None:
    assert lost(use("app:v1", "linux/amd64", workload=WEB)) == Impact()


def test_who_finds_no_image_for_his_platform_is_hit_alone() -> None:
    uses = [use("app:v1", f"linux/{name}", workload=workload("Deployment", f"a/{name}"))
            for name in ("amd64", "s390x")]  # fmt: skip
    seen = scene(AMD64, "v1", "linux/amd64", "linux/s390x")

    assert names(impact_of(judged(seen, *uses))) == ["Deployment a/s390x (prod)"]


@pytest.mark.parametrize(
    "seen", [scene(INDEX).lose(INDEX.digest), Scene().nothing("v1", LOST)], ids=["index", "tag"]
)
def test_without_its_own_manifest_a_tag_hits_all(seen: Scene) -> None:
    uses = (use("app:v1", "linux/amd64", workload=WEB), use("app:v1", "linux/s390x", workload=API))

    assert len(impact_of(judged(seen, *uses)).users) == 2


def test_the_containers_of_a_workload_are_one() -> None:
    one = use("app:v1", "linux/arm64", workload=WEB, alive=2, next_run=9.0)
    other = use("app:v1", "linux/amd64", "linux/arm64", workload=WEB, alive=3, next_run=7.0)
    (hit,) = lost(one, other).users

    assert (hit.running, hit.next_run) == (5, 7.0)
    assert hit.platforms == (NODE["amd64"], NODE["arm64"])


def test_the_same_name_in_another_cluster_is_another_workload() -> None:
    elsewhere = workload("Deployment", "shop/web", "staging")
    uses = [use("app:v1", "linux/arm64", workload=each) for each in (WEB, elsewhere)]

    assert len(lost(*uses).workloads) == 2


def test_what_a_schedule_starts_soonest_is_told_first_and_live_before_idle() -> None:
    resting = {"reference_class": ReferenceClass.IDLE, "next_run": 1.0}
    idle = use("app:v1", "linux/arm64", workload=WEB, **resting)
    late = use("app:v1", "linux/arm64", workload=workload("CronJob", "a/late"), next_run=9.0)
    soon = use("app:v1", "linux/arm64", workload=workload("CronJob", "a/soon"), next_run=5.0)
    runs = use("app:v1", "linux/arm64", workload=API)
    found = lost(runs, late, idle, soon)

    assert [each.split()[1] for each in names(found)] == [
        "a/soon",
        "a/late",
        "shop/api",
        "shop/web",
    ]
    assert found.next_run == 1.0


def test_another_tag_is_none_of_their_business() -> None:
    seen = scene(INDEX).lose(ARM64.digest)
    uses = (use("app:v2", workload=WEB), use(f"app:v1@{INDEX.digest}", workload=API))

    assert judged(seen, *uses).uses == ()
    pinned = judged(scene(INDEX, None).lose(ARM64.digest), *uses)
    assert names(impact_of(pinned)) == ["StatefulSet shop/api (prod)"]


HOLDERS = (Holder("n2", NODE["arm64"]), Holder("n1", NODE["arm64"]), Holder("n0", NODE["amd64"]))


def hints(seen: Scene, *uses: Use) -> list[str]:
    return [each.hint for each in seen.findings(uses=uses)]


def test_a_finding_says_which_node_still_holds_the_image_and_how_to_get_it_from_there() -> None:
    held = use("app:v1", holders=HOLDERS)
    command = "ctr -n k8s.io images export --platform linux/arm64 image.tar registry.example/app:v1"
    said = f"node n1 linux/arm64 (and 1 more) reports that it still has it: {command}"

    assert hints(scene(INDEX).lose(ARM64.digest), held) == [said]
    assert hints(scene(INDEX).lose(ARM64.layers[0].digest), held, held) == [said]


def test_a_node_of_another_platform_is_no_help() -> None:
    held = use("app:v1", holders=HOLDERS[2:])

    assert hints(scene(INDEX).lose(ARM64.digest), held) == [""]
    assert (
        "node n0 linux/amd64 reports that it still has it"
        in hints(scene(INDEX).lose(INDEX.digest), held)[0]
    )


def test_a_node_that_would_choose_another_image_of_the_tag_holds_that_one() -> None:
    """An arm64 node runs 32-bit arm as well: it pulls that only where there is nothing better."""
    old = worlds.image("app", "linux/arm/v7")
    held = use("app:v1", holders=HOLDERS[:1])
    better, alone = worlds.index(ARM64, old), worlds.index(old)

    assert hints(scene(better).lose(old.digest), held) == [""]
    assert (
        "node n2 linux/arm64 reports that it still has it"
        in hints(scene(alone).lose(old.digest), held)[0]
    )


def test_on_a_node_an_image_with_a_digest_has_no_tag() -> None:
    held = use(f"app:v1@{INDEX.digest}", holders=HOLDERS[1:2])
    (said,) = hints(scene(INDEX, None).lose(ARM64.digest), held)

    assert said.endswith(f"image.tar registry.example/app@{INDEX.digest}")


PLATFORMS = st.frozensets(st.sampled_from(["linux/amd64", "linux/arm64", "linux/s390x"]))


@st.composite
def wants(draw: st.DrawFn) -> Use:
    who = st.none() | st.sampled_from([WEB, API, JOB])
    return use(
        "app:v1",
        *draw(PLATFORMS),
        admitted=draw(PLATFORMS),
        reference_class=draw(st.sampled_from(ReferenceClass)),
        workload=draw(who),
        alive=draw(st.integers(0, 3)),
        next_run=draw(st.none() | st.floats(0, 9)),
    )


@given(st.lists(wants(), max_size=4), st.randoms())
def test_the_order_of_uses_changes_nothing(uses: list[Use], chance: object) -> None:
    mixed = chance.sample(uses, len(uses))  # type: ignore[attr-defined] # a Random

    assert lost(*uses) == lost(*mixed)


@given(st.lists(wants(), max_size=4))
def test_whoever_is_hit_would_break_the_tag_alone(uses: list[Use]) -> None:
    own = [replace(each, workload=workload("Job", f"a/{n}")) for n, each in enumerate(uses)]
    hit = names(lost(*own))

    for each in own:
        assert bool(lost(each).users) or str(each.workload) not in hit
