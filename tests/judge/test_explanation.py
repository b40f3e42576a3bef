"""The incident's three questions: no "no" without a seal, and every ground is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.explanation import Explanation, Tristate, explain, places
from exporter.judge.judgement import judge
from exporter.oci.reference import Reference, Tag
from tests.fakes import use, workload
from tests.judge.scene import APP, BLIND, Scene, scene
from tests.worlds import image, index, two_platforms

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

SELECTED = ReferenceClass.SELECTED
BOTH, OLD = two_platforms("app"), two_platforms("old")
AMD64, ARM64 = BOTH.children
YES, NO, UNKNOWN = Tristate.YES, Tristate.NO, Tristate.UNKNOWN


def asked(
    seen: Scene, tag: str | None = None, digest: Digest | None = None, **other: object
) -> Explanation:
    sources = bool(other.pop("sources", True))
    name = Tag(tag) if tag else None
    return explain(judge(seen.snapshot(**other), {}), APP, name, digest, sources=sources)


def old_build() -> Scene:
    """`0_build` points straight at the amd64 child of `latest`: it looks disposable, and is not."""
    seen = Scene().tag(BOTH, "latest", kind=ReferenceClass.LATEST)
    return seen.tag(AMD64, "0_build", kind=SELECTED)


def test_an_ugly_tag_may_be_the_sole_protector_of_a_child_of_latest() -> None:
    found = asked(old_build().seal(), "0_build")

    assert found.sole is YES
    assert [each.verdict.root.name for each in found.needed_by_others] == ["latest"]
    assert found.latest is YES
    assert found.protected_by == ("0_build",)


def test_with_a_second_tag_it_is_not_the_only_one() -> None:
    assert asked(old_build().seal(**{"keep-1": AMD64.digest}), "0_build").sole is NO


def test_without_a_seal_there_may_be_another_protector() -> None:
    found = asked(old_build(), "0_build")

    assert found.sole is UNKNOWN
    assert found.doubts == ("could not list all tags of app",)


def test_a_tag_that_nothing_else_leads_to_is_neither_latest_nor_sole() -> None:
    seen = Scene().tag(BOTH, "latest", kind=ReferenceClass.LATEST)

    found = asked(seen.tag(image("old"), "old", kind=SELECTED).seal(), "old")

    assert (found.latest, found.used, found.sole) == (NO, NO, NO)
    assert [each.verdict.root.name for each in found.dependents] == ["old"]


def test_no_is_never_said_without_a_seal() -> None:
    seen = Scene().tag(image("old"), "old", kind=SELECTED)

    found = asked(seen, "old")

    assert (found.latest, found.used, found.sole) == (UNKNOWN, UNKNOWN, UNKNOWN)


def test_no_is_never_said_where_a_tag_could_not_be_looked_into() -> None:
    seen = Scene().tag(image("old"), "old", kind=SELECTED).nothing("latest", BLIND).seal()

    assert asked(seen, "old").latest is UNKNOWN


def test_a_tag_that_is_known_but_was_not_looked_into_may_lead_here() -> None:
    seen = Scene().tag(image("old"), "old", kind=SELECTED).seal(other=index(image("x")).digest)

    found = asked(seen, "old")

    assert found.latest is UNKNOWN
    assert found.doubts == ("could not read all tags of app",)


def test_unused_needs_somebody_to_have_been_asked() -> None:
    seen = Scene().tag(image("old"), "old", kind=SELECTED).seal()

    assert asked(seen, "old", sources=False).used is UNKNOWN


def test_a_child_is_used_by_whoever_uses_its_index() -> None:
    use = Use("shop/checkout", Reference("registry.example", APP, Tag("v1")), ReferenceClass.LIVE)

    found = asked(scene(BOTH).seal(), None, ARM64.digest, uses=(use,))

    assert found.used is YES
    (only,) = found.dependents
    assert only.verdict.uses == (use,)
    assert [str(child.platform) for child in only.children] == ["linux/arm64"]
    assert found.protected_by == ()


def test_a_layer_hurts_the_platforms_that_have_it() -> None:
    found = asked(scene(BOTH).seal(), None, AMD64.blobs[1].digest)

    (only,) = found.dependents
    assert [str(child.platform) for child in only.children] == ["linux/amd64"]


def test_a_tag_that_is_not_there_is_missing_only_by_proof() -> None:
    assert asked(scene(BOTH).seal(), "v9").state is State.MISSING
    assert asked(scene(BOTH), "v9").state is State.UNKNOWN


def test_a_digest_is_found_wherever_it_was_seen() -> None:
    report = judge(scene(BOTH).snapshot(), {})

    assert places(report, AMD64.digest) == (APP,)
    assert places(report, image("other").digest) == ()


def test_a_tag_on_a_child_does_not_depend_on_the_index_above_it() -> None:
    found = asked(old_build().seal(), "latest")

    assert [each.verdict.root.name for each in found.dependents] == ["latest"]
    assert found.sole is NO


def running(*digests: Digest, tag: str = "latest") -> Use:
    return use(f"app:{tag}", workload=workload("Deployment", "a/web"), running=frozenset(digests))


def test_what_runs_by_a_tag_that_has_moved_on_is_used() -> None:
    seen = scene(BOTH, "latest").tag(OLD, "v0", kind=SELECTED).seal()
    for digest in (OLD.digest, OLD.children[0].digest, OLD.children[0].config.digest):
        found = asked(seen, "v0", uses=(running(digest),))
        assert (found.used, len(found.runs)) == (YES, 1)
    child = OLD.children[0]
    for digest in (child.digest, child.layers[0].digest):
        assert asked(seen, digest=digest, uses=(running(OLD.digest),)).used is YES


def test_each_image_of_a_configuration_that_runs_may_be_what_runs() -> None:
    """The same image pushed as Docker's and as OCI's: two manifests, one configuration."""
    one, other = image("same"), image("same", docker=True)
    assert one.config.digest == other.config.digest
    seen = scene(BOTH, "latest").tag(one, "v0", kind=SELECTED).tag(other, "v1", kind=SELECTED)

    found = [asked(seen.seal(), tag, uses=(running(one.config.digest),)) for tag in ("v0", "v1")]

    assert [each.used for each in found] == [YES, YES]


def test_what_runs_as_its_tag_says_is_told_once() -> None:
    found = asked(scene(BOTH, "latest").seal(), "latest", uses=(running(AMD64.digest),))

    assert (found.used, found.runs) == (YES, ())
    assert len(found.dependents[0].verdict.uses) == 1


def test_nobody_uses_it_is_not_said_where_somebody_runs_what_nobody_has_read() -> None:
    seen = scene(BOTH, "latest").tag(OLD, "v0", kind=SELECTED).seal()

    assert asked(seen, "v0", uses=(running(BOTH.digest),)).used is NO
    assert asked(seen, "v0", uses=(running(image("swept").digest),)).used is UNKNOWN
    elsewhere = use("other:v1", running=frozenset({image("swept").digest}))
    assert asked(seen, "v0", uses=(running(BOTH.digest), elsewhere)).used is NO


def test_what_could_not_be_read_of_it_may_be_what_runs() -> None:
    seen = scene(BOTH, "latest").tag(OLD, "v0", kind=SELECTED).seal().lose(OLD.children[1].digest)
    del seen.manifests[OLD.children[1].digest]

    assert asked(seen, "v0", uses=(running(BOTH.digest),)).used is UNKNOWN
    assert asked(seen, "v0", uses=(use("app:latest"),)).used is NO
