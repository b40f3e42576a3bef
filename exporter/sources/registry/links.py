"""The Link header of a list: where its next page is (RFC 8288)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from exporter.oci.digest import Malformed

_START: Final = re.compile(r"[ \t,]*+")
_ESCAPED: Final = re.compile(r"\\(.)")
_TARGET: Final = re.compile(r"<([^<>]*+)>")
_PARAMETER: Final = re.compile(
    r'[ \t]*+;[ \t]*+(?:([^\s=;,"<>]++)[ \t]*+(?:=[ \t]*+("(?:[^"\\]|\\.)*+"|[^\s;,"<>]*+))?+)?+'
)
_END: Final = re.compile(r"[ \t]*+(?:,[ \t,]*+|\Z)")
_MOST_CHARACTERS: Final = 8192


def next_query(header: str, asked: str) -> str:
    """Return the query under which the next page is asked for; empty where there is none.

    `asked` is the address of this page. Only the query is taken, so that a page is never asked for
    elsewhere, whatever path or scheme a proxy in front has made of it. Raises `Malformed` for a
    link to another host, for one without a query, and for a header that cannot be read: the list
    may go on behind it.
    """
    for target, relation in _links(header):
        if "next" not in relation.lower().split():
            continue
        try:
            there, here = urlsplit(urljoin(asked, target)), urlsplit(asked)
        except ValueError as error:
            raise Malformed("a link to no address") from error
        if there.hostname != here.hostname:
            raise Malformed("a link to another host")
        if not there.query:
            raise Malformed("a link without a query")
        return there.query
    return ""


def _links(header: str) -> list[tuple[str, str]]:
    """Return each link's target and its relations; raise `Malformed` for any rest.

    Only the first `rel` of a link counts (RFC 8288, section 3.3).
    """
    if len(header) > _MOST_CHARACTERS:
        raise _unreadable()
    found: list[tuple[str, str]] = []
    at = _after(_START, header, 0)
    while at < len(header):
        if (target := _TARGET.match(header, at)) is None:
            raise _unreadable()
        relation, at = None, target.end()
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            if relation is None and (parameter[1] or "").lower() == "rel":
                relation = _unquoted(parameter[2] or "")
        at = _after(_END, header, at)
        found.append((target[1], relation or ""))
    return found


def _after(pattern: re.Pattern[str], header: str, at: int) -> int:
    found = pattern.match(header, at)
    if found is None:
        raise _unreadable()
    return found.end()


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _unreadable() -> Malformed:
    return Malformed("a Link header that cannot be read")
