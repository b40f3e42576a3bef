"""Which tags does an address ask for, and which address asks for them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from exporter.facts.use import ReferenceClass
from exporter.judge.report import Condition, Requirement
from exporter.oci.digest import Malformed
from exporter.publish.tag_index import TagFilter

if TYPE_CHECKING:
    from multidict import MultiMapping

Choice = TypeVar("Choice", bound=StrEnum)

FILTERS: Final = ("registry", "repository", "class", "state", "need")
"""The parameters that narrow a list of tags."""
_LONGEST: Final = 255
"""Characters of a repository's name, and so of a part of one."""
_LAST_PAGE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Query:
    """What an address asks for."""

    wanted: TagFilter = TagFilter()  # noqa: RUF009 - a frozen value
    page: int = 1

    def parameters(self) -> Mapping[str, str]:
        """Return what of it is set, by the names in the address."""
        wanted = self.wanted
        values = (
            wanted.registry,
            wanted.repository,
            wanted.reference_class,
            wanted.condition,
            wanted.need,
            str(self.page) if self.page > 1 else "",
        )
        pairs = zip((*FILTERS, "page"), values, strict=True)
        return {name: str(value) for name, value in pairs if value}

    def address(self, home: str = "") -> str:
        """Return the relative address of the list that it asks for."""
        parameters = urlencode(self.parameters())
        return f"{home or './'}{'?' if parameters else ''}{parameters}#tags"


def read(parameters: MultiMapping[str], also: Iterable[str] = ("page",)) -> Query:
    """Read an address's parameters; raises `Malformed` naming the one that cannot be meant."""
    for name in parameters:
        if name not in FILTERS and name not in also:
            raise Malformed(f"{name[:50]}: unknown parameter; known are {', '.join(FILTERS)}")
    given = {name: parameters.get(name, "").strip() for name in (*FILTERS, "page")}
    if len(given["repository"]) > _LONGEST:
        raise Malformed(f"repository: longer than {_LONGEST} characters")
    wanted = TagFilter(
        registry=given["registry"],
        repository=given["repository"],
        reference_class=_choice("class", ReferenceClass, given["class"]),
        condition=_choice("state", Condition, given["state"]),
        need=_choice("need", Requirement, given["need"]),
    )
    return Query(wanted, _page(given["page"]))


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
