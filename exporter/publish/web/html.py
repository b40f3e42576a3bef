"""What do all pages have in common: a frame, a style, and text that stays text?"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import Final

from exporter import __version__
from exporter.publish.words import Cell, plain

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884 }
:root { --bad: #b3261e; --unsure: #8a5a00; --good: #1b6e3a }
@media (prefers-color-scheme: dark) {
  :root { --bad: #ff8a80; --unsure: #ffc46b; --good: #7fd8a0 }
}
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line) }
code { font-size: .9em; overflow-wrap: anywhere }
ul { padding-left: 1.2rem } li { margin: .2rem 0 }
.bad { color: var(--bad); font-weight: 600 } .unsure { color: var(--unsure); font-weight: 600 }
.good { color: var(--good) } .quiet, footer { opacity: .7 }
footer { margin-top: 3rem; font-size: .9em }
""".strip()

_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every answer: this style, and nothing else at all."""


def frame(title: str, body: str) -> str:
    """Return a whole page around a body that is HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}\n<footer>pullproof {text(__version__)}</footer>\n</body>\n</html>\n"
    )


def text(words: str) -> str:
    """Return text that HTML shows as it is, also within quotes."""
    return html.escape(plain(words))


def toned(cell: Cell) -> str:
    """Return a word in its tone."""
    return f'<span class="{cell.tone.value}">{text(cell.text)}</span>'


def code(words: str) -> str:
    """Return what is to be copied: a digest, a command."""
    return f"<code>{text(words)}</code>"


def link(path: str, words: str) -> str:
    """Return a link to a path below this server, quoted already."""
    return f'<a href="{text(path)}">{text(words)}</a>'


def section(head: str, body: str) -> str:
    """Return a chapter of a page."""
    return f"<h2>{text(head)}</h2>\n{body}"


def items(entries: list[str]) -> str:
    """Return a list of what is HTML already."""
    return f"<ul>{''.join(f'<li>{entry}</li>' for entry in entries)}</ul>"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table; its cells are HTML already."""
    top = "".join(f"<th>{text(head)}</th>" for head in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n{lines}</tbody></table>"
