"""The project's own documentation, as pages below `/docs/`: of this version, without a network."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.publish.web.frame import crumbs, current, frame, link

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_PACKAGE: Final = Path(__file__).parents[2]
ROOTS: Final = (_PACKAGE / "documentation", _PACKAGE.parent / "docs")
"""The folders of the files: in an installed package, and in a checkout."""
KINDS: Final[Mapping[str, str]] = {
    ".json": "application/json",
    ".md": "text/html; charset=utf-8",
    ".png": "image/png",
}
"""The media types of what is served, by suffix; a Markdown file is served as a page."""
_INDEX: Final = "README.md"
_TITLE: Final = re.compile(r"^# (.*)$", re.MULTILINE)
_NO_ANCHOR: Final = re.compile(r"[^\w\- ]")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


class Documentation:
    """The files of the documentation, by the path that follows `/docs/`."""

    def __init__(self, root: Path | None = None) -> None:
        """List a folder; without one, the documentation of this version."""
        root = root or next((each for each in ROOTS if each.is_dir()), ROOTS[-1])
        found = (each for each in sorted(root.rglob("*")) if each.suffix in KINDS)
        self.files: Mapping[str, Path] = {str(each.relative_to(root)): each for each in found}

    def place(self, asked: str) -> str | None:
        """Return the file or folder that a path names, `runbooks/`, or None where it names none."""
        if asked in self.files:
            return asked
        folder = asked.rstrip("/")
        if not folder or any(each.startswith(f"{folder}/") for each in self.files):
            index = posixpath.join(folder, _INDEX)
            return index if index in self.files else f"{folder}/"
        return None

    def page(self, place: str) -> str:
        """Return the page of a Markdown file, or of a folder that has no index of its own."""
        source = self._listing(place) if place.endswith("/") else self.files[place].read_text()
        body = self._html(place, source)
        title = _TITLE.search(source)
        home = "../" * (place.count("/") + 1)
        name = title[1].replace("`", "") if title else place
        return frame(f"{name} · pullproof", f"{_crumbs(place)}{body}", home)

    def _listing(self, folder: str) -> str:
        names = [each for each in self.files if each.startswith(folder) and each.endswith(".md")]
        lines = (f"- [{Path(each).stem}]({each.removeprefix(folder)})" for each in names)
        return "\n".join((f"# {folder.strip('/').capitalize()}", "", *lines))

    def _html(self, place: str, source: str) -> str:
        reader = _reader()
        tokens = reader.parse(source)
        _number(tokens)
        for token in tokens:
            token.children = _reachable(token.children or [], lambda to: self._leads(place, to))
        rendered = reader.renderer.render(tokens, reader.options, {})
        return f'<article class="card document">{rendered}</article>'

    def _leads(self, place: str, target: str) -> bool:
        """Does a link of a file point to something that is served? Files of examples are not."""
        if _ADDRESS.match(target):
            return True
        path = target.partition("#")[0]
        if not path:
            return True
        found = posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
        return not found.startswith("..") and self.place("" if found == "." else found) is not None


@cache
def _reader() -> "MarkdownIt":
    """Return a reader of CommonMark with tables. The files are our own: their HTML is passed on."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only a server shows documents

    return MarkdownIt("commonmark").enable("table")


def _crumbs(place: str) -> str:
    up = "../" * place.count("/")
    page = (current(place),) if place != _INDEX else ()
    return crumbs(link(up or "./", "Documentation"), *page)


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return _NO_ANCHOR.sub("", heading.lower()).replace(" ", "-")


def _number(tokens: "Sequence[Token]") -> None:
    """Give every heading its anchor, and make every table fit a narrow window."""
    for token, following in zip(tokens, (*tokens[1:], None), strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", anchor(following.content))


def _reachable(children: "list[Token]", leads: Callable[[str], bool]) -> "list[Token]":
    """Return a line without the links to what is not served; their texts stay."""
    kept: list[Token] = []
    skipped = False
    for token in children:
        if token.type == "link_open":
            skipped = not leads(str(token.attrGet("href") or ""))
        if not (skipped and token.type in ("link_open", "link_close")):
            kept.append(token)
        if token.type == "link_close":
            skipped = False
    return kept
