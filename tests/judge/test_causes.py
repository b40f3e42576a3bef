"""Each piece of content that is missing or corrupt names the tags that it breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.proof import State, corrupt, gone
from exporter.judge.judgement import judge
from exporter.oci.reference import Repository
from exporter.publish.answers.losses import cause_blocks
from exporter.publish.render import markdown, terminal
from tests import worlds
from tests.fakes import APP, Fake, audited, use

if TYPE_CHECKING:
    from exporter.judge.report import BrokenTag, Report

BASE = worlds.layer("base")
BOTH = worlds.index(
    worlds.image("app", "linux/amd64", (BASE, worlds.layer("own"))),
    worlds.image("app", "linux/arm64", (BASE,)),
)
OTHER = Repository("other")


async def rotten(*digests: worlds.Digest) -> Report:
    """Two tags of one image, one of them used, and one in another repository."""
    fake = Fake()
    fake.push(BOTH, "v1")
    fake.push(BOTH, "v2")
    fake.push(worlds.image("fine"), "v1", OTHER)
    snapshot = (await audited(fake, use("app:v1", "linux/arm64"))).snapshot
    turned = {(APP, digest): corrupt("hashes to x") for digest in digests}
    return judge(replace(snapshot, sightings={**snapshot.sightings, **turned}), {})


def told(broken: BrokenTag) -> tuple[str, str, list[str]]:
    verdict = broken.verdict
    return verdict.name, verdict.root.reference_class, [use.owner for use in verdict.uses]


async def test_every_tag_and_use_that_it_stops_is_named_live_first() -> None:
    (cause,) = (await rotten(BASE.digest)).causes

    assert cause.lack.digest == BASE.digest
    first, second = cause.affects
    assert told(first) == ("app:v1", "live", ["refs.yml:1"])
    assert [str(each) for each in first.platforms] == ["linux/amd64", "linux/arm64"]
    assert first.required
    assert told(second) == ("app:v2", "selected", [])


async def test_what_no_platform_that_must_run_needs_is_said_so() -> None:
    own = BOTH.children[0].layers[1]

    (cause,) = (await rotten(own.digest)).causes

    assert [tag.required for tag in cause.affects] == [False, True]
    assert "on linux/amd64, optional" in terminal.render(
        cause_blocks([await rotten(own.digest)], 100)
    )


async def test_who_pins_a_digest_uses_the_pin_and_not_the_tag() -> None:
    fake = Fake()
    fake.push(BOTH, "v1")
    snapshot = (await audited(fake, use(f"app@{BOTH.digest}"))).snapshot
    turned = {(APP, BASE.digest): corrupt("hashes to x")}

    (cause,) = judge(replace(snapshot, sightings={**snapshot.sightings, **turned}), {}).causes

    owners = {name: uses for name, _, uses in map(told, cause.affects)}
    assert owners == {f"app@{BOTH.digest}": ["refs.yml:1"], "app:v1": []}


async def test_nothing_is_said_where_nothing_is_corrupt() -> None:
    report = await rotten()

    assert report.causes == ()
    assert list(cause_blocks([report], 9)) == []


async def test_text_and_markdown_name_blob_tag_and_use() -> None:
    report = await rotten(BASE.digest)

    for said in (
        terminal.render(cause_blocks([report], 9)),
        markdown.render(cause_blocks([report], 9)),
    ):
        plain = said.replace("`", "").replace("**", "")
        assert f"layer {BASE.digest} (700 B) BROKEN: digest-mismatch: hashes to x\n" in plain
        assert "breaks 2 tags in 1 repository (1 live, 1 selected); first seen 20" in plain
        assert "app:v1 (live) on linux/amd64, linux/arm64" in plain
        assert "app:v2 (selected) on linux/amd64, linux/arm64" in plain


async def test_what_is_not_what_its_image_says_is_a_cause_of_its_own() -> None:
    report = await rotten()
    image = BOTH.children[1]
    wrong = {image.digest: (DiffIdMismatch(BASE.digest, "unpacks to x, its configuration says y"),)}
    report = judge(replace(report.snapshot, diff_id_mismatches=wrong), {})

    (cause,) = report.causes

    assert [tag.verdict.name for tag in cause.affects] == ["app:v1", "app:v2"]
    said = terminal.render(cause_blocks([report], 9))
    assert f"layer {BASE.digest} (700 B) BROKEN: unpacks to x, its configuration says y\n" in said
    assert "app:v1 (live) on linux/arm64" in said


async def test_what_breaks_live_tags_comes_first_and_then_what_breaks_most() -> None:
    fake = Fake()
    lone, base = worlds.layer("lone"), worlds.layer("base")
    fake.push(worlds.image("one", "linux/amd64", (lone,)), "live")
    for number in range(3):
        fake.push(worlds.image(f"of base {number}", "linux/amd64", (base,)), f"idle{number}")
    fake.push(worlds.image("last", "linux/amd64", (worlds.layer("last"),)), "last")
    snapshot = (await audited(fake, use("app:live"))).snapshot
    lost = (lone, base, worlds.layer("last"))
    turned = {(APP, each.digest): gone(State.MISSING, "404") for each in lost}

    found = judge(replace(snapshot, sightings={**snapshot.sightings, **turned}), {}).causes

    assert [each.lack.digest for each in found] == [each.digest for each in lost]


async def test_a_lost_layer_of_two_tags_is_one_cause_and_so_is_a_lost_manifest() -> None:
    snapshot = (await rotten()).snapshot
    image = BOTH.children[1]
    turned = {
        (APP, BASE.digest): gone(State.BROKEN, "0 of 700 bytes"),
        (APP, image.digest): gone(State.MISSING, "MANIFEST_UNKNOWN"),
    }

    found = judge(replace(snapshot, sightings={**snapshot.sightings, **turned}), {}).causes

    assert {each.lack.digest: [tag.verdict.name for tag in each.affects] for each in found} == {
        BASE.digest: ["app:v1", "app:v2"],
        image.digest: ["app:v1", "app:v2"],
    }
