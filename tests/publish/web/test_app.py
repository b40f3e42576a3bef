"""Every path answers what it should, to whoever asks, and gives nothing away."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Reference
from exporter.publish.archive.unpack import unpack
from exporter.publish.web.negotiation import accepts_gzip, metrics_format
from exporter.sources import Tally
from tests.publish.reports import (
    ARM64,
    MISSING,
    UNKNOWN,
    child,
    digest,
    picture,
    report,
    standing,
    tag,
)
from tests.publish.web.serving import Board, serving

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.publish.standing import Picture

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
    "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, headers={"Accept-Encoding": ""})


async def get(path: str, board: Board | None = None, **headers: str) -> httpx.Response:
    async with serving(board=board) as served, client(served.url) as http:
        return await http.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})


def shown(about: Report) -> Board:
    return Board(picture(standing(about)))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=0.0.1", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text; q=0, */*",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (
            "text/plain, application/openmetrics-text;q=0.2",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        ("nonsense;q=x,;;", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain, application/openmetrics-text", OPENMETRICS),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, kind: str) -> None:
    assert metrics_format(accept).value == kind


@pytest.mark.parametrize(
    ("encodings", "yes"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("", False), ("gzip;q=0", False)],
)
def test_an_answer_is_compressed_only_for_whoever_says_so(encodings: str, *, yes: bool) -> None:
    assert accepts_gzip(encodings) is yes


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_scrape_holds_the_audit_and_the_live_metrics_in_both_formats(encoding: str) -> None:
    for accept, read in (("text/plain", read_text), (PROMETHEUS_2, read_openmetrics)):
        answer = await get("/metrics", Accept=accept, Accept_Encoding=encoding)
        assert answer.headers.get("Content-Encoding", "") == encoding
        assert answer.headers["Content-Type"] == metrics_format(accept).value
        names = {family.name for family in read(answer.text)}
        live = {"pullproof_registry_requests", "process_cpu_seconds"}
        assert {"pullproof_tag_missing_children", *live} <= names


def numbered(size: int) -> Picture:
    """A picture in which everything there is one of is there `size` times."""
    tags = (tag(f"app:v{number}", child(name=f"c{number}")) for number in range(size))
    return picture(standing(report(*tags), audits=size, tally=Tally(retries=size)))


async def test_a_scrape_never_shows_two_audits_mixed() -> None:
    """Neither within what was rendered, nor between that and what is appended to it."""
    async with serving() as served, client(served.url) as http:
        done = asyncio.Event()

        async def swap() -> None:
            for size in cycle(range(1, 6)):
                served.board.picture = numbered(size)
                await asyncio.sleep(0)
                if done.is_set():
                    return

        swapping = asyncio.create_task(swap())
        for _ in range(30):
            text = (await http.get("/metrics", headers={"Accept-Encoding": "gzip"})).text
            audits = re.findall(r"^pullproof_audits_total\S* (\d+)", text, re.MULTILINE)
            retries = re.findall(r"^pullproof_registry_retries_total\S* (\d+)", text, re.MULTILINE)
            tags = re.findall(r"^pullproof_tag_missing_children{", text, re.MULTILINE)
            assert {int(audits[0]), int(retries[0]), len(tags)} == {len(tags)}
        done.set()
        await swapping


async def test_healthy_says_so() -> None:
    assert (await get("/-/healthy")).status_code == 200


async def test_ready_waits_for_the_first_audit_of_every_registry() -> None:
    waiting = Board(picture(standing(report(), registry="one"), standing(None, registry="two")))
    answer = await get("/-/ready", waiting)

    assert (answer.status_code, answer.text) == (503, "not audited yet: two\n")


async def test_ready_waits_until_it_is_known_what_is_watched() -> None:
    assert (await get("/-/ready", Board(picture()))).status_code == 503


@pytest.mark.parametrize(
    "about",
    [
        standing(report()),
        standing(None, up=False, last_attempt=1.0),
        standing(report(), up=None, last_attempt=None),
    ],
    ids=["audited", "tried in vain", "restored"],
)
async def test_ready_does_not_need_a_registry_that_is_up(about: object) -> None:
    assert (await get("/-/ready", Board(picture(about)))).status_code == 200  # type: ignore[arg-type] # parameters


async def test_reload_is_a_post_and_says_what_is_wrong() -> None:
    async with serving() as served, client(served.url) as http:
        served.reloads[:] = ["config.yml:3: unknown key", None]

        assert (await http.get("/-/reload")).status_code == 405
        good = await http.post("/-/reload")
        bad = await http.post("/-/reload")

    assert (good.status_code, good.text) == (200, "reloaded\n")
    assert (bad.status_code, bad.text) == (500, "config.yml:3: unknown key\n")


async def test_the_report_is_the_whole_document_or_that_of_one_registry() -> None:
    board = Board(picture(*(standing(report(registry=name)) for name in ("one", "two"))))
    both = json.loads((await get("/report.json", board)).text)
    one = json.loads((await get("/report.json?registry=one", board)).text)

    assert [each["registry"] for each in both["registries"]] == ["one", "two"]
    assert [each["registry"] for each in one["registries"]] == ["one"]
    assert both["generated"] == "2026-04-22T11:00:00Z"


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_the_report_is_compressed_for_whoever_asks(encoding: str) -> None:
    answer = await get("/report.json", Accept_Encoding=encoding)

    assert answer.headers.get("Content-Encoding", "") == encoding
    assert len(answer.json()["tags"]) == 4


async def test_a_report_of_an_unknown_registry_is_not_found() -> None:
    answer = await get("/report.json?registry=<script>")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_snapshot_is_what_the_last_complete_audit_saw() -> None:
    about = report(tag("app:v1", child()))

    found = await get(f"/snapshot/{about.snapshot.registry}", shown(about))

    assert found.status_code == 200
    assert unpack(found.content) == about.snapshot


async def test_a_registry_that_was_never_seen_has_no_snapshot() -> None:
    assert (await get("/snapshot/other", shown(report(tag("app:v1", child()))))).status_code == 404
    never = Board(picture(standing(None)))
    name = never.picture.standings[0].registry
    assert (await get(f"/snapshot/{name}", never)).status_code == 404


async def test_the_report_follows_the_board() -> None:
    async with serving() as served, client(served.url) as http:
        before = (await http.get("/report.json")).json()
        served.board.picture = picture(standing(report()))
        after = (await http.get("/report.json", headers={"Accept-Encoding": "gzip"})).json()

    assert len(before["tags"]) == 4
    assert after["tags"] == []


class Page(HTMLParser):
    """The words of a page, its links and elements."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.elements: set[str] = set()
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.words))


async def test_the_front_page_shows_what_is_broken_before_what_is_unknown() -> None:
    text = Page(await get("/")).text

    words = ("Cannot be pulled", "shop/app:v1", "shop/web:2026", "Not known", "shop/vault:v3")
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert "shop/app:latest" not in text
    assert "2026-04-22 10:00 UTC, 60 min old" in text
    assert "repository shop/vault: denied: 403 Forbidden" in text


async def test_a_pull_through_cache_is_no_worry_on_the_front_page() -> None:
    hole = child(state=UNKNOWN, expected=False)
    text = Page(await get("/", shown(report(tag("lib:v1", hole), role=Role.PROXY)))).text

    assert "lib:v1" not in text
    assert "0 unknown" in text


async def test_the_front_page_says_what_is_being_audited_now() -> None:
    running = picture(standing(report()), in_progress=frozenset({"registry.example"}))

    assert "auditing now" in Page(await get("/", Board(running))).text
    assert "auditing now" not in Page(await get("/", shown(report()))).text


async def test_the_front_page_is_calm_where_nothing_is_broken() -> None:
    answer = await get("/", shown(report(tag("app:v1", child()))))

    assert '<span class="good">0 broken</span>' in answer.text
    assert Page(answer).text.count("Nothing that was audited.") == 2


@pytest.mark.parametrize(("lost", "more"), [(200, ""), (203, "… and 3 more in report.json")])
async def test_the_front_page_stays_short_and_counts_the_rest(lost: int, more: str) -> None:
    about = report(*(tag(f"app:v{number}", child(state=MISSING)) for number in range(lost)))
    page = Page(await get("/", shown(about)))

    assert sum(path.startswith("tag/") for path in page.links) == 200
    assert ("more in" in page.text) is bool(more)
    assert more in page.text


async def test_the_page_of_a_tag_says_on_what_it_must_run() -> None:
    verdict = tag("app:v1", child())
    root = replace(verdict.root, platforms=frozenset({ARM64}))
    about = report(replace(verdict, root=root))
    text = Page(await get("/tag/registry.example/app:v1", shown(about))).text

    assert "must run on linux/arm64" in text
    assert "audited 2026-04-22 10:00 UTC, 60 min ago" in text


async def test_every_link_of_the_front_page_leads_somewhere_and_back() -> None:
    async with serving(prefix="/audit") as served, client(served.url) as http:
        front = await http.get("/audit/")
        for path in Page(front).links:
            answer = await http.get(front.url.join(path))
            assert answer.status_code == 200, path
            if path.startswith("tag/"):
                (home,) = (each for each in Page(answer).links if ".." in each)
                assert answer.url.join(home) == front.url


async def test_a_registry_that_was_never_seen_says_so_on_the_front_page() -> None:
    gap = Gap(Scope.REGISTRY, "registry.example", Reason.TLS, "unknown authority")
    text = Page(await get("/", Board(picture(standing(None, up=False, gaps=(gap,)))))).text

    assert "nothing yet" in text
    assert "tls unknown authority" in text


async def test_the_page_of_a_tag_shows_its_tree_and_who_uses_it() -> None:
    use = Use("deploy.yml:3", Reference.parse("registry.example/shop/app:v1"), ReferenceClass.LIVE)
    about = report(tag("shop/app:v1", child("arm64", MISSING)), uses=(use,))
    text = Page(await get("/tag/registry.example/shop/app:v1", shown(about))).text

    assert "registry.example/shop/app:v1" in text
    assert re.search(rf"linux/arm64 image MISSING {digest('arm64')} 400 B", text)
    assert "first seen to be so 2026-04-22 08:30 UTC, 2 h ago" in text
    assert "deploy.yml:3" in text
    assert "pullproof inspect registry.example/shop/app:v1" in text


async def test_a_pinned_digest_has_a_page_too() -> None:
    about = report(tag("app@", child()))
    answer = await get(f"/tag/registry.example/app@{digest('index of app@')}", shown(about))

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/tag/registry.example/app:none", "/tag/other/shop/app:v1", "/x"])
async def test_what_is_not_there_is_not_found(path: str) -> None:
    assert (await get(path)).status_code == 404


async def test_words_of_others_stay_words() -> None:
    evil = '"><script>alert(1)</script>'
    gap = Gap(Scope.REPOSITORY, evil, Reason.MALFORMED, evil)
    use = Use(evil, Reference.parse("registry.example/app:v1"), ReferenceClass.LIVE)
    about = report(tag("app:v1", child(evil, MISSING)), gaps=(gap,), uses=(use,), registry=evil)
    async with serving(board=shown(about)) as served, client(served.url) as http:
        front = Page(await http.get("/"))
        path = next(each for each in front.links if each.startswith("tag/"))
        page = Page(await http.get(f"/{path}"))

    assert not {"script", "img", "iframe"} & (front.elements | page.elements)


@pytest.mark.parametrize("path", ["/", "/metrics", "/report.json", "/-/healthy", "/nowhere"])
async def test_every_answer_forbids_scripts_and_does_not_name_its_software(path: str) -> None:
    answer = await get(path)

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "pullproof"


async def test_the_style_of_a_page_is_the_one_that_its_policy_allows() -> None:
    answer = await get("/")
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"'sha256-{hashed}'" in answer.headers["Content-Security-Policy"]


async def test_a_request_that_is_none_is_refused_without_naming_the_software() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.0 400")
    assert b"aiohttp" not in answer.lower()
    assert b"python" not in answer.lower()


async def test_a_large_header_is_refused() -> None:
    answer = await get("/metrics", X_Long="x" * 20_000)

    assert answer.status_code == 400
