"""The Link header of a list: where its next page is (RFC 8288)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from exporter.oci.digest import Malformed

_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_RELATION: Final = re.compile(r"""(?:^|[;\s])rel\s*=\s*(?:"([^"]*)"|([^";,\s]+))""", re.IGNORECASE)
_MOST_CHARACTERS: Final = 8192


def next_query(header: str, asked: str) -> str:
    """Return the query under which the next page is asked for; empty where there is none.

    `asked` is the address of this page. Only the query is taken, so that a page is never asked for
    elsewhere, whatever path or scheme a proxy in front has made of it. Raises `Malformed` for a
    link to another host, for one without a query, and for a header that cannot be read: the list
    may go on behind it.
    """
    if len(header) > _MOST_CHARACTERS or (header.strip() and not _LINK.search(header)):
        raise Malformed("invalid Link header")
    for link in _LINK.finditer(header):
        relation = _RELATION.search(link[2])
        if relation is None or "next" not in (relation[1] or relation[2] or "").lower().split():
            continue
        try:
            there, here = urlsplit(urljoin(asked, str(link[1]))), urlsplit(asked)
        except ValueError as error:
            raise Malformed("a link to no address") from error
        if there.hostname != here.hostname:
            raise Malformed("a link to another host")
        if not there.query:
            raise Malformed("a link without a query")
        return there.query
    return ""
