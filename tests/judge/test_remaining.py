"""Which times wait for an audit that can tell, and which are over?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Reason
from exporter.facts.snapshot import Admission, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, FindingKey, Rule, Severity
from exporter.judge.judgement import judge
from exporter.oci.platform import Platform
from tests import worlds
from tests.fakes import use
from tests.judge.scene import APP, BLIND, LOST, Scene, scene

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

BUILT = worlds.two_platforms("app")
AMD64, ARM64 = BUILT.children
OUTER = worlds.index(BUILT)
OTHER = worlds.image("other")
LAYER = AMD64.layers[0].digest
AGO = 7.0


def waits(key: str, seen: Scene, **other: Any) -> bool:
    """Is the time of a finding kept that is not made?"""
    report = judge(seen.snapshot(**other), {key: AGO})
    assert key not in {each.key for each in report.findings}
    assert report.since.get(key, AGO) == AGO
    return key in report.since


def unread(seen: Scene, *digests: Digest) -> Scene:
    """These manifests cannot be seen, and never were read."""
    for digest in digests:
        del seen.manifests[digest]
    return seen.turn(BLIND, *digests)


def unprotected(digest: Digest, platform: str = "", name: str = "v1") -> str:
    return f"unprotected-child app:{name} {digest} {platform}".rstrip()


def test_what_no_seal_denies_waits_for_one() -> None:
    key = unprotected(AMD64.digest, "linux/amd64")

    assert waits(key, scene(BUILT))
    assert not waits(key, scene(BUILT).seal(amd64=AMD64.digest))


def test_a_tag_that_points_there_ends_it_without_any_seal() -> None:
    key = unprotected(AMD64.digest, "linux/amd64")

    assert not waits(key, scene(BUILT).tag(AMD64, "amd64"))
    assert waits(key, scene(BUILT).tag(AMD64, "amd64", seen=BLIND))


def test_what_is_gone_cannot_be_unprotected() -> None:
    assert not waits(unprotected(AMD64.digest, "linux/amd64"), scene(BUILT).lose(AMD64.digest))


def test_a_nested_index_waits_as_well() -> None:
    assert waits(unprotected(BUILT.digest), scene(OUTER))
    assert not waits(unprotected(BUILT.digest), scene(AMD64))


def test_what_a_tag_has_left_is_over_and_what_it_may_lead_to_is_not() -> None:
    key = unprotected(AMD64.digest, "linux/amd64")

    assert not waits(key, scene(OTHER))
    assert waits(key, unread(scene(OTHER), OTHER.digest)), "it may be an index"
    assert waits(key, unread(scene(OUTER), BUILT.digest)), "within another"
    assert not waits(key, scene(worlds.index(OTHER)).turn(BLIND, OTHER.digest)), "an image"


def test_what_an_index_says_is_known_once_it_was_read() -> None:
    elsewhere = worlds.index(OTHER)

    assert not waits(unprotected(AMD64.digest), scene(elsewhere).turn(BLIND, elsewhere.digest))


def test_a_tag_that_cannot_be_asked_may_still_be_all_that_it_was() -> None:
    unasked = Scene().nothing("v1", BLIND)

    assert waits(unprotected(AMD64.digest), unasked)
    assert waits("missing-child app:v1", unasked)
    assert waits(f"broken-child app:v1 {AMD64.digest} linux/amd64", unasked)
    assert not waits("missing-child app:v1", scene(BUILT))
    assert not waits("missing-child app:v1", unread(scene(OTHER), OTHER.digest))


def test_a_finding_of_a_tag_that_is_not_there_is_over() -> None:
    assert not waits(unprotected(AMD64.digest, name="v2"), scene(BUILT))
    assert not waits(unprotected(AMD64.digest), Scene().nothing("v1", LOST))


def test_a_platform_that_cannot_be_read_ends_nothing_that_has_its_name() -> None:
    key = unprotected(AMD64.digest, "linux/amd64", f"@{AMD64.digest.short}")
    broken = f"broken-child app:v1 {AMD64.digest} linux/amd64"
    blind = scene(AMD64).turn(BLIND, AMD64.config.digest)
    blind.config_platforms.clear()
    pinned = scene(AMD64, None).turn(BLIND, AMD64.config.digest).seal()
    pinned.config_platforms.clear()

    assert waits(key, pinned)
    assert waits(broken, blind.lose(LAYER))
    assert waits(f"digest-mismatch app:v1 {LAYER} linux/amd64", blind)


@pytest.mark.parametrize("code", ["digest-mismatch", "wrong-diff-id"])
def test_wrong_content_waits_until_it_is_seen(code: str) -> None:
    key = f"{code} app:v1 {LAYER} linux/amd64"

    assert not waits(key, scene(BUILT))
    assert waits(key, scene(BUILT).turn(BLIND, LAYER))
    assert waits(key, unread(scene(BUILT), AMD64.digest))
    assert not waits(key, scene(BUILT).turn(BLIND, ARM64.layers[1].digest))


@pytest.mark.parametrize("code", ["missing-platform", "platform-not-offered"])
def test_a_platform_is_not_found_where_none_can_be_read(code: str) -> None:
    key = f"{code} app:v1  linux/arm64"
    wanted = (use("app:v1", "linux/arm64"),)

    assert not waits(key, scene(BUILT), uses=wanted)
    assert waits(key, unread(scene(OTHER), OTHER.digest), uses=wanted)
    assert not waits(key, unread(scene(OTHER), OTHER.digest)), "nobody wants it any more"


def test_a_login_waits_while_it_cannot_be_tried() -> None:
    key = "refused-login app:v1  prod shop: pull"
    pulls = (use("app:v1", login="prod shop: pull"),)
    told = {
        known: (Admission("prod shop: pull", APP, known, Reason.TIMEOUT),) for known in (True, None)
    }

    assert waits(key, scene(BUILT), uses=pulls)
    assert waits(key, scene(BUILT), uses=pulls, admissions=told[None])
    assert not waits(key, scene(BUILT), uses=pulls, admissions=told[True])
    assert not waits(key, scene(BUILT), admissions=told[None]), "nobody pulls with it any more"


def test_what_runs_waits_while_its_tag_is_not_known_to_lead_there() -> None:
    key = f"moved-tag app:v1 {AMD64.digest}"
    runs = (use("app:v1", running=frozenset({AMD64.digest})),)

    assert waits(key, unread(scene(OTHER), OTHER.digest), uses=runs)
    assert waits(key, Scene().nothing("v1", BLIND), uses=runs)
    assert not waits(key, scene(BUILT), uses=runs), "it leads there again"
    assert not waits(key, Scene().nothing("v1", LOST), uses=runs), "it leads nowhere"
    assert not waits(key, unread(scene(OTHER), OTHER.digest)), "it runs no more"
    idle = unread(scene(OTHER, kind=ReferenceClass.IDLE), OTHER.digest)
    assert not waits(key, idle, uses=runs)


def test_a_live_image_waits_while_no_tag_is_known_to_lead_to_it() -> None:
    key = f"unprotected-image app:@{AMD64.digest.short} {AMD64.digest}"
    pinned = scene(AMD64, None)

    assert waits(key, pinned)
    assert not waits(key, pinned.tag(BUILT, "v1")), "a tag leads to it"
    assert not waits(key, scene(AMD64, None, kind=ReferenceClass.IDLE))


def test_an_image_that_runs_waits_likewise() -> None:
    key = f"unprotected-image app:v1 {AMD64.digest}"
    runs = (use("app:v1", running=frozenset({AMD64.digest})),)

    assert waits(key, scene(OTHER), uses=runs)
    assert not waits(key, scene(OTHER)), "it runs no more"
    assert not waits(key, scene(OTHER).tag(AMD64, "v2"), uses=runs)


def test_of_what_is_promised_nowhere_nothing_waits() -> None:
    key = f"missing-child app:v1 {ARM64.digest} linux/arm64"
    mirror = {"role": Role.SPARSE, "platforms": frozenset({Platform.parse("linux/amd64")})}

    assert not waits(unprotected(AMD64.digest), Scene().nothing("v1", BLIND), role=Role.PROXY)
    assert waits(key, scene(BUILT).turn(BLIND, ARM64.digest))
    assert not waits(key, scene(BUILT).turn(BLIND, ARM64.digest), **mirror)


@pytest.mark.parametrize("text", ["another", "missing-child", "missing-child app:v1 sha256:1", ""])
def test_a_key_that_is_none_is_dropped(text: str) -> None:
    assert FindingKey.parse(text) is None
    assert not waits(text, Scene().nothing("v1", BLIND))


def test_a_rule_that_is_no_more_is_dropped() -> None:
    assert not waits("former-rule app:v1", Scene().nothing("v1", BLIND))


@pytest.mark.parametrize("digest", [AMD64.digest, None])
@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(("platform", "login"), [("linux/amd64", ""), ("", "a b: c"), ("", "")])
def test_a_key_says_what_the_finding_is_about(
    digest: Digest | None, platform: str, login: str, *, tagged: bool
) -> None:
    (root,) = scene(BUILT, "v1" if tagged else None).roots
    on = Platform.parse(platform) if platform else None
    finding = Finding(Rule("a-rule", ""), Severity.INFO, root, digest, on, "", login=login)

    assert FindingKey.parse(finding.key) == FindingKey(
        "a-rule", "app", root.name, digest, platform or login
    )
