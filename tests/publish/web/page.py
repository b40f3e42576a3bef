"""What does a page say, and where does it lead? Read as a browser without scripts reads it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx

from tests.parts.process import PATIENCE
from tests.publish.reports import app_state, status
from tests.publish.web.serving import Board, serving

if TYPE_CHECKING:
    from exporter.judge.report import Report

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """The words of a page, its links and elements."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.elements: list[str] = []
        self._open: list[str] = []
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        self.feed(answer.text)
        assert self._open == [], "what is opened is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]
        if tag not in VOID and tag != "option":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.words))

    @property
    def tags(self) -> list[str]:
        """The tags that it lists, in order; those at the top as well."""
        return [each for each in self.links if each.startswith("tag/")]


def shown(about: Report, **other: object) -> Board:
    return Board(app_state(status(about, **other)))


async def ask(path: str, board: Board | None = None) -> httpx.Response:
    async with (
        serving(board=board) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        return await http.get(path)


async def page(path: str, board: Board | None = None) -> Page:
    return Page(await ask(path, board))
