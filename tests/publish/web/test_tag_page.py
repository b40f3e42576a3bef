"""The page of a tag says what is lost, how that is known, who needs it and what to type."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from exporter.facts.use import Holder, ReferenceClass, Use, Workload
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.web.pages import BROKEN
from tests.publish.reports import (
    AMD64,
    ARM64,
    MISSING,
    TAKEN_AT,
    attestation,
    child,
    digest,
    gone,
    report,
    tag,
)
from tests.publish.web.page import page, shown

APP = Reference.parse("registry.example/shop/app:v1")


async def test_a_tag_that_could_not_be_told_says_why() -> None:
    text = (await page("/tag/registry.example/shop/vault:v3")).text

    assert "unknown State could not be established: denied." in text


async def test_the_page_of_a_tag_shows_its_tree_and_how_it_is_known() -> None:
    text = (await page("/tag/registry.example/shop/app:v1")).text

    assert "Cannot be pulled for linux/amd64 and linux/arm64." in text
    assert f"MISSING linux/arm64 image 400 B {digest('arm64')}" in text
    assert "1 optional manifest missing or broken" in text
    assert "First seen 2026-04-22 08:30 UTC, 2 h ago" in text
    assert "Audited 2026-04-22 10:00 UTC, 60 min ago" in text
    assert "pullproof inspect registry.example/shop/app:v1" in text
    assert "pullproof repair registry.example/shop/app:v1" in text
    assert "pullproof repair --apply registry.example/shop/app:v1" in text


async def test_the_page_of_a_tag_says_who_needs_it_where_and_when() -> None:
    use = Use(
        "pod",
        APP,
        ReferenceClass.LIVE,
        frozenset({ARM64}),
        workload=Workload("", "shop", "Deployment", "checkout"),
        alive=3,
        next_run=TAKEN_AT + 7200,
        holders=(Holder("node-7", ARM64), Holder("node-9", AMD64)),
    )
    lost = tag("shop/app:v1", child("arm64", MISSING), uses=(use,))
    lost = replace(lost, root=replace(lost.root, platforms=frozenset({ARM64})))
    text = (await page("/tag/registry.example/shop/app:v1", shown(report(lost)))).text

    assert "Must run on linux/arm64" in text
    assert "Deployment shop/checkout on linux/arm64, 3 running, next run 2026-04-22 12:00" in text
    assert text.count("✕ cannot restart") == 1
    assert "Or export the image: node node-7 linux/arm64 reports that" in text
    assert "--platform linux/arm64 image.tar registry.example/shop/app:v1" in text
    assert (
        "Do not restart or reschedule workloads that use it : 3 containers running on layers"
        in text
    )


async def test_without_a_cluster_the_page_of_a_broken_live_tag_still_warns_of_a_restart() -> None:
    live = report(tag("app:v1", child("arm64", MISSING)))
    old = report(tag("app:v1", child("arm64", MISSING), reference=ReferenceClass.SELECTED))

    for about, warned in ((live, True), (old, False)):
        text = (await page("/tag/registry.example/app:v1", shown(about))).text
        assert ("Do not restart or reschedule workloads that use it" in text) is warned


async def test_a_tag_that_is_gone_has_a_page() -> None:
    text = (await page("/tag/registry.example/app:v1", shown(report(gone("app:v1"))))).text

    assert "missing Cannot be pulled." in text
    assert "404 MANIFEST_UNKNOWN" in text


async def test_a_pinned_digest_has_a_page() -> None:
    path = f"/tag/registry.example/app@{digest('index of app@')}"

    assert (await page(path, shown(report(tag("app@", child()))))).text


async def test_the_page_of_a_tag_links_to_what_is_said_of_its_findings() -> None:
    links = (await page("/tag/registry.example/shop/app:v1")).links

    assert "../../../docs/findings/missing-child.md" in links
    assert "../../../docs/runbooks/RegistryLiveTagBroken.md" in links
    assert "../../../docs/repair.md" in links


def test_every_runbook_that_a_page_leads_to_is_there() -> None:
    shelf = {path.stem for path in (Path(__file__).parents[3] / "docs/runbooks").glob("*.md")}

    at_risk = {rule.runbook for rule in report(tag("app:v1", child())).checked if rule.runbook}
    assert at_risk
    assert {*BROKEN.values()} | at_risk <= shelf
    assert set(BROKEN) == set(ReferenceClass)


async def test_what_a_registry_writes_cannot_leave_its_word_in_a_command() -> None:
    hostile = replace(child("arm64", MISSING), platform=Platform("linux", "x; rm -rf ~"))
    text = (await page("/tag/registry.example/app:v1", shown(report(tag("app:v1", hostile))))).text

    assert "--platform 'linux/x; rm -rf ~' image.tar" in text


async def test_what_no_node_runs_is_called_what_it_is() -> None:
    nowhere = replace(attestation(), platform=Platform("unknown", "unknown"))
    text = (
        await page("/tag/registry.example/app:v1", shown(report(tag("app:v1", child(), nowhere))))
    ).text

    assert "unknown/unknown" not in text
    assert "✓ ok attestation" in text
