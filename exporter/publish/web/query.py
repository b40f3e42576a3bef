"""The filters of a list of tags, and the address that has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlencode

from multidict import MultiMapping

from exporter.facts.use import ReferenceClass
from exporter.judge.report import Condition, Requirement
from exporter.oci.digest import Malformed
from exporter.publish.formatting import host
from exporter.publish.web.tag_index import IndexedTag, TagIndex

Choice = TypeVar("Choice", bound=StrEnum)

FILTERS: Final = ("registry", "repository", "class", "state", "need", "q")
"""The parameters that narrow a list of tags."""
_LONGEST: Final = 255
"""Characters of a repository's name, and so of a part of one."""
_LONGEST_SOUGHT: Final = 600
"""Characters of the search box: a registry, a repository, a tag and a digest."""
_LAST_PAGE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Query:
    """The filters of a list of tags, and its page; what is not set filters nothing."""

    registry: str = ""
    repository: str = ""
    """A part of its name, in any case of letters."""
    reference_class: ReferenceClass | None = None
    condition: Condition | None = None
    need: Requirement | None = None
    search: str = ""
    """A part of the whole name, `registry/repository:tag`, in any case of letters."""
    page: int = 1

    def of(self, index: TagIndex) -> tuple[IndexedTag, ...]:
        """Return the tags that fit, of every page, in their order."""
        if not self.parameters().keys() - {"page"}:
            return index.entries
        return tuple(filter(self._admits, index.entries))

    def _admits(self, entry: IndexedTag) -> bool:
        root = entry.tag.verdict.root
        return (
            self.registry in ("", entry.registry)
            and self.repository.lower() in root.repository
            and self.reference_class in (None, root.reference_class)
            and (not self.search or self._is_sought(entry))
            and (self.condition is None or self.condition in entry.tag.conditions)
            and (self.need is None or self.need in entry.tag.incomplete)
        )

    def _is_sought(self, entry: IndexedTag) -> bool:
        known = {entry.registry, host(entry.report)}
        return any(self.search.lower() in f"{each}/{entry.name}".lower() for each in known)

    def parameters(self) -> Mapping[str, str]:
        """Return what of it is set, by the names in the address."""
        page = str(self.page) if self.page > 1 else ""
        chosen = self.reference_class, self.condition, self.need, self.search
        values = (self.registry, self.repository, *chosen, page)
        pairs = zip((*FILTERS, "page"), values, strict=True)
        return {name: str(value) for name, value in pairs if value}

    def address(self, home: str = "") -> str:
        """Return the relative address of the list that it asks for."""
        parameters = urlencode(self.parameters())
        return f"{home or './'}{'?' if parameters else ''}{parameters}#tags"


def read(parameters: MultiMapping[str], also: Iterable[str] = ("page",)) -> Query:
    """Read an address's parameters; raises `Malformed` naming the one that cannot be meant."""
    check_known(parameters, FILTERS, also)
    given = {name: parameters.get(name, "").strip() for name in (*FILTERS, "page")}
    if len(given["repository"]) > _LONGEST:
        raise Malformed(f"repository: longer than {_LONGEST} characters")
    if len(given["q"]) > _LONGEST_SOUGHT:
        raise Malformed(f"q: longer than {_LONGEST_SOUGHT} characters")
    return Query(
        registry=given["registry"],
        repository=given["repository"],
        reference_class=_choice("class", ReferenceClass, given["class"]),
        condition=_choice("state", Condition, given["state"]),
        need=_choice("need", Requirement, given["need"]),
        search=given["q"],
        page=_page(given["page"]),
    )


def check_known(parameters: Iterable[str], known: Sequence[str], also: Iterable[str] = ()) -> None:
    """Raise `Malformed` for a parameter that is neither known nor accepted beside those."""
    for name in parameters:
        if name not in known and name not in also:
            raise Malformed(f"{name[:50]}: unknown parameter; known are {', '.join(known)}")


def _choice(name: str, kind: type[Choice], value: str) -> Choice | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(kind)
        raise Malformed(f"{name}: {value[:50]!r} is none of {known}") from None


def _page(value: str) -> int:
    if not value:
        return 1
    if not (value.isascii() and value.isdigit() and 0 < int(value[:9]) <= _LAST_PAGE):
        raise Malformed(f"page: {value[:50]!r} is no page number")
    return int(value[:9])
