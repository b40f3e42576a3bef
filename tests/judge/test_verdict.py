"""A tag's verdict: would a pull succeed, on every platform that must run it?"""

from __future__ import annotations

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, State, unknown
from exporter.facts.use import ReferenceClass
from exporter.judge.tag_verdict import ChildKind
from exporter.judge.verdict import verdicts
from exporter.oci.digest import Digest
from tests import worlds
from tests.fakes import use
from tests.judge.scene import BLIND, LOST, Scene, scene

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
PROOF = worlds.attestation(AMD64)
BUILT = worlds.index(AMD64, ARM64, PROOF)
IMAGE = worlds.image("app")
MISSING, BROKEN, UNKNOWN, PRESENT = State.MISSING, State.BROKEN, State.UNKNOWN, State.PRESENT


def test_a_tag_with_every_platform_is_present() -> None:
    assert scene(BUILT).verdict().state is PRESENT


@pytest.mark.parametrize("platforms", [(), ("linux/arm64",), ("linux/arm64", "linux/amd64")])
def test_a_tag_is_broken_by_a_child_that_somebody_must_run(platforms: tuple[str, ...]) -> None:
    assert scene(BUILT, "v1", *platforms).lose(ARM64.digest).verdict().state is BROKEN
    assert scene(BUILT, "v1", *platforms).lose(ARM64.config.digest).verdict().state is BROKEN


def test_a_tag_is_not_broken_by_a_child_that_nobody_must_run() -> None:
    seen = scene(BUILT, "v1", "linux/amd64").lose(ARM64.digest)

    assert seen.verdict().state is PRESENT
    assert not seen.child(ARM64.digest).required
    assert seen.child(ARM64.digest).state is MISSING


def test_all_children_gone_is_broken_and_not_missing() -> None:
    assert scene(INDEX).lose(AMD64.digest, ARM64.digest).verdict().state is BROKEN


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (INDEX, ChildKind.INDEX),
        (IMAGE, ChildKind.IMAGE),
        (worlds.chart("c"), ChildKind.ARTIFACT),
    ],
)
def test_a_tag_whose_own_manifest_is_gone_is_missing(made: worlds.Made, kind: ChildKind) -> None:
    verdict = scene(made).lose(made.digest).verdict()

    assert verdict.state is MISSING
    assert [child.digest for child in verdict.children] == [made.digest]
    assert verdict.children[0].required
    assert verdict.children[0].kind is kind


def test_a_tag_that_leads_nowhere_is_missing() -> None:
    verdict = Scene().nothing("v1", LOST).verdict()

    assert verdict.state is MISSING
    assert [(each.digest, each.state, each.lacks) for each in verdict.children] == [
        (None, MISSING, ())
    ]


def test_a_dangling_tag_has_the_digest_that_the_registry_names_as_its_child() -> None:
    (child,) = Scene().nothing("v1", LOST, INDEX.digest).verdict().children

    assert (child.digest, child.state, child.proof) == (INDEX.digest, MISSING, Proof.CONFIRMED)
    assert [lack.digest for lack in child.lacks] == [INDEX.digest]


@pytest.mark.parametrize("reason", Reason)
def test_a_tag_that_could_not_be_asked_is_unknown(reason: Reason) -> None:
    verdict = Scene().nothing("v1", unknown(reason)).verdict()

    assert verdict.state is UNKNOWN
    assert [(each.state, each.reason) for each in verdict.children] == [(UNKNOWN, reason)]


def test_a_doubt_about_a_required_child_is_a_doubt_about_the_tag() -> None:
    assert scene(BUILT).turn(BLIND, ARM64.digest).verdict().state is UNKNOWN
    assert scene(BUILT).turn(BLIND, ARM64.layers[0].digest).verdict().state is UNKNOWN
    assert scene(BUILT, "v1", "linux/amd64").turn(BLIND, ARM64.digest).verdict().state is PRESENT
    assert scene(BUILT).turn(BLIND, ARM64.digest).lose(AMD64.digest).verdict().state is BROKEN


def test_a_tag_that_cannot_be_resolved_is_never_healthy() -> None:
    verdict = scene(INDEX, seen=BLIND).verdict()

    assert verdict.state is UNKNOWN
    assert [each.state for each in verdict.children] == [UNKNOWN]


def test_what_is_lost_where_an_unresolved_tag_led_stays_lost() -> None:
    assert scene(INDEX, seen=BLIND).lose(ARM64.digest).verdict().state is BROKEN
    optional = scene(INDEX, "v1", "linux/amd64", seen=BLIND).lose(ARM64.digest)
    assert optional.verdict().state is UNKNOWN


def test_an_attestation_is_never_required() -> None:
    seen = scene(BUILT).lose(PROOF.digest)

    assert seen.verdict().state is PRESENT
    child = seen.child(PROOF.digest)
    assert (child.kind, child.required, child.state) == (ChildKind.ATTESTATION, False, MISSING)
    assert scene(BUILT).turn(BLIND, PROOF.layers[0].digest).verdict().state is PRESENT


def test_a_platform_that_must_run_it_and_finds_nothing_is_lacking() -> None:
    verdict = scene(INDEX, "v1", "linux/amd64", "linux/s390x", "linux/ppc64le").verdict()

    assert verdict.state is BROKEN
    assert [str(each) for each in verdict.lacking_platforms] == ["linux/ppc64le", "linux/s390x"]
    assert [child.required for child in verdict.children] == [True, False]


def test_an_index_without_any_image_lacks_every_platform_that_must_run_it() -> None:
    assert scene(worlds.index(), "v1", "linux/amd64").verdict().state is BROKEN
    only_proof = worlds.index(PROOF)
    assert scene(only_proof, "v1", "linux/amd64").verdict().state is BROKEN
    assert scene(only_proof).verdict().state is PRESENT
    assert scene(worlds.index()).verdict().state is PRESENT


def test_a_single_image_of_another_platform_is_lacking() -> None:
    assert scene(IMAGE, "v1", "linux/arm64").verdict().state is BROKEN
    assert scene(IMAGE, "v1", "linux/amd64").verdict().state is PRESENT


@pytest.mark.parametrize(
    ("alive", "running", "state"),
    [
        (1, {IMAGE.digest}, PRESENT),
        (1, {IMAGE.config.digest}, PRESENT),
        (0, {IMAGE.digest}, BROKEN),  # it was started, and does not run
        (1, set(), BROKEN),
        (1, {IMAGE.digest, Digest.of(b"before")}, BROKEN),  # which of them runs there?
        (1, {Digest.of(b"before")}, BROKEN),
    ],
)
def test_a_single_image_that_runs_on_another_platform_than_it_states_is_not_lacking(
    alive: int, running: set[Digest], state: State
) -> None:
    user = use("app:v1", "linux/arm64", alive=alive, running=frozenset(running))

    assert scene(IMAGE, "v1", "linux/arm64").verdict(uses=(user,)).state is state


def test_an_image_of_an_index_is_chosen_by_what_the_index_states_whatever_runs() -> None:
    alone = worlds.index(IMAGE)
    user = use("app:v1", "linux/arm64", alive=1, running=frozenset({alone.digest, IMAGE.digest}))

    assert scene(alone, "v1", "linux/arm64").verdict(uses=(user,)).state is BROKEN


def test_a_single_image_whose_platform_nobody_knows_fits_all() -> None:
    seen = scene(IMAGE, "v1", "linux/arm64")
    seen.config_platforms.clear()

    assert seen.verdict().state is PRESENT


@pytest.mark.parametrize("platforms", [(), ("linux/amd64",)])
def test_a_chart_is_required_whatever_must_run_it(platforms: tuple[str, ...]) -> None:
    chart = worlds.chart("c")
    seen = scene(chart, "1.0.0", *platforms)

    assert seen.verdict().state is PRESENT
    assert (seen.child().kind, seen.child().required) == (ChildKind.ARTIFACT, True)
    assert seen.lose(chart.layers[0].digest).verdict().state is BROKEN


@pytest.mark.parametrize("platforms", [(), ("linux/amd64",)])
def test_a_cache_has_no_platforms_to_lack(platforms: tuple[str, ...]) -> None:
    cache = worlds.build_cache("app")

    assert scene(cache, "buildcache", *platforms).verdict().state is PRESENT


@pytest.mark.parametrize("made", [worlds.signature(IMAGE), worlds.referrer(IMAGE)])
@pytest.mark.parametrize("name", [worlds.signature_tag(IMAGE), worlds.fallback_tag(IMAGE)])
def test_what_is_attached_to_an_image_is_not_required_but_its_loss_is_told(
    made: worlds.Made, name: str
) -> None:
    seen = scene(made, name, "linux/arm64")

    assert seen.verdict().state is PRESENT
    assert not seen.child().required
    assert scene(made, name).turn(BLIND, made.digest).verdict().state is UNKNOWN
    assert scene(made, name).lose(made.layers[0].digest).verdict().state is BROKEN
    assert scene(made, name).lose(made.digest).verdict().state is MISSING
    dangling = Scene().nothing(name, LOST)
    assert (dangling.verdict().state, dangling.child().required) == (MISSING, False)


def test_the_index_of_what_is_attached_lacks_no_platform() -> None:
    listed = worlds.index(worlds.referrer(IMAGE))
    seen = scene(listed, worlds.fallback_tag(IMAGE), "linux/amd64").lose(listed.children[0].digest)

    assert seen.verdict().state is PRESENT
    assert not seen.child().required


def test_verdicts_come_live_first_then_by_repository_and_tag() -> None:
    seen = Scene()
    for name, kind in [("b", "selected"), ("z", "live"), ("latest", "latest"), ("a", "selected")]:
        seen.tag(IMAGE, name, kind=ReferenceClass(kind))

    assert [each.root.name for each in verdicts(seen.snapshot())] == ["z", "latest", "a", "b"]


def test_a_pinned_digest_is_judged_like_a_tag() -> None:
    seen = scene(INDEX, None).lose(ARM64.digest)

    assert seen.verdict().state is BROKEN
    assert seen.verdict().root.name == f"@{INDEX.digest.short}"


def test_on_windows_every_build_may_be_the_one() -> None:
    builds = worlds.windows("2019"), worlds.windows("2022")
    seen = scene(worlds.index(*builds), "v1", "windows/amd64")

    assert seen.verdict().state is PRESENT
    assert seen.lose(builds[1].digest).verdict().state is BROKEN
