"""Each check finds its own fault, weighs it, and names it the same way in every audit."""

from __future__ import annotations

import pytest

from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Reason
from exporter.facts.proof import LAST_BYTE, State, corrupt
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Admission, Role
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge
from exporter.oci.platform import Platform
from tests import worlds
from tests.fakes import use
from tests.judge.scene import APP, BLIND, LOST, NOW, SHORT, Scene, scene

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
PROOF = worlds.attestation(AMD64)
BUILT = worlds.index(AMD64, ARM64, PROOF)
LIVE, LATEST = ReferenceClass.LIVE, ReferenceClass.LATEST
MISSING_CHILD, BROKEN_CHILD = "missing-child", "broken-child"


def test_a_healthy_tag_has_no_finding() -> None:
    assert scene(BUILT).codes() == []


@pytest.mark.parametrize(
    ("kind", "severity"),
    [(LIVE, "critical"), *((kind, "warning") for kind in ReferenceClass if kind is not LIVE)],
)
def test_only_what_runs_is_critical(kind: ReferenceClass, severity: str) -> None:
    assert scene(BUILT, kind=kind).lose(ARM64.digest).codes() == [(MISSING_CHILD, severity)]
    assert scene(BUILT, kind=kind).lose(ARM64.config.digest).codes() == [(BROKEN_CHILD, severity)]
    assert scene(BUILT, "v1", "linux/s390x", kind=kind).codes() == [("missing-platform", severity)]


def test_what_nothing_requires_is_information() -> None:
    assert scene(BUILT).lose(PROOF.digest).codes() == [(MISSING_CHILD, "info")]
    assert scene(BUILT).lose(PROOF.layers[0].digest).codes() == [(BROKEN_CHILD, "info")]
    unneeded = scene(BUILT, "v1", "linux/amd64").lose(ARM64.digest)
    assert unneeded.codes() == [(MISSING_CHILD, "info")]
    cache = worlds.build_cache("app")
    assert scene(cache).lose(cache.blobs[0].digest).codes() == [(MISSING_CHILD, "info")]


def test_a_lost_signature_is_information_and_no_page() -> None:
    signature = worlds.signature(AMD64)
    tag = worlds.signature_tag(AMD64)

    assert scene(signature, tag).lose(signature.digest).codes() == [(MISSING_CHILD, "info")]
    assert Scene().nothing(tag, LOST).codes() == [(MISSING_CHILD, "info")]


@pytest.mark.parametrize("digest", [INDEX.digest, AMD64.digest, AMD64.layers[0].digest])
def test_what_could_not_be_seen_is_no_finding(digest: worlds.Digest) -> None:
    assert scene(INDEX).turn(BLIND, digest).codes() == []
    assert scene(INDEX, seen=BLIND).codes() == []
    assert Scene().nothing("v1", BLIND).codes() == []


def test_a_finding_says_what_is_gone() -> None:
    (missing,) = scene(BUILT).lose(ARM64.digest).findings()
    assert missing.detail == "the manifest of the image linux/arm64 is missing"
    assert (missing.digest, str(missing.platform)) == (ARM64.digest, "linux/arm64")
    (nothing,) = Scene().nothing("v1", LOST).findings()
    assert nothing.detail == "the tag does not exist"
    cache = worlds.build_cache("app")
    (blob,) = scene(cache).lose(cache.blobs[0].digest).findings()
    assert blob.detail == "the blob of the cache is missing"
    (index,) = scene(worlds.index(INDEX)).lose(INDEX.digest).findings()
    assert index.detail == "the manifest of the index is missing"


def test_a_broken_child_names_what_is_gone_first_and_counts_the_rest() -> None:
    config, first, second = AMD64.blobs
    seen = scene(BUILT).turn(BLIND, config.digest).turn(SHORT, first.digest)

    (one,) = seen.findings()
    assert one.detail == f"layer {first.digest.short} is broken (0 of 9 bytes)"
    (two,) = seen.lose(second.digest).findings()
    assert two.detail.endswith(" and 1 more")


def test_corrupt_bytes_are_told_by_their_own_digest_and_by_no_other_check() -> None:
    _, first, second = AMD64.blobs
    seen = scene(BUILT).turn(corrupt("hashes to x"), first.digest)

    (one,) = seen.findings()
    assert (one.rule.code, one.digest) == ("digest-mismatch", first.digest)
    assert one.severity.value == "critical"
    assert one.detail == f"layer {first.digest.short}: digest-mismatch: hashes to x"
    seen.turn(SHORT, second.digest)
    assert sorted(code for code, _ in seen.codes()) == ["broken-child", "digest-mismatch"]


def test_a_corrupt_manifest_is_told_like_any_corrupt_content() -> None:
    (one,) = scene(BUILT).turn(corrupt("hashes to x"), AMD64.digest).findings()

    assert (one.rule.code, one.digest) == ("digest-mismatch", AMD64.digest)


def test_corrupt_content_that_two_platforms_share_is_told_for_each_and_once() -> None:
    base = worlds.layer("base")
    both = worlds.index(
        worlds.image("app", "linux/amd64", (base, base)),
        worlds.image("app", "linux/arm64", (base,)),
    )

    found = scene(both).turn(corrupt("hashes to x"), base.digest).findings()

    assert [str(each.platform) for each in found] == ["linux/amd64", "linux/arm64"]


def test_content_that_is_not_what_the_image_says_is_told_by_its_own_check_alone() -> None:
    seen = scene(BUILT)
    seen.diff_id_mismatches[AMD64.digest] = (
        DiffIdMismatch(AMD64.layers[0].digest, "unpacks to x"),
    )

    (one,) = seen.findings()

    assert (one.rule.code, one.digest) == ("wrong-diff-id", AMD64.layers[0].digest)
    assert (one.severity.value, str(one.platform)) == ("critical", "linux/amd64")
    assert one.detail == f"layer {AMD64.layers[0].digest.short}: unpacks to x"
    (child,) = [each for each in seen.verdict().children if each.digest == AMD64.digest]
    assert child.state is State.BROKEN


def test_wrong_content_is_wrong_while_it_cannot_be_seen_and_gone_once_it_is_gone() -> None:
    layer, config = AMD64.layers[0].digest, AMD64.config.digest
    seen = scene(BUILT)
    seen.diff_id_mismatches[AMD64.digest] = (
        DiffIdMismatch(layer, "unpacks to x"),
        DiffIdMismatch(config, "2 for 3"),
    )

    assert seen.turn(BLIND, layer, AMD64.digest).codes() == [("wrong-diff-id", "critical")] * 2
    codes = seen.turn(LAST_BYTE, AMD64.digest).lose(layer).codes()
    assert sorted(codes) == [("broken-child", "critical"), ("wrong-diff-id", "critical")]
    assert seen.lose(AMD64.digest).codes() == [(MISSING_CHILD, "critical")]


def test_a_layer_that_is_wrong_for_one_image_is_right_for_another() -> None:
    base = worlds.layer("base")
    right, wrong = (worlds.image(seed, layers=(base,)) for seed in ("right", "wrong"))
    seen = scene(right, "right").tag(wrong, "wrong")
    seen.diff_id_mismatches[wrong.digest] = (DiffIdMismatch(base.digest, "unpacks to x"),)

    (one,) = seen.findings()

    assert one.root.tag == "wrong"


def test_of_two_images_for_one_platform_the_one_that_is_pulled_weighs() -> None:
    base = worlds.layer("base")
    images = (worlds.image(seed, "linux/amd64", (base,)) for seed in ("first", "second"))
    seen = scene(worlds.index(*images), "v1", "linux/amd64").turn(corrupt("x"), base.digest)

    assert seen.codes() == [("digest-mismatch", "critical")]


def test_a_mirror_that_leaves_a_platform_out_is_never_critical() -> None:
    mirror = {"role": Role.SPARSE, "platforms": frozenset({Platform("linux", "amd64")})}
    (left_out,) = scene(BUILT, "v1", "linux/arm64").findings(**mirror)
    assert (left_out.severity, left_out.detail) == ("warning", "this mirror omits linux/arm64")

    blob = worlds.layer("cached")
    cached = {**blob.descriptor, "platform": {"os": "linux", "architecture": "s390x"}}
    document = {"schemaVersion": 2, "manifests": [AMD64.descriptor, cached]}
    made = worlds.Made(INDEX.media_type, worlds.encoded(document), (blob,), (AMD64,))

    (lacking,) = scene(made, "v1", "linux/s390x").findings(**mirror)
    assert (lacking.severity, lacking.digest) == ("critical", None)
    assert lacking.detail == "no image for linux/s390x"


class TestProtection:
    def codes(self, seen: Scene, collector: Collector = Collector.DISTRIBUTION_2) -> list[str]:
        return [
            f"{each.severity} {each.platform or each.digest}"
            for each in seen.findings(collector=collector)
            if each.rule.code == "unprotected-child"
        ]

    def test_without_a_seal_nothing_is_said_of_it(self) -> None:
        seen = scene(BUILT)

        assert self.codes(seen) == []
        assert [child.protected_by for child in seen.verdict().children] == [None] * 3

    def test_each_child_at_which_no_tag_points_is_told(self) -> None:
        assert self.codes(scene(BUILT).seal()) == [
            "warning linux/amd64",
            "warning linux/arm64",
            "info unknown/unknown",
        ]

    def test_a_tag_of_the_same_repository_protects(self) -> None:
        seen = scene(BUILT).seal(one=ARM64.digest, two=ARM64.digest, three=PROOF.digest)

        assert self.codes(seen) == ["warning linux/amd64"]
        assert [child.protected_by for child in seen.verdict().children] == [
            (),
            ("one", "two"),
            ("three",),
        ]

    def test_a_tag_that_was_looked_at_protects_without_a_seal(self) -> None:
        seen = scene(BUILT).tag(ARM64, "direct")

        assert [child.protected_by for child in seen.verdict().children] == [
            None,
            ("direct",),
            None,
        ]

    def test_all_tags_that_were_looked_at_protect(self) -> None:
        seen = scene(BUILT).tag(ARM64, "one").tag(ARM64, "two").tag(AMD64, None)

        assert seen.child(ARM64.digest).protected_by == ("one", "two")
        assert seen.child(AMD64.digest).protected_by is None

    def test_a_tag_that_could_not_be_asked_has_nothing_to_protect(self) -> None:
        assert self.codes(Scene().nothing("v1", BLIND).seal()) == []

    def test_a_tag_that_cannot_be_resolved_now_protects_nothing(self) -> None:
        seen = scene(BUILT).tag(ARM64, "direct", seen=BLIND)

        assert seen.child(ARM64.digest).protected_by is None

    def test_the_tag_itself_protects_its_own_manifest(self) -> None:
        assert self.codes(scene(AMD64).seal()) == []

    def test_a_pinned_digest_that_no_tag_holds_is_told(self) -> None:
        seen = scene(INDEX, None).seal()

        assert self.codes(seen) == ["warning linux/amd64", "warning linux/arm64"]
        assert self.codes(scene(AMD64, None).seal()) == ["warning linux/amd64"]

    def test_a_nested_index_is_told_too(self) -> None:
        seen = scene(worlds.index(INDEX)).seal(one=AMD64.digest, two=ARM64.digest)

        assert self.codes(seen) == [f"warning {INDEX.digest}"]
        assert self.codes(seen.seal(index=INDEX.digest, one=AMD64.digest, two=ARM64.digest)) == []

    def test_what_is_gone_has_nothing_left_to_protect(self) -> None:
        seen = scene(INDEX).lose(AMD64.digest).lose(ARM64.layers[0].digest).seal()

        assert self.codes(seen) == ["warning linux/arm64"]

    def test_a_cache_is_held_by_its_index(self) -> None:
        assert self.codes(scene(worlds.build_cache("app")).seal()) == []

    @pytest.mark.parametrize("collector", Collector)
    def test_it_is_a_warning_only_where_the_sites_collector_would_take_it(
        self, collector: Collector
    ) -> None:
        told = {Collector.DISTRIBUTION_2: "warning", Collector.UNKNOWN: "info"}.get(collector)
        expected = [f"{told} {each}" for each in ("linux/amd64", "linux/arm64") if told]

        assert self.codes(scene(INDEX).seal(), collector) == expected
        idle = scene(INDEX, kind=ReferenceClass.IDLE).seal()
        assert self.codes(idle, collector) == [each.replace("warning", "info") for each in expected]

    @pytest.mark.parametrize("collector", Collector)
    def test_an_idle_pin_that_no_tag_names_is_told_unless_nothing_is_ever_collected(
        self, collector: Collector
    ) -> None:
        idle = scene(AMD64, None, kind=ReferenceClass.IDLE).seal()

        never = collector is Collector.NONE
        assert self.codes(idle, collector) == ([] if never else ["info linux/amd64"])


def test_a_finding_keeps_the_time_at_which_it_was_first_seen() -> None:
    seen = scene(BUILT).lose(ARM64.digest).snapshot()
    (key,) = judge(seen, {}).since

    assert judge(seen, {}).since == {key: NOW}
    assert judge(seen, {key: 7.0, "another": 3.0}).since == {key: 7.0}


def test_a_key_names_the_rule_the_tag_the_child_and_the_platform() -> None:
    (missing,) = scene(BUILT).lose(ARM64.digest).findings()
    assert missing.key == f"missing-child app:v1 {ARM64.digest} linux/arm64"
    (lacking,) = scene(BUILT, None, "linux/s390x").findings()
    assert lacking.key == f"missing-platform app:@{BUILT.digest.short}  linux/s390x"
    (index,) = scene(worlds.index(INDEX)).lose(INDEX.digest).findings()
    assert index.key == f"missing-child app:v1 {INDEX.digest}"
    assert missing.root.repository == APP


def test_findings_come_tag_by_tag_live_first() -> None:
    seen = scene(INDEX, "old", kind=LATEST).tag(BUILT, "v1").lose(ARM64.digest)

    assert [each.root.name for each in seen.findings()] == ["v1", "old"]
    assert judge(seen.snapshot(), {}).verdicts[0].state is State.BROKEN


def let_in(admitted: bool | None, login: str = "prod shop: a") -> Admission:  # noqa: FBT001
    return Admission(login, APP, admitted, Reason.DENIED, "the login is refused")


@pytest.mark.parametrize(
    ("kind", "severity"),
    [(LIVE, "warning"), *((kind, "info") for kind in ReferenceClass if kind is not LIVE)],
)
def test_refused_pull_secrets_are_a_warning_where_something_runs_and_never_critical(
    kind: ReferenceClass, severity: str
) -> None:
    others = use("app:v1", login="prod shop: b")
    users = (use("app:v1", reference_class=kind, login="prod shop: a"), others)
    seen = scene(BUILT)

    assert seen.codes(uses=users, admissions=(let_in(False),)) == [("refused-login", severity)]


def test_pull_secrets_that_open_or_could_not_be_tried_are_no_finding() -> None:
    users = (use("app:v1", login="prod shop: a"), use("app:v1", login="prod shop: b"))
    doors = (let_in(True), let_in(None, "prod shop: b"))

    assert scene(BUILT).codes(uses=users, admissions=doors) == []


def test_pull_secrets_of_others_are_not_told_of_a_tag() -> None:
    users = (use("app:v2", login="prod shop: a"), use("app:v1"))

    assert scene(BUILT).codes(uses=users, admissions=(let_in(False),)) == []


def test_each_set_of_pull_secrets_is_a_finding_with_a_time_of_its_own() -> None:
    users = tuple(use("app:v1", login=f"prod shop: {name}") for name in "ab")
    doors = tuple(let_in(False, f"prod shop: {name}") for name in "ab")

    found = scene(BUILT).findings(uses=users, admissions=doors)

    assert [each.detail for each in found] == [
        f"prod shop: {name}: the login is refused" for name in "ab"
    ]
    assert len({each.key for each in found}) == 2
