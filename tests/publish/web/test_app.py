"""Every path answers what it should, to whoever asks, and gives nothing away."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import cycle
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.publish.web.sending import accepts_gzip, metrics_format
from exporter.serve.logs import is_our_fault
from exporter.tally import Tally
from tests.parts.process import PATIENCE
from tests.publish.reports import (
    app_state,
    child,
    report,
    status,
    tag,
)
from tests.publish.web.serving import Board, serving
from tests.store.layout import decode

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.publish.status import AppState

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
    return httpx.AsyncClient(
        base_url=url, trust_env=False, headers={"Accept-Encoding": ""}, timeout=PATIENCE
    )


async def get(path: str, board: Board | None = None, **headers: str) -> httpx.Response:
    async with serving(board=board) as served, client(served.url) as http:
        return await http.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})


def shown(about: Report) -> Board:
    return Board(app_state(status(about)))


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


def numbered(size: int) -> AppState:
    """A state in which everything there is one of is there `size` times."""
    tags = (tag(f"app:v{number}", child(name=f"c{number}")) for number in range(size))
    return app_state(status(report(*tags), audits=size, tally=Tally(retries=size)))


async def test_a_scrape_never_shows_two_audits_mixed() -> None:
    """Neither within what was rendered, nor between that and what is appended to it."""
    async with serving() as served, client(served.url) as http:
        done = asyncio.Event()

        async def swap() -> None:
            for size in cycle(range(1, 6)):
                served.board.app_state = numbered(size)
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
    waiting = Board(app_state(status(report(), registry="one"), status(None, registry="two")))
    answer = await get("/-/ready", waiting)

    assert (answer.status_code, answer.text) == (503, "not audited yet: two\n")


async def test_ready_waits_until_it_is_known_what_is_watched() -> None:
    assert (await get("/-/ready", Board(app_state()))).status_code == 503


@pytest.mark.parametrize(
    "about",
    [
        status(report()),
        status(None, up=False, last_attempt=1.0),
        status(report(), up=None, last_attempt=None),
    ],
    ids=["audited", "tried in vain", "restored"],
)
async def test_ready_does_not_need_a_registry_that_is_up(about: object) -> None:
    assert (await get("/-/ready", Board(app_state(about)))).status_code == 200  # type: ignore[arg-type] # parameters


async def test_reload_is_a_post_and_says_what_is_wrong() -> None:
    async with serving() as served, client(served.url) as http:
        served.reloads[:] = ["config.yml:3: unknown key", None]

        assert (await http.get("/-/reload")).status_code == 405
        good = await http.post("/-/reload")
        bad = await http.post("/-/reload")

    assert (good.status_code, good.text) == (200, "reloaded\n")
    assert (bad.status_code, bad.text) == (500, "config.yml:3: unknown key\n")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Origin": "http://audit.example:10470"}, 200),
        ({"Origin": "HTTP://Audit.Example:10470"}, 200),
        ({"Origin": "http://audit.example:10470", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://audit.example"}, 403),
        ({"Origin": "http://audit.example:10471"}, 403),
        ({"Origin": "http://audit.example.evil.example:10470"}, 403),
        ({"Origin": "http://evil.example:10470"}, 403),
        ({"Origin": "http://evil.example#@audit.example:10470"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://audit.example:99999"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "Cross-Site"}, 403),
        ({"Origin": "http://audit.example:10470", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_a_page_of_another_origin_cannot_reload(headers: dict[str, str], code: int) -> None:
    async with serving() as served, client(served.url) as http:
        host = {"Host": "audit.example:10470"}
        answer = await http.post("/-/reload", headers=host | headers)
        reads = await http.get("/metrics", headers=host | headers)

        assert (answer.status_code, reads.status_code) == (code, 200)
        assert served.reloads == ([] if code == 200 else [None])
        assert answer.text.count("\n") == 1


@pytest.mark.parametrize(
    ("origin", "host"), [("https://a.example", "a.example"), ("http://[::1]:80", "[::1]")]
)
async def test_the_usual_port_goes_without_saying(origin: str, host: str) -> None:
    async with serving() as served, client(served.url) as http:
        answer = await http.post("/-/reload", headers={"Host": host, "Origin": origin})

    assert answer.status_code == 200


HOSTILE = [
    *("registry=%ed%a0%80", "registry=%1b%5b31m", "name=%00&state=gone", "%1b=1", "%ff=%ff"),
    *("page=" + "9" * 5_000, "state=%E2%80%AE", "class=%ed%a0%80", "&" * 2_000, "repository=%00"),
    *(
        "target=%ed%a0%80",
        "target=a/b&platform=%1b",
        "target=a&module=%ff",
        "target=" + "a-" * 2_000,
    ),
    *("target=host:99999999999/x:1", "target=[::1]:99999/x:1", "target=a&debug=%ed%a0%80"),
]
PATHS = ["/", "/report.json", "/probe", "/metrics", "/tag/%ed%a0%80/%1b", "/snapshot/%ff%00"]
ODD = [b"\xff", b"nan", b"inf", b"9" * 5_000, b"", b",;=", b'"', b"\xed\xa0\x80"]
HEADERS = [
    *("Accept", "Accept-Encoding", "If-None-Match", "X-Prometheus-Scrape-Timeout-Seconds"),
    *("Host", "Origin", "Sec-Fetch-Site", "Authorization", "Cookie", "Range", "Expect"),
]


async def test_nothing_that_a_client_sends_is_a_fault_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as served, client(served.url) as http:
        for path in PATHS:
            answers = [await http.get(f"{path}?{query}") for query in HOSTILE]
            for name in HEADERS:
                for odd in ODD:
                    sent = [(name.encode(), odd)]
                    answers += [await http.get(path, headers=sent)]
            for answer in answers:
                assert answer.status_code < 500, (path, answer.request.headers)
                if answer.status_code >= 400:
                    assert answer.text.removesuffix("\n").isprintable()

    assert [each for each in caplog.records if is_our_fault(each)] == []


async def test_the_report_is_the_whole_document_or_that_of_one_registry() -> None:
    board = Board(app_state(*(status(report(registry=name)) for name in ("one", "two"))))
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
    assert decode(found.content) == about.snapshot


async def test_a_registry_that_was_never_seen_has_no_snapshot() -> None:
    assert (await get("/snapshot/other", shown(report(tag("app:v1", child()))))).status_code == 404
    never = Board(app_state(status(None)))
    name = never.app_state.statuses[0].registry
    assert (await get(f"/snapshot/{name}", never)).status_code == 404


async def test_several_registries_can_be_narrowed_at_once() -> None:
    names = ("one", "two", "three")
    about = [report(tag("app:v1", child()), registry=name) for name in names]
    board = Board(app_state(*map(status, about)))
    document = (await get("/report.json?registry=one&registry=two&state=present", board)).json()

    assert [each["registry"] for each in document["tags"]] == ["one", "two"]


async def test_the_report_can_be_narrowed_as_the_pages_can() -> None:
    async with serving() as served, client(served.url) as http:
        gone = (await http.get("/report.json?state=gone&need=required")).json()
        one = (await http.get("/report.json?name=shop/web:2026")).json()
        none = (await http.get("/report.json?registry=registry.example&repository=VAULT")).json()

    assert [each["repository"] for each in gone["tags"]] == ["shop/app", "shop/web"]
    assert {each["repository"] for each in gone["findings"]} == {"shop/app", "shop/web"}
    assert [(each["repository"], each["tag"]) for each in one["tags"]] == [("shop/web", "2026")]
    assert {each["tag"] for each in one["findings"]} == {"2026"}
    assert [each["tag"] for each in none["tags"]] == ["v3"]
    assert (none["findings"], len(none["gaps"])) == ([], 1)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("state=lost", "state: 'lost' is none of gone, missing, broken"),
        ("class=Live", "class: 'Live' is none of live, idle"),
        ("need=all", "need: 'all' is none of required, optional"),
        ("page=0", "page: '0' is no page number"),
        ("page=%C2%B2", "is no page number"),
        ("registy=x", "registy: unknown parameter; known are registry, repository"),
        (f"repository={'x' * 256}", "repository: longer than 255 characters"),
    ],
)
async def test_what_cannot_be_meant_by_an_address_is_said(query: str, message: str) -> None:
    answer = await get(f"/?{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert message in answer.text


async def test_the_report_follows_the_board() -> None:
    async with serving() as served, client(served.url) as http:
        before = (await http.get("/report.json")).json()
        served.board.app_state = app_state(status(report()))
        after = (await http.get("/report.json", headers={"Accept-Encoding": "gzip"})).json()

    assert len(before["tags"]) == 4
    assert after["tags"] == []


@pytest.mark.parametrize("path", ["/tag/registry.example/app:none", "/tag/other/shop/app:v1", "/x"])
async def test_what_is_not_there_is_not_found(path: str) -> None:
    assert (await get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/metrics", "/report.json", "/-/healthy", "/nowhere"])
async def test_every_answer_forbids_what_is_not_its_own_and_does_not_name_its_software(
    path: str,
) -> None:
    answer = await get(path)

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "pullproof"


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
