"""The status page says what is wrong first, and finds what is sought."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import Collector
from exporter.facts.shard import Shard
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.check import TagContext
from exporter.judge.checks import unprotected_child
from exporter.oci.reference import Reference
from tests.parts.process import PATIENCE
from tests.publish.reports import (
    BROKEN,
    MISSING,
    TAKEN_AT,
    UNKNOWN,
    app_state,
    attestation,
    child,
    digest,
    rejudged,
    report,
    status,
    storage,
    tag,
)
from tests.publish.web.page import Page, ask, page, shown
from tests.publish.web.serving import Board, serving

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.judge.report import Report

APP = Reference.parse("registry.example/shop/app:v1")


def many(count: int) -> Board:
    return shown(report(*(tag(f"app:v{number:04}", child()) for number in range(count))))


async def listed(query: str, board: Board | None = None) -> list[str]:
    """The tags of the list, without those at the top of the page."""
    answer = await ask(f"/?{query}", board)
    return re.findall(r'rowheader">.*?<a href="tag/[^/]*/([^"]*)"', answer.text)


async def test_the_status_page_begins_with_what_cannot_be_pulled() -> None:
    text = (await page("/")).text

    words = ("2 live tags cannot be pulled", "shop/app:v1", "shop/web:2026", "Registries", "Tags")
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert "1 tag unknown" in text
    assert "4 tags in 1 registry, audited 2026-04-22 10:00 UTC (60 min ago)." in text
    assert "repository shop/vault: denied: 403 Forbidden" in text


async def test_what_else_cannot_be_pulled_is_counted_by_class() -> None:
    gone = child(state=MISSING)
    latest = [tag(f"{name}:latest", gone, reference=ReferenceClass.LATEST) for name in ("a", "b")]
    selected = tag("a:v1", gone, reference=ReferenceClass.SELECTED)

    text = (await page("/", shown(report(tag("a:live", gone), *latest, selected)))).text

    assert "1 live tag cannot be pulled" in text
    assert "Also affected: 2 latest tags and 1 selected tag." in text


async def test_the_list_has_the_worst_first() -> None:
    assert await listed("") == ["shop/app:v1", "shop/web:2026", "shop/vault:v3", "shop/app:latest"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("registry=registry.example&repository=&class=&state=&need=", 4),
        ("registry=other", 0),
        ("repository=WEB", 1),
        ("repository=shop/app", 2),
        ("class=latest", 1),
        ("state=gone", 2),
        ("state=missing", 0),
        ("state=broken", 2),
        ("state=unknown", 1),
        ("state=present", 1),
        ("need=required", 3),
        ("need=optional", 1),
        ("repository=app&state=gone", 1),
    ],
)
async def test_the_list_shows_what_is_sought(query: str, found: int) -> None:
    assert len(await listed(query)) == found


async def test_what_is_sought_stands_in_the_form_and_can_be_cleared() -> None:
    answer = await ask("/?repository=%22web&state=gone")

    assert 'value="&quot;web"' in answer.text
    assert '<option value="gone" selected>' in answer.text
    assert "No tag matches" in answer.text
    assert "Clear" in Page(answer).text


async def test_a_long_list_is_turned_page_by_page_and_shows_each_tag_once() -> None:
    board = many(250)
    first, second, third, beyond = [
        await listed(f"class=live&page={number}", board) for number in (1, 2, 3, 9)
    ]

    assert (len(first), len(second), len(third)) == (100, 100, 50)
    assert len({*first, *second, *third}) == 250
    assert beyond == third
    middle = await page("/?class=live&page=2", board)
    assert "101 to 200 of 250 tags" in middle.text
    assert "Page 2 of 3" in middle.text
    assert {"./?class=live#tags", "./?class=live&page=3#tags"} <= set(middle.links)


async def test_a_pull_through_cache_is_no_worry() -> None:
    board = shown(report(tag("lib:v1", child(state=UNKNOWN, expected=False)), role=Role.PROXY))

    assert "Every tag in scope can be pulled" in (await page("/", board)).text
    assert await listed("state=by-design", board) == ["lib:v1"]
    assert await listed("state=unknown", board) == []


async def test_what_nothing_needs_is_no_alarm_and_can_be_found() -> None:
    board = shown(report(tag("app:v1", child()), tag("web:v1", child(), attestation(MISSING))))

    assert "Every tag in scope can be pulled" in (await page("/", board)).text
    assert await listed("need=optional", board) == ["web:v1"]


async def test_what_a_collection_would_take_is_told_before_it_does() -> None:
    collector = report(tag("app:v1", child()))
    risk = rejudged(collector, *judged(collector))
    board = shown(risk)

    assert "1 tag at risk in a garbage collection" in (await page("/", board)).text
    assert await listed("state=unprotected", board) == ["app:v1"]
    assert (
        "pullproof protect --apply registry.example/app:v1"
        in (await page("/tag/registry.example/app:v1", board)).text
    )


def judged(about: Report) -> tuple[Finding, ...]:
    (verdict,) = about.verdicts
    return tuple(unprotected_child.CHECK.run(TagContext(verdict, about.snapshot, None)))


async def test_a_registry_that_was_never_seen_is_no_good_news() -> None:
    gap = Gap(Scope.REGISTRY, "registry.example", Reason.TLS, "unknown authority")
    text = (await page("/", Board(app_state(status(None, up=False, gaps=(gap,)))))).text

    assert "No audit results yet" in text
    assert "registry registry.example: tls: unknown authority" in text


async def test_not_everything_seen_is_not_everything_well() -> None:
    never = status(None, registry="other")
    text = (await page("/", Board(app_state(status(report(tag("a:v1", child()))), never)))).text

    assert "No known losses, but some results are unknown" in text


@pytest.mark.parametrize(
    "other",
    [
        {"up": False},
        {"up": None},
        {"gaps": (Gap(Scope.REPOSITORY, "team", Reason.TIMEOUT, ""),)},
    ],
)
async def test_what_was_not_seen_takes_the_all_clear_away(other: dict[str, object]) -> None:
    about = report(tag("a:v1", child()))

    assert "Every tag in scope can be pulled" in (await page("/", shown(about))).text
    assert "some results are unknown" in (await page("/", shown(about, **other))).text


async def test_a_shard_says_that_it_is_one() -> None:
    about = report(tag("a:v1", child()))

    assert "Shard 2 of 3" in (await page("/", shown(about, shard=Shard(1, 3)))).text
    assert "Shard" not in (await page("/", shown(about))).text


async def test_no_tag_in_scope_is_no_all_clear() -> None:
    assert "No tags in scope" in (await page("/", shown(report()))).text


async def test_the_status_page_says_what_is_being_audited_now() -> None:
    running = app_state(status(report()), in_progress=frozenset({"registry.example"}))

    assert "auditing now" in (await page("/", Board(running))).text
    assert "auditing now" not in (await page("/", shown(report()))).text


async def test_the_storage_stands_by_its_registry() -> None:
    board = shown(replace(report(tag("app:v1", child())), storage=storage()))
    text = (await page("/", board)).text

    assert "5.2 KiB stored, 1000 B reclaimable" in text
    assert "needed by tags 3.9 KiB untagged 200 B unreferenced 500 B" in text
    assert "distribution-2, delete-untagged this registry" in text
    assert "breaks 2 live manifests" in text
    assert "aborts" in text
    assert "1 fault in the storage solo: it has no tags" in text
    assert "failed to mark: no such thing" in text


async def test_what_a_schedule_starts_soonest_is_told_first() -> None:
    runs = {"a": None, "b": TAKEN_AT + 7200, "c": TAKEN_AT + 3600}
    verdicts = [
        tag(
            f"{name}:v1",
            child("arm64", MISSING),
            uses=(Use(name, APP, ReferenceClass.LIVE, next_run=run),),
        )
        for name, run in runs.items()
    ]

    assert await listed("", shown(report(*verdicts))) == ["c:v1", "b:v1", "a:v1"]


async def test_what_nothing_needs_is_told_before_what_is_well() -> None:
    selected = ReferenceClass.SELECTED
    hurt = tag("z:v1", child(), attestation(MISSING), reference=selected)

    assert await listed("", shown(report(tag("a:v1", child()), hurt))) == ["z:v1", "a:v1"]


async def test_the_registry_that_lost_something_stands_first() -> None:
    well = status(report(tag("a:v1", child()), registry="a.example"))
    hurt = status(report(tag("a:v1", child(state=MISSING)), registry="b.example"))
    answer = await ask("/", Board(app_state(well, hurt)))

    assert re.findall("<h3>(.*?)</h3>", answer.text)[:2] == ["b.example", "a.example"]


async def test_what_the_own_collector_would_do_stands_first() -> None:
    about = report(tag("app:v1", child()), collector=Collector.DISTRIBUTION_3)
    text = (await page("/", shown(replace(about, storage=storage())))).text

    assert text.index("distribution-3, plain this registry") < text.index("distribution-2, delete")


async def test_one_layer_that_breaks_many_tags_is_on_the_first_screen_and_has_a_page() -> None:
    lost = child("amd64", BROKEN).lacks[0].digest
    about = report(*(tag(f"team/app:v{at}", child("amd64", BROKEN)) for at in range(500)))
    async with (
        serving(board=shown(about)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        front = Page(await http.get("/"))
        (path,) = (each for each in front.links if each.startswith("digest/"))
        answer = await http.get(f"/{path}")
        unknown = await http.get(f"/digest/registry.example/{digest('nothing')}")
        wrong = await http.get("/digest/registry.example/nothing")

    page = Page(answer)
    openly, _, folded = answer.text.partition("<summary>480 more tags</summary>")
    assert openly.count(">team/app:v") == 20, "no hundred screens of a phone"
    assert folded.count(">team/app:v") == 480
    assert "breaks 500 tags: 0 of 1034 bytes" in front.text
    assert "495 more" in front.text
    assert str(lost) in page.text
    assert "Referenced by 500 tags" in page.text
    assert f"pullproof repair registry.example --cause {lost} --apply" in page.text
    assert "team/app" in page.text
    assert (unknown.status_code, wrong.status_code) == (404, 400)
