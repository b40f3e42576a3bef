"""POST /-/audit: who may ask for an audit, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.publish.web.audit_request import AuditRequest, NotScheduled, ScheduledAudit
from tests.publish.web.serving import HASHED, SECRET, Board, serving
from tests.publish.web.test_app import client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Asked:
    """Notes what is asked for; two registries are known."""

    def __init__(self) -> None:
        self.all: list[AuditRequest] = []

    async def __call__(self, asked: AuditRequest) -> Sequence[ScheduledAudit]:
        self.all.append(asked)
        if "typo" in asked.registries:
            raise NotScheduled("no such registry: typo; known are edge, main")
        return [ScheduledAudit("edge", 12.0, repeated=True), ScheduledAudit("main", 0.2)]


async def test_what_is_scheduled_is_accepted_line_by_line() -> None:
    asked = Asked()
    async with serving(board=Board(auditor=asked)) as served, client(served.url) as http:
        every = await http.post("/-/audit")
        named = await http.post("/-/audit?registry=main&registry=edge&repository=shop/app")

    assert every.status_code == named.status_code == 202
    assert every.text == "edge: begins in 12 seconds (already requested)\nmain: begins now\n"
    assert asked.all == [
        AuditRequest(),
        AuditRequest(frozenset({"main", "edge"}), "shop/app"),
    ]


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("registry=typo", 404, "known are edge, main"),
        ("registries=main", 400, "registries: unknown parameter"),
        ("repository=UPPER", 400, "UPPER"),
        ("repository=a&repository=b", 400, "only one"),
        ("registry=", 400, "must not be empty"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(query: str, code: int, words: str) -> None:
    async with serving(board=Board(auditor=Asked())) as served, client(served.url) as http:
        answer = await http.post(f"/-/audit?{query}")

    assert answer.status_code == code
    assert words in answer.text


async def test_nobody_audits_who_may_not_reload(tmp_path: Path) -> None:
    asked = Asked()
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users: {{ops: '{HASHED}'}}\n")
    async with serving(config, Board(auditor=asked)) as served, client(served.url) as http:
        get = await http.get("/-/audit", auth=("ops", SECRET))
        codes = [
            (await http.post(path, headers=headers)).status_code
            for path in ("/-/audit", "/-/reload")
            for headers in ({}, {"Origin": "http://evil.example"})
        ]
        before = list(asked.all)
        let_in = await http.post("/-/audit", auth=("ops", SECRET))

    assert get.status_code == 405
    assert codes == [401, 403] * 2
    assert before == []
    assert let_in.status_code == 202
