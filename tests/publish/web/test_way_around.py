"""A page leads to what it names, can be searched, keeps itself fresh, and is never a dead end."""

from __future__ import annotations

import httpx
import pytest

from exporter.facts.snapshot import Role
from tests.parts.process import PATIENCE
from tests.publish.reports import MISSING, UNKNOWN, app_state, child, digest, report, status, tag
from tests.publish.web.page import Page, ask, page, shown
from tests.publish.web.serving import Board, serving

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LOST = report(tag("app:v1", child("arm64", MISSING)), registry="edge")
WELL = report(tag("web:v2", child()), registry="main")
TWO = Board(app_state(status(LOST), status(WELL)))


async def test_only_pages_with_results_refresh_themselves() -> None:
    for path, live in (("/", True), ("/tag/edge/app:v1", True), ("/docs/faq.md", False)):
        assert ("data-live" in (await ask(path, TWO)).text.partition("<script>")[0]) is live
    assert "connect-src 'self'" in (await ask("/", TWO)).headers["Content-Security-Policy"]


async def test_a_lost_tag_names_its_registry_where_there_are_several() -> None:
    assert "app:v1 in edge, live" in (await page("/", TWO)).text
    assert "app:v1 in edge" not in (await page("/", shown(LOST))).text


async def test_the_headline_leads_to_the_list_that_it_counts() -> None:
    answer = await ask("/", TWO)
    href = answer.text.partition('<h1 id="answer"><a href="')[2].partition('"')[0]

    listed = await page(f"/{href.replace('&amp;', '&').removeprefix('./')}", TWO)
    assert "1 to 1 of 1 tag" in listed.text


async def test_a_complete_audit_is_green_only_where_every_tag_can_be_pulled() -> None:
    text = (await page("/", TWO)).text

    assert "edge audit complete ✕ 1 broken" in text
    assert "main audit complete ✓ every tag can be pulled" in text


async def test_what_a_cache_lacks_by_design_is_not_called_pullable() -> None:
    about = report(tag("app:v1", child(state=UNKNOWN, expected=False)), role=Role.PROXY)

    assert "every tag can be pulled" not in (await page("/", shown(about))).text


@pytest.mark.parametrize(
    ("path", "code", "home"),
    [
        ("/nothing", 404, "./"),
        ("/tag/edge/app:v9", 404, "../../"),
        ("/tag/edge%2Fmore/team/app:v9", 404, "../../../"),
        ("/?state=odd", 400, "./"),
        ("/digest/edge/short", 400, "../../"),
        ("/docs/no/such.md", 404, "../../"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/audit"])
async def test_a_refusal_is_a_page_with_a_way_back_for_browsers_and_text_for_programs(
    path: str, code: int, home: str, prefix: str
) -> None:
    async with (
        serving(board=TWO, prefix=prefix) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        shown_page = await http.get(f"{prefix}{path}", headers=BROWSER)
        plain = await http.get(f"{prefix}{path}")
        back = await http.get(shown_page.url.join(home))

    assert (shown_page.status_code, plain.status_code, back.status_code) == (code, code, 200)
    assert shown_page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'<a href="{home}">Back to the status page</a>' in shown_page.text
    assert "Content-Security-Policy" in shown_page.headers
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("sought", ["app:V1", "edge/app", "edge/app:v1", "app"])
async def test_the_search_box_finds_a_tag_by_any_part_of_its_name(sought: str) -> None:
    found = Page(await ask(f"/?q={sought}", TWO)).text

    assert "1 to 1 of 1 tag" in found


@pytest.mark.parametrize("before", ["", "edge/app:v1@", "app@"])
async def test_the_search_box_leads_to_the_page_of_a_digest(before: str) -> None:
    known = await ask(f"/?q={before}{digest('layer of arm64')}", TWO)
    assert known.status_code in (200, 302)
    found = next(iter(LOST.snapshot.sightings))[1]
    answer = await ask(f"/?q={before}{found}", TWO)

    assert (answer.status_code, answer.headers["Location"]) == (302, f"digest/edge/{found}")


@pytest.mark.parametrize("path", ["/", "/tag/edge/app:v1", "/docs/"])
async def test_every_page_has_the_search_box(path: str) -> None:
    assert 'name="q"' in (await ask(path, TWO)).text
