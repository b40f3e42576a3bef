"""How far does one page of a list reach, and what is on it?"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import UNSET, UnsetType, field

from exporter.sources.cluster.objects.meta import Shape

Item = TypeVar("Item")


class PageMeta(Shape, frozen=True):
    """Where a list stands."""

    resource_version: str = ""
    further: str = field(default="", name="continue")


class Page(Shape, Generic[Item], frozen=True):
    """A part of a list."""

    kind: str
    metadata: PageMeta
    items: tuple[Item, ...] | UnsetType | None = UNSET
