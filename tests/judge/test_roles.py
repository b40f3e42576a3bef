"""What a registry promises depends on its role: a mirror some platforms, a cache nothing."""

from __future__ import annotations

from typing import Any, Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HEADER, State
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.platform import Platform
from tests import worlds
from tests.judge.scene import BLIND, LOST, Scene, scene

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
BUILT = worlds.index(AMD64, ARM64, worlds.attestation(AMD64))
BROKEN, UNKNOWN, PRESENT = State.BROKEN, State.UNKNOWN, State.PRESENT
MIRROR: Final[dict[str, Any]] = {
    "role": Role.SPARSE,
    "platforms": frozenset({Platform("linux", "amd64")}),
}


def test_a_mirrors_other_platforms_are_absent_by_design() -> None:
    seen = scene(BUILT).lose(ARM64.digest)

    assert seen.verdict(**MIRROR).state is PRESENT
    child = seen.child(ARM64.digest, **MIRROR)
    assert (child.expected, child.state, child.reason) == (False, UNKNOWN, Reason.BY_DESIGN)
    assert not child.lacks


def test_a_mirrors_own_platform_is_not() -> None:
    assert scene(BUILT).lose(AMD64.digest).verdict(**MIRROR).state is BROKEN
    assert scene(BUILT).turn(BLIND, AMD64.digest).verdict(**MIRROR).state is UNKNOWN


def test_a_mirror_holds_what_its_platforms_would_choose() -> None:
    old = worlds.image("app", "linux/386")

    both = scene(worlds.index(old, AMD64)).lose(old.digest)
    assert both.verdict(**MIRROR).state is PRESENT
    assert scene(worlds.index(old)).lose(old.digest).verdict(**MIRROR).state is BROKEN


def test_a_platform_that_must_run_and_is_not_mirrored_is_lacking_once() -> None:
    other = worlds.image("other", "linux/arm64")
    seen = scene(worlds.index(AMD64, ARM64, other), "v1", "linux/arm64", "linux/arm/v7")

    verdict = seen.verdict(**MIRROR)

    assert verdict.state is BROKEN
    assert [str(each) for each in verdict.lacking_platforms] == ["linux/arm/v7", "linux/arm64"]


def test_a_mirror_holds_what_it_has_a_tag_for() -> None:
    arm64 = worlds.image("app", "linux/arm64")

    assert scene(arm64).verdict(**MIRROR).state is PRESENT
    assert scene(arm64).lose(arm64.layers[0].digest).verdict(**MIRROR).state is BROKEN


def test_a_mirror_holds_cached_blobs_whatever_their_entries_say() -> None:
    cache = worlds.build_cache("app")
    entry = {**cache.blobs[0].descriptor, "platform": {"os": "linux", "architecture": "arm64"}}
    document = {"schemaVersion": 2, "mediaType": cache.media_type, "manifests": [entry]}
    made = worlds.Made(cache.media_type, worlds.encoded(document), cache.blobs[:1])

    assert scene(made).child(**MIRROR).expected


def test_what_a_mirror_leaves_out_is_not_said_to_be_unprotected() -> None:
    found = scene(INDEX).lose(ARM64.digest).seal().findings(**MIRROR)

    assert [str(each.platform) for each in found] == ["linux/amd64"]


def test_a_mirror_of_no_child_tells_nothing() -> None:
    assert scene(worlds.index(ARM64)).verdict(**MIRROR).state is UNKNOWN


def test_a_tag_of_a_pull_through_cache_is_unknown_by_design() -> None:
    seen = Scene().nothing("v1", HEADER, INDEX.digest)

    assert seen.verdict(role=Role.PROXY).state is UNKNOWN
    child = seen.child(role=Role.PROXY)
    assert (child.expected, child.reason) == (False, Reason.BY_DESIGN)


@pytest.mark.parametrize("digest", [None, INDEX.digest])
def test_a_tag_that_a_pull_through_cache_denies_is_no_loss(digest: worlds.Digest | None) -> None:
    seen = Scene().nothing("v1", LOST, digest)

    assert seen.verdict(role=Role.PROXY).state is UNKNOWN
    child = seen.child(role=Role.PROXY)
    assert (child.expected, child.reason) == (False, Reason.BY_DESIGN)
    assert not seen.findings(role=Role.PROXY)


def test_a_tag_of_a_cache_that_could_not_be_asked_keeps_its_reason() -> None:
    child = Scene().nothing("v1", BLIND).child(role=Role.PROXY)

    assert (child.expected, child.reason) == (False, Reason.TIMEOUT)


def test_a_pull_through_cache_lacks_no_platform() -> None:
    seen = scene(INDEX, "v1", "linux/s390x").lose(ARM64.digest)

    assert not seen.verdict(role=Role.PROXY).lacking_platforms
    assert not seen.findings(role=Role.PROXY)


def test_the_parts_of_one_registry_are_judged_by_their_own_roles() -> None:
    lost = Scene().nothing("v1", LOST, INDEX.digest)
    others = RegistryPart(("prox/*",), Role.PROXY)
    ours = RegistryPart(("a*",), Role.PROXY)
    edge = RegistryPart(("app",), **MIRROR)

    assert lost.verdict(parts=(others,)).state is State.MISSING
    assert lost.verdict(parts=(others, ours)).state is UNKNOWN
    assert not lost.findings(parts=(ours,))
    assert scene(BUILT).lose(ARM64.digest).verdict(parts=(edge,)).state is PRESENT
    assert scene(BUILT).lose(ARM64.digest).verdict(parts=(edge, ours)).state is PRESENT
    assert scene(BUILT).lose(ARM64.digest).verdict().state is BROKEN
