"""The frame of all pages, their style, and small parts of HTML."""

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Final

from exporter import __version__
from exporter.publish.render.html import text

_STATIC: Final = files("exporter.publish.web") / "static"
_STYLE: Final = (_STATIC / "style.css").read_text("utf-8").strip()
_SCRIPT: Final = (_STATIC / "page.js").read_text("utf-8").strip()
ICON: Final = (_STATIC / "icon.svg").read_bytes()
"""The picture of the browser's tab."""


def _hash(inlined: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The Content-Security-Policy of every answer: this style and this script, and no others."""


def frame(title: str, body: str, home: str = "", *, live: bool = False, sought: str = "") -> str:
    """Return a page around a body that is HTML already.

    `home` is the way from the page to the status page: `../../`, or nothing. A `live` page shows
    results of audits, and is loaded anew while somebody looks at it. `sought` is in the search box.
    """
    glossary = link(f"{home}docs/glossary.md", "Glossary")
    links = (
        ("", "Status"),
        ("docs/", "Documentation"),
        ("report.json", "JSON"),
        ("metrics", "Metrics"),
    )
    ways = "".join(
        f"<li>{link(f'{home}{path}' or './', words, current=not (path or home))}</li>"
        for path, words in links
    )
    search = (
        f'<form class="search" action="{home or "./"}#tags" role="search" aria-label="Every page">'
        '<input type="search" name="q" maxlength="600" placeholder="Tag or digest" '
        f'aria-label="Tag or digest" value="{text(sought)}"></form>'
    )
    brand = f'<img src="{home}icon.svg" alt="" width="24" height="24">pullproof'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="{home}icon.svg" type="image/svg+xml">\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">Skip to the content</a>\n'
        f'<header class="bar"><a class="brand" href="{home or "./"}">{brand}</a>'
        f'<nav aria-label="Main"><ul>{ways}</ul></nav>{search}</header>\n'
        f'<main id="content" tabindex="-1"{" data-live" if live else ""}>\n{body}\n</main>\n'
        f"<footer><span>pullproof {text(__version__)}</span>"
        f"<span>Reads only. Times are UTC.</span><span>{glossary}</span></footer>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def link(path: str, words: str, *, current: bool = False) -> str:
    """Return a link to a path, quoted already."""
    here = ' aria-current="page"' if current else ""
    return f'<a href="{text(path)}"{here}>{text(words)}</a>'


def current(words: str) -> str:
    """Return the name of the page itself, among links to others."""
    return f'<span aria-current="page">{text(words)}</span>'


def crumbs(*ways: str) -> str:
    """Return the way from the status page to a page: links, which are HTML already."""
    listed = "".join(f"<li>{each}</li>" for each in ways)
    return f'<nav class="crumbs" aria-label="Breadcrumb"><ol>{listed}</ol></nav>'


def section(name: str, head: str, body: str) -> str:
    """Return a chapter of a page, named by its head; `name` is its place in addresses."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-head"><h2 id="{name}-head">{text(head)}</h2>'
        f"{body}</section>"
    )


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """Return names and what they stand for, which is HTML already."""
    lines = "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in entries)
    return f'<dl class="facts">{lines}</dl>'
