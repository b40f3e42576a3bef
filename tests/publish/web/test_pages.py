"""The pages say what is wrong first, find what is sought, and repeat nobody's markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.shard import Shard
from exporter.facts.snapshot import Role
from exporter.facts.use import Holder, ReferenceClass, Use, Workload
from exporter.judge.checks import unprotected_child
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.web.tag_page import AT_RISK, BROKEN
from tests.publish.reports import (
    AMD64,
    ARM64,
    MISSING,
    TAKEN_AT,
    UNKNOWN,
    attestation,
    child,
    digest,
    gone,
    picture,
    report,
    standing,
    stock,
    tag,
)
from tests.publish.web.page import Page
from tests.publish.web.serving import Board, serving

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.judge.report import Report

APP = Reference.parse("registry.example/shop/app:v1")
EVIL = '"><script>alert(1)</script>'


def shown(about: Report, **other: object) -> Board:
    return Board(picture(standing(about, **other)))


def many(count: int) -> Board:
    return shown(report(*(tag(f"app:v{number:04}", child()) for number in range(count))))


async def ask(path: str, board: Board | None = None, prefix: str = "") -> httpx.Response:
    async with (
        serving(board=board, prefix=prefix) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        return await http.get(path)


async def page(path: str, board: Board | None = None) -> Page:
    return Page(await ask(path, board))


async def listed(query: str, board: Board | None = None) -> list[str]:
    """The tags of the list, without those at the top of the page."""
    answer = await ask(f"/?{query}", board)
    return re.findall(r'rowheader">.*?<a href="tag/[^/]*/([^"]*)"', answer.text)


async def test_the_status_page_begins_with_what_cannot_be_pulled() -> None:
    text = (await page("/")).text

    words = ("2 live tags cannot be pulled", "shop/app:v1", "shop/web:2026", "Registries", "Tags")
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert "1 tag could not be told" in text
    assert "4 tags in 1 registry, audited 60 min ago ." in text
    assert "repository shop/vault: denied: 403 Forbidden" in text


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
    assert "No tag fits" in answer.text
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
    risk = replace(collector, findings=judged(collector))
    board = shown(risk)

    assert "1 tag would not survive a garbage collection" in (await page("/", board)).text
    assert await listed("state=unprotected", board) == ["app:v1"]
    assert (
        "pullproof protect --apply registry.example/app:v1"
        in (await page("/tag/registry.example/app:v1", board)).text
    )


def judged(about: Report) -> tuple[Finding, ...]:
    (verdict,) = about.verdicts
    snapshot = about.snapshot
    sealed = snapshot.sealed[verdict.root.repository]
    return tuple(unprotected_child.check(verdict, sealed, snapshot.collector))


async def test_a_registry_that_was_never_seen_is_no_good_news() -> None:
    gap = Gap(Scope.REGISTRY, "registry.example", Reason.TLS, "unknown authority")
    text = (await page("/", Board(picture(standing(None, up=False, gaps=(gap,)))))).text

    assert "Nothing was seen yet" in text
    assert "registry registry.example: tls unknown authority" in text


async def test_not_everything_seen_is_not_everything_well() -> None:
    never = standing(None, registry="other")
    text = (await page("/", Board(picture(standing(report(tag("a:v1", child()))), never)))).text

    assert "Nothing is known to be lost, and not everything was seen" in text


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
    assert "not everything was seen" in (await page("/", shown(about, **other))).text


async def test_a_shard_says_that_it_is_one() -> None:
    about = report(tag("a:v1", child()))

    assert "Shard 2 of 3" in (await page("/", shown(about, shard=Shard(1, 3)))).text
    assert "Shard" not in (await page("/", shown(about))).text


async def test_no_tag_in_scope_is_no_all_clear() -> None:
    assert "No tag is in scope" in (await page("/", shown(report()))).text


async def test_a_tag_that_could_not_be_told_says_why() -> None:
    text = (await page("/tag/registry.example/shop/vault:v3")).text

    assert "unknown Could not be told: denied." in text


async def test_the_status_page_says_what_is_being_audited_now() -> None:
    running = picture(standing(report()), in_progress=frozenset({"registry.example"}))

    assert "auditing now" in (await page("/", Board(running))).text
    assert "auditing now" not in (await page("/", shown(report()))).text


async def test_the_storage_stands_by_its_registry() -> None:
    board = shown(replace(report(tag("app:v1", child())), stock=stock()))
    text = (await page("/", board)).text

    assert "5.2 KiB stored, 1000 B held for nothing" in text
    assert "needed by tags 3.9 KiB of untagged images 200 B of no image 500 B" in text
    assert "distribution-2, delete-untagged this registry" in text
    assert "breaks 2 live manifests" in text
    assert "gives up" in text
    assert "1 hazard in the storage solo: it has no tags" in text
    assert "failed to mark: no such thing" in text


async def test_the_page_of_a_tag_shows_its_tree_and_how_it_is_known() -> None:
    text = (await page("/tag/registry.example/shop/app:v1")).text

    assert "Cannot be pulled for linux/amd64 and linux/arm64." in text
    assert f"MISSING linux/arm64 image 400 B {digest('arm64')}" in text
    assert "1 manifest gone that nothing needs to run" in text
    assert "First seen 2026-04-22 08:30 UTC, 2 h ago" in text
    assert "Audited 2026-04-22 10:00 UTC, 60 min ago" in text
    assert "pullproof inspect registry.example/shop/app:v1" in text
    assert "skopeo copy --all --preserve-digests docker://MIRROR/shop/app@sha256:" in text


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
    assert "Deployment shop/checkout ✕ cannot start live linux/arm64 3 running" in text
    assert "next run 2026-04-22 12:00 UTC" in text
    assert "Or save it: node node-7 linux/arm64 says that it still holds it" in text
    assert "--platform linux/arm64 image.tar registry.example/shop/app:v1" in text
    assert "Do not restart or reschedule what uses it : 3 containers on layers" in text


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


async def test_a_tag_that_is_gone_has_a_page() -> None:
    text = (await page("/tag/registry.example/app:v1", shown(report(gone("app:v1"))))).text

    assert "missing Cannot be pulled." in text
    assert "404 MANIFEST_UNKNOWN" in text


async def test_a_pinned_digest_has_a_page() -> None:
    path = f"/tag/registry.example/app@{digest('index of app@')}"

    assert (await page(path, shown(report(tag("app@", child()))))).text


async def test_every_link_leads_somewhere_also_below_a_prefix() -> None:
    async with (
        serving(prefix="/audit") as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        front = await http.get("/audit/")
        seen = 0
        for path in Page(front).links:
            answer = await http.get(front.url.join(path))
            assert answer.status_code == 200, path
            for further in Page(answer).links if path.startswith("tag/") else []:
                if not further.startswith("https:"):
                    assert (await http.get(answer.url.join(further))).status_code == 200, further
                    seen += 1
        bare = await http.get("/audit")

    assert seen > 20
    assert (bare.status_code, bare.headers["Location"]) == (302, "audit/")


async def test_the_page_of_a_tag_links_to_what_is_said_of_its_findings() -> None:
    links = (await page("/tag/registry.example/shop/app:v1")).links

    assert "https://docs.example/pullproof/findings/missing-child.md" in links
    assert "https://docs.example/pullproof/runbooks/RegistryLiveTagBroken.md" in links


def test_every_runbook_that_a_page_leads_to_is_there() -> None:
    shelf = {path.stem for path in (Path(__file__).parents[3] / "docs/runbooks").glob("*.md")}

    assert {*BROKEN.values(), *AT_RISK.values()} <= shelf
    assert set(BROKEN) == set(ReferenceClass)


async def test_words_of_others_stay_words() -> None:
    gap = Gap(Scope.REPOSITORY, EVIL, Reason.MALFORMED, EVIL)
    use = Use(EVIL, Reference.parse("registry.example/app:v1"), ReferenceClass.LIVE)
    lost = child(EVIL, MISSING, name="other")
    about = report(tag("app:v1", lost, uses=(use,)), gaps=(gap,), registry=EVIL)
    async with (
        serving(board=shown(about)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        front = Page(await http.get("/"))
        below = Page(await http.get(f"/{front.tags[0]}"))
        sought = Page(await http.get("/", params={"registry": EVIL, "repository": EVIL}))

    assert front.elements.count("script") == below.elements.count("script") == 1
    assert sought.elements.count("script") == 1


async def test_what_a_registry_writes_cannot_leave_its_word_in_a_command() -> None:
    hostile = replace(child("arm64", MISSING), platform=Platform("linux", "x; rm -rf ~"))
    text = (await page("/tag/registry.example/app:v1", shown(report(tag("app:v1", hostile))))).text

    assert "--platform 'linux/x; rm -rf ~' image.tar" in text


async def test_the_style_and_the_script_are_those_that_the_policy_allows() -> None:
    answer = await ask("/")
    policy = answer.headers["Content-Security-Policy"]
    for element in ("style", "script"):
        (inlined,) = re.findall(f"<{element}>(.*?)</{element}>", answer.text, re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{hashed}'" in policy
    assert " style=" not in answer.text
    assert not re.findall(r"<[a-z][^>]*\son[a-z]+=", answer.text)


async def test_a_page_that_has_not_changed_is_not_sent_twice() -> None:
    async with (
        serving() as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        first = await http.get("/")
        again = await http.get("/", headers={"If-None-Match": first.headers["ETag"]})
        plain = await http.get("/", headers={"Accept-Encoding": ""})
        served.board.picture = picture(standing(report()))
        changed = await http.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Content-Encoding"] == "gzip"
    assert plain.text == first.text
    assert changed.status_code == 200


@pytest.mark.parametrize("path", ["/", "/icon.svg", "/metrics", "/report.json", "/-/healthy"])
async def test_whoever_asks_for_the_head_gets_no_body(path: str) -> None:
    async with (
        serving() as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        head = await http.head(path)
        whole = await http.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert head.headers["Cache-Control"] == whole.headers["Cache-Control"]
