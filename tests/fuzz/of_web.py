"""Readers of what comes over HTTP to the web server, and of what is typed."""

from __future__ import annotations

import asyncio
import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, MultiDict

from exporter.commands import Refused, options, subjects
from exporter.config.values import HostPort, ImagePattern, duration, glob
from exporter.publish.web import probe, query
from exporter.publish.web.access_control import AccessControl, is_foreign
from exporter.publish.web.frame import text as escaped
from exporter.publish.web.sending import accepts_gzip, metrics_format
from exporter.screen import escaped as escaped_document
from exporter.screen import plain
from exporter.sources.events import read as read_events
from tests.fuzz.target import Target
from tests.sources.events import senders

if TYPE_CHECKING:
    from collections.abc import Callable

CHEAP: Final = b"$2b$04$sdmHiPHlFwTF8y7qR1QbWuyQ7cZ0e4mTqXkJb6mN5m5lW5l6p3o0K"
"""A hash of the least cost."""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _parameters(data: bytes) -> MultiDict[str]:
    pairs = parse_qsl(data.decode("latin-1"), keep_blank_values=True, max_num_fields=2_000)
    return MultiDict(pairs)


def _query(data: bytes) -> None:
    query.read(_parameters(data)).address().encode()


def _probe(data: bytes) -> None:
    str(probe.read(_parameters(data)).reference).encode()


def _headers(data: bytes) -> None:
    text = data.decode("latin-1")
    metrics_format(text)
    accepts_gzip(text)
    probe.time_limit(text)


def _login(data: bytes) -> None:
    header = f"Basic {base64.b64encode(data).decode()}"
    for shown in (header, data.decode("latin-1").translate(_NO_LINES)):
        request = make_mocked_request("GET", "/metrics", headers={"Authorization": shown})
        try:
            _loop().run_until_complete(_gate().middleware(request, _inside))
        except web.HTTPException:
            continue


_NO_LINES: Final = dict.fromkeys((*range(32), 127), " ")
"""No header that aiohttp hands on holds any of these."""


@cache
def _gate() -> AccessControl:
    return AccessControl({"prometheus": CHEAP})


async def _inside(_: web.Request) -> web.StreamResponse:
    return web.Response()


def _shown(data: bytes) -> None:
    """What foreigners named is shown on terminals and on pages."""
    text = data.decode(errors="surrogateescape")
    for shown in (plain(text), escaped(text)):
        str(shown).encode("utf-8", "surrogateescape")
    assert not any(ord(each) < 32 or each in "\x7f\u202e\x9b" for each in plain(text))


def _origin(data: bytes) -> None:
    origin, _, host = data.decode("latin-1").partition("\n")
    is_foreign(CIMultiDict({"Origin": origin, "Host": host}))


def _screen(data: bytes) -> None:
    """Whatever is written, no terminal is moved by it."""
    text = data.decode(errors="surrogateescape")
    assert "\x1b" not in plain(text)
    json.loads(f'"{escaped_document(json.dumps(text, ensure_ascii=False)[1:-1])}"')


def _subject(data: bytes) -> None:
    subjects.read([data.decode(errors="surrogateescape")], frozenset())


def _place(data: bytes) -> None:
    options.check_place("--storage", data.decode(errors="surrogateescape"))


def _events(data: bytes) -> None:
    """The first byte chooses whose headers the body comes with."""
    file = sorted(senders.SENDERS)[data[0] % len(senders.SENDERS)] if data else "github"
    for event in filter(None, read_events(senders.recorded(file)[0].headers, data[1:])):
        assert event.focus


_MESSAGES: Final = tuple(
    bytes([number]) + senders.recorded(file)[1].body
    for number, file in enumerate(sorted(senders.SENDERS))
)


def _words(read: Callable[[str], object]) -> Callable[[bytes], None]:
    return lambda data: str(read(data.decode(errors="replace"))).encode() and None


TARGETS: Final = (
    Target(
        "web-query",
        _query,
        (b"registry=registry.example&repository=a&class=live&state=gone&need=required&page=2",),
        ("publish.web.query",),
    ),
    Target(
        "web-probe",
        _probe,
        (b"target=registry.example%2Fapp%3Av1&module=head&platform=linux%2Famd64&debug=true",),
        ("publish.web.probe",),
    ),
    Target(
        "web-headers",
        _headers,
        (
            b"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4,*/*;q=0.1",
            b"gzip, br;q=0",
            b"9.5",
        ),
        ("publish.web.sending", "publish.web.probe"),
    ),
    Target(
        "events",
        _events,
        _MESSAGES,
        ("sources.events",),
    ),
    Target(
        "web-login",
        _login,
        (b"prometheus:change me", b"Basic cHJvbWV0aGV1czp4"),
        ("publish.web.access_control",),
        (),
    ),
    Target(
        "shown",
        _shown,
        (b"app:v1", "\u202e\x1b[31mé".encode()),
        ("publish.formatting", "publish.render.html"),
        (),
    ),
    Target(
        "web-origin",
        _origin,
        (b"http://registry-audit.example:10470\nregistry-audit.example:10470",),
        ("publish.web.access_control",),
        (),
    ),
    Target("screen", _screen, ("\u202e\x1b[31mé".encode(),), ("screen",), ()),
    Target(
        "command-line",
        _subject,
        (b"registry.example/app:v1", b"https://registry.example:5000/", b"localhost"),
        ("commands.subjects",),
        (Refused,),
    ),
    Target(
        "place",
        _place,
        (b"s3://bucket/root", b"/srv/registry"),
        ("commands.options",),
        (Refused,),
    ),
    Target("duration", _words(duration), (b"1h30m", b"500ms"), ("config.values",), (ValueError,)),
    Target(
        "listen",
        _words(HostPort.parse),
        (b"[::1]:80", b":10470"),
        ("config.values",),
        (ValueError,),
    ),
    Target(
        "image-pattern",
        _words(ImagePattern.parse),
        (b"r.example/shop/*:stable",),
        ("config.values",),
        (ValueError,),
    ),
    Target("glob", _words(glob), (b"v[0-9]*",), ("config.values",), (ValueError,)),
)
