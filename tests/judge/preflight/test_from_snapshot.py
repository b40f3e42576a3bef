"""What can be told of a collection or a deletion from a registry's answers alone?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import RegistryPart, Role, Root
from exporter.facts.use import ReferenceClass
from exporter.judge.impact import User
from exporter.judge.judgement import judge
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.judge.preflight.from_snapshot import predict
from exporter.judge.preflight.prediction import Prediction, Verdict
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.publish.answers.preflight import headline
from tests.judge.kinds import KINDS
from tests.judge.preflight.asking import codes, collection, deletion, plan, use, victims
from tests.judge.scene import BLIND, Scene, scene
from tests.worlds import Made, attestation, image, index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.judge.preflight.prediction import NeededImage, Operation

AMD64, ARM64 = image("app", "linux/amd64"), image("app", "linux/arm64")
ATTESTATION = attestation(AMD64)
APP = index(AMD64, ARM64, ATTESTATION)
SAFE, UNSAFE, INCOMPLETE = Verdict.SAFE, Verdict.UNSAFE, Verdict.INCOMPLETE


def answered(
    seen: Scene,
    operation: Operation,
    needed: Sequence[NeededImage] = (),
    gaps: Sequence[Gap] = (),
    **other: Any,
) -> Prediction:
    return predict(judge(seen.snapshot(**other), {}), operation, needed, gaps)


def test_distribution_2_takes_every_child_that_no_tag_points_at() -> None:
    answer = answered(scene(APP).seal(amd64=AMD64.digest), collection("2 -m"))

    assert (answer.verdict, victims(answer)) == (
        UNSAFE,
        {"app:v1": {ARM64.digest, ATTESTATION.digest}},
    )
    assert {each.platform for each in answer.victims[0].broken} == {"linux/arm64", "attestation"}
    assert answer.removed is None
    assert {"writes-open", "stale-cache", "storage-not-read"} <= codes(answer)


@pytest.mark.parametrize("own", [Collector.PARENT_PROTECTS, Collector.NONE])
@pytest.mark.parametrize("words", ["2 -m", "3"])
def test_a_registry_with_another_collector_has_no_victims_of_distributions(
    own: Collector, words: str
) -> None:
    seen, asked = scene(APP).seal(), collection(words)
    answer = answered(seen, asked, collector=own)

    assert (answer.verdict, answer.victims) == (INCOMPLETE, ())
    assert f"the registry's own collector is {own}" in answer.gaps[-1].detail
    assert f"no prediction of a collection: the registry's own collector is {own}" in headline(
        answer
    )
    assert asked.collection is not None
    assumed = replace(asked, collection=replace(asked.collection, assumed=True))
    answer = answered(seen, assumed, collector=own)
    assert answer.verdict is (UNSAFE if words == "2 -m" else SAFE)
    assert "other-collector" in codes(answer)


def test_a_registry_of_another_kind_has_none_either_unless_its_collector_is_configured() -> None:
    seen, asked, ghcr = scene(APP).seal(), collection("2 -m"), KINDS["ghcr"]

    answer = answered(seen, asked, kind=ghcr)
    assert (answer.verdict, answer.victims) == (INCOMPLETE, ())
    assert "the registry's own collector is that of ghcr" in headline(answer)
    told = answered(seen, asked, kind=ghcr, collector=Collector.DISTRIBUTION_2)
    assert told.verdict is UNSAFE


def test_the_other_version_of_distributions_collector_is_a_hazard() -> None:
    seen, asked = scene(APP).seal(), collection("3")

    assert "other-collector" in codes(answered(seen, asked, collector=Collector.DISTRIBUTION_2))
    for own in (Collector.DISTRIBUTION_3, Collector.UNKNOWN):
        assert "other-collector" not in codes(answered(seen, asked, collector=own))


def test_with_a_tag_on_every_child_it_is_safe() -> None:
    tags = {"a": AMD64.digest, "b": ARM64.digest, "c": ATTESTATION.digest}

    assert answered(scene(APP).seal(**tags), collection("2 -m")).verdict is SAFE


def test_a_nested_index_goes_as_any_child() -> None:
    inner = index(AMD64)

    answer = answered(scene(index(inner)).tag(AMD64, "amd64").seal(), collection("2 -m"))

    assert victims(answer) == {"app:v1": {inner.digest}}


@pytest.mark.parametrize("words", ["2", "3"])
def test_a_plain_collection_takes_no_manifest(words: str) -> None:
    assert answered(scene(APP).seal(), collection(words)).verdict is SAFE


@pytest.mark.parametrize("words", ["2", "3", "2 -m", "3 -m"])
def test_content_named_by_sha512_goes_with_any_collection(words: str) -> None:
    blob = AMD64.layers[0]
    long = Digest.of(blob.body, "sha512")
    body = AMD64.body.replace(blob.digest.encode(), long.encode())
    made = Made(AMD64.media_type, body, AMD64.blobs, platform=AMD64.platform)
    seen = scene(made)
    seen.sightings[seen.roots[0].repository, long] = seen.sightings[
        seen.roots[0].repository, blob.digest
    ]

    answer = answered(seen.seal(), collection(words))

    assert [each.digest for each in answer.victims[0].broken[0].lost] == [long]


def test_what_distribution_3_keeps_by_an_index_alone_only_the_storage_proves() -> None:
    answer = answered(scene(APP).seal(), collection("3 -m"))

    assert (answer.verdict, victims(answer)) == (INCOMPLETE, {})
    assert "--storage" in answer.gaps[0].detail


def test_a_pinned_digest_to_which_no_tag_leads_goes_under_both() -> None:
    seen = scene(AMD64, None).tag(ARM64, "v1").seal()
    pin = use("app", digest=AMD64.digest, owner="Deployment web")

    for words in ("2 -m", "3 -m"):
        answer = answered(seen, collection(words), [pin])
        assert victims(answer) == {f"app@{AMD64.digest}": {AMD64.digest}}
        assert answer.victims[0].image.users == (User("Deployment web"),)


def test_tags_that_were_not_all_resolved_prove_nothing() -> None:
    answer = answered(scene(APP), collection("2 -m"))

    assert (answer.verdict, victims(answer)) == (INCOMPLETE, {})
    assert {each.scope for each in answer.gaps} == {Scope.REPOSITORY}


def test_what_is_gone_already_is_no_victim() -> None:
    seen = scene(index(AMD64, ARM64)).lose(ARM64.digest).turn(BLIND, AMD64.digest).seal()

    answer = answered(seen, collection("2 -m"))

    assert (answer.verdict, victims(answer)) == (INCOMPLETE, {})


def test_any_gap_of_the_snapshot_or_of_the_references_is_doubt() -> None:
    seen = scene(AMD64).seal()
    gap = Gap(Scope.OBJECT, "app:v2", Reason.TIMEOUT)

    assert answered(seen, collection("2 -m")).verdict is SAFE
    assert answered(seen, collection("2 -m"), gaps=[gap]).verdict is INCOMPLETE
    assert answered(seen, collection("2 -m"), role=Role.PROXY).verdict is INCOMPLETE
    snapshot = seen.snapshot(gaps=(gap,))
    assert predict(judge(snapshot, {}), collection("2 -m"), (), ()).verdict is INCOMPLETE


def test_of_a_proxied_part_with_images_in_use_no_collection_is_predicted() -> None:
    seen = scene(AMD64).seal().snapshot()
    cached = Root(Repository("prox/app"), Tag("v1"), None, BLIND, ReferenceClass.LIVE)
    parts = (RegistryPart(("prox/*",), Role.PROXY),)
    beside = judge(replace(seen, roots=(*seen.roots, cached), parts=parts), {})

    answer = predict(beside, collection("2 -m"), (), ())

    assert answer.verdict is INCOMPLETE
    assert [(each.subject, each.reason) for each in answer.gaps] == [("prox/app", Reason.BY_DESIGN)]
    assert (
        predict(judge(replace(seen, parts=parts), {}), collection("2 -m"), (), ()).verdict is SAFE
    )


def test_a_layer_that_was_not_compared_with_its_image_is_no_doubt() -> None:
    gap = Gap(Scope.CONTENT, "app@x", Reason.UNSUPPORTED)
    snapshot = scene(AMD64).seal().snapshot(gaps=(gap,))

    assert predict(judge(snapshot, {}), collection("2 -m"), (), ()).verdict is SAFE


def test_a_use_that_was_not_looked_at_is_doubt() -> None:
    answer = answered(scene(AMD64).seal(), collection("2 -m"), [use("web", tag="v1")])

    assert (answer.verdict, answer.gaps[0].subject) == (INCOMPLETE, "web:v1")


def test_a_use_raises_the_class_of_its_tag() -> None:
    seen = scene(APP, kind=ReferenceClass.SELECTED).seal()

    answer = answered(seen, collection("2 -m"), [use("app", tag="v1")])

    assert answer.victims[0].image.reference_class is ReferenceClass.LIVE


def test_scenario_21_a_list_that_takes_a_shared_child_hurts_the_other_tag() -> None:
    first, second = index(AMD64, image("one")), index(AMD64, ARM64)
    seen = scene(first, "v1").tag(second, "v2").seal()
    listed = [f"app:v1@{first.digest}", *(f"app@{each.digest}" for each in first.children)]

    answer = answered(seen, deletion(*listed))

    assert (answer.verdict, victims(answer)) == (UNSAFE, {"app:v2": {AMD64.digest}})
    assert answer.removed is not None
    assert (answer.removed.tags, answer.removed.manifests) == (1, 3)


def test_a_digest_takes_the_tags_that_nobody_named() -> None:
    seen = scene(AMD64, "v1").tag(AMD64, "latest").seal()

    answer = answered(seen, deletion(f"app:v1@{AMD64.digest}"))

    assert {each.image.name: each.tag_removed for each in answer.victims} == {"app:latest": True}


def test_a_script_that_removes_folders_leaves_the_tags_dangling() -> None:
    seen = scene(AMD64, "v1").tag(AMD64, "latest").seal()
    named = f"app:v1@{AMD64.digest}"

    answer = answered(seen, deletion(named, method=DeletionMethod.FOLDER))

    assert victims(answer) == {"app:latest": {AMD64.digest}, "app:v1": {AMD64.digest}}
    assert not any(each.tag_removed for each in answer.victims)


def test_a_deleted_tag_hurts_its_users_only() -> None:
    seen = scene(AMD64, "v1").seal()

    assert answered(seen, deletion("app:v1")).verdict is SAFE
    assert victims(answered(seen, deletion("app:v1"), [use("app", tag="v1")])) == {"app:v1": set()}


def test_a_retention_policy_that_deletes_by_tag_takes_the_manifest() -> None:
    seen = scene(AMD64, "v1").tag(AMD64, "v2").seal()
    line = "dry-run: Would have deleted app:v1 package_version=1"

    assert {each.image.name for each in answered(seen, plan(line)).victims} == {"app:v2"}


def test_a_collectors_dry_run_is_judged_by_what_it_lists() -> None:
    lines = (
        "app",
        f"manifest eligible for deletion: {ARM64.digest}",
        "",
        "3 blobs marked, 1 blobs and 1 manifests eligible for deletion",
        f"blob eligible for deletion: {AMD64.layers[0].digest}",
    )

    answer = answered(scene(index(AMD64, ARM64)).seal(), plan("\n".join(lines)))

    kinds = {each.digest: [lost.kind for lost in each.lost] for each in answer.victims[0].broken}
    assert kinds == {ARM64.digest: ["manifest"], AMD64.digest: ["layer"]}


def test_a_link_that_goes_costs_its_repository_the_layer() -> None:
    lines = (
        "app",
        "1 blobs marked, 0 blobs and 0 manifests eligible for deletion",
        f"app: layer link eligible for deletion: {AMD64.layers[0].digest}",
    )

    answer = answered(scene(AMD64).seal(), plan("\n".join(lines)))

    assert [(each.kind, each.removed) for each in answer.victims[0].broken[0].lost] == [
        ("layer", False)
    ]


def test_tags_out_of_scope_may_need_what_is_deleted() -> None:
    other = index(ARM64, image("out of scope"))

    answer = answered(scene(AMD64).seal(other=other.digest), deletion(f"app:v1@{AMD64.digest}"))

    assert answer.verdict is INCOMPLETE
    assert "1 tags are not in the snapshot's scope" in answer.gaps[0].detail


def test_tags_out_of_scope_are_doubt_about_any_collection() -> None:
    seen = scene(AMD64).seal(other=image("out of scope").digest)

    for words in ("2", "2 -m", "3", "3 -m"):
        assert answered(seen, collection(words)).verdict is INCOMPLETE


def test_what_is_broken_already_is_no_victim() -> None:
    seen = scene(index(AMD64, ARM64)).lose(AMD64.layers[0].digest).seal()

    assert victims(answered(seen, collection("2 -m"))) == {"app:v1": {ARM64.digest}}


def test_a_list_about_another_registry_is_doubt() -> None:
    answer = answered(scene(AMD64).seal(), deletion("web:v1"))

    assert (answer.verdict, codes(answer)) == (INCOMPLETE, {"plan-differs"})
