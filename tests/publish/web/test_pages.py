"""Every page leads somewhere, repeats nobody's markup, and is sent only when it is needed."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx
import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Reference
from tests.parts.process import PATIENCE
from tests.publish.reports import (
    MISSING,
    app_state,
    child,
    report,
    status,
    tag,
)
from tests.publish.web.page import Page, ask, shown
from tests.publish.web.serving import Board, serving

EVIL = '"><script>alert(1)</script>'


async def test_every_link_leads_somewhere_also_below_a_prefix() -> None:
    async with (
        serving(prefix="/audit") as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        front = await http.get("/audit/")
        seen = 0
        own = [each for each in Page(front).links if not each.startswith("https:")]
        for path in own:
            answer = await http.get(front.url.join(path))
            assert answer.status_code == 200, path
            for further in Page(answer).links if path.startswith("tag/") else []:
                if not further.startswith("https:"):
                    assert (await http.get(answer.url.join(further))).status_code == 200, further
                    seen += 1
        bare = await http.get("/audit")

    assert seen > 20
    assert {*Page(front).links} == {*own}
    assert (bare.status_code, bare.headers["Location"]) == (302, "audit/")


async def test_words_of_others_stay_words() -> None:
    gap = Gap(Scope.REPOSITORY, EVIL, Reason.MALFORMED, EVIL)
    use = Use(EVIL, Reference.parse("registry.example/app:v1"), ReferenceClass.LIVE)
    lost = child(EVIL, MISSING, name="other")
    about = report(tag("app:v1", lost, uses=(use,)), gaps=(gap,), registry=EVIL)
    async with (
        serving(board=shown(about)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        front = Page(await http.get("/"))
        below = Page(await http.get(f"/{front.tags[0]}"))
        sought = Page(await http.get("/", params={"registry": EVIL, "repository": EVIL}))

    assert front.elements.count("script") == below.elements.count("script") == 1
    assert sought.elements.count("script") == 1


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
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        first = await http.get("/")
        again = await http.get("/", headers={"If-None-Match": first.headers["ETag"]})
        anything = await http.get("/", headers={"If-None-Match": "*"})
        plain = await http.get("/", headers={"Accept-Encoding": ""})
        served.board.app_state = app_state(status(report()))
        changed = await http.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (anything.status_code, b"") == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Content-Encoding"] == "gzip"
    assert plain.text == first.text
    assert changed.status_code == 200


@pytest.mark.parametrize("path", ["/", "/icon.svg", "/metrics", "/report.json", "/-/healthy"])
async def test_whoever_asks_for_the_head_gets_no_body(path: str) -> None:
    async with (
        serving() as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        head = await http.head(path)
        whole = await http.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert head.headers["Cache-Control"] == whole.headers["Cache-Control"]


async def test_no_control_character_reaches_a_page() -> None:
    gap = Gap(Scope.REPOSITORY, "team", Reason.MALFORMED, "\x1b[2J\x00")
    answer = await ask("/", Board(app_state(status(None, up=False, gaps=(gap,)))))

    assert not {"\x1b", "\x00"} & set(answer.text)
