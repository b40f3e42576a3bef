"""Whom does corrupt content stop?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.misfit import Misfit
from exporter.facts.proof import corrupt
from exporter.judge.damage import damages
from exporter.judge.judgement import judge
from exporter.oci.reference import Repository
from exporter.publish.text.scrub import damage_markdown, damage_text
from tests import worlds
from tests.fakes import APP, Fake, audited, use

if TYPE_CHECKING:
    from exporter.judge.report import Report

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


async def test_every_tag_and_use_that_it_stops_is_named_live_first() -> None:
    (damage,) = damages(await rotten(BASE.digest))

    assert damage.lack.digest == BASE.digest
    first, second = damage.stops
    assert (first.name, first.reference_class, first.owners) == ("app:v1", "live", ("refs.yml:1",))
    assert [str(each) for each in first.platforms] == ["linux/amd64", "linux/arm64"]
    assert first.required
    assert (second.name, second.reference_class, second.owners) == ("app:v2", "selected", ())


async def test_what_no_platform_that_must_run_needs_is_said_so() -> None:
    own = BOTH.children[0].layers[1]

    (damage,) = damages(await rotten(own.digest))

    assert [stop.required for stop in damage.stops] == [False, True]
    assert "on linux/amd64, optional, used by refs.yml:1" in damage_text([await rotten(own.digest)])


async def test_who_pins_a_digest_uses_the_pin_and_not_the_tag() -> None:
    fake = Fake()
    fake.push(BOTH, "v1")
    snapshot = (await audited(fake, use(f"app@{BOTH.digest}"))).snapshot
    turned = {(APP, BASE.digest): corrupt("hashes to x")}

    (damage,) = damages(judge(replace(snapshot, sightings={**snapshot.sightings, **turned}), {}))

    owners = {each.name: each.owners for each in damage.stops}
    assert owners == {f"app@{BOTH.digest.short}": ("refs.yml:1",), "app:v1": ()}


async def test_nothing_is_said_where_nothing_is_corrupt() -> None:
    report = await rotten()

    assert damages(report) == ()
    assert (damage_text([report]), damage_markdown([report])) == ("", "")


async def test_text_and_markdown_name_blob_tag_and_use() -> None:
    report = await rotten(BASE.digest)

    for said in (damage_text([report]), damage_markdown([report])):
        assert f"layer {BASE.digest} (700 B): digest-mismatch: hashes to x" in said
        assert "breaks app:v1 (live) on linux/amd64, linux/arm64, used by refs.yml:1" in said
        assert "breaks app:v2 (selected) on linux/amd64, linux/arm64" in said


async def test_what_is_not_what_its_image_says_has_a_section_of_its_own() -> None:
    report = await rotten()
    image = BOTH.children[1]
    wrong = {image.digest: (Misfit(BASE.digest, "unpacks to x, its configuration says y"),)}
    report = judge(replace(report.snapshot, misfits=wrong), {})

    (damage,) = damages(report)

    assert [stop.name for stop in damage.stops] == ["app:v1", "app:v2"]
    said = damage_text([report])
    assert said.startswith("\nWrong diff ID\n"), "and no section on what is corrupt"
    assert f"  layer {BASE.digest} (700 B): unpacks to x, its configuration says y\n" in said
    assert "breaks app:v1 (live) on linux/arm64, used by refs.yml:1" in said
    assert "## Wrong diff ID" in damage_markdown([report])
