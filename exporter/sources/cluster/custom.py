"""Which images does a custom resource name, at the paths that are configured for it?"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.facts.use import ReferenceClass
from exporter.sources.cluster.paths import FieldPath


@dataclass(frozen=True, slots=True)
class Finished:
    """When an object has ended, and needs nothing any more."""

    path: FieldPath
    values: frozenset[str] = frozenset()
    """What stands there then; empty is anything."""

    def holds(self, document: Mapping[str, object]) -> bool:
        """Has this one ended?"""
        found = (str(value) for value in self.path.values(document))
        return any(not self.values or value in self.values for value in found)


@dataclass(frozen=True, slots=True)
class CustomResource:
    """One kind of custom resource."""

    group: str
    version: str
    resource: str
    """Its plural name."""
    images: tuple[FieldPath, ...]
    reference_class: ReferenceClass = ReferenceClass.LIVE
    idle: FieldPath | None = None
    """Where `true` or 0 stands, and nothing else, the object is idle: suspended, or at zero."""
    finished: Finished | None = None

    def references(self, document: Mapping[str, object]) -> Iterator[str]:
        """Return the texts that name images; whatever is no text is shown as it is."""
        if self.finished is not None and self.finished.holds(document):
            return
        for path in self.images:
            yield from (_text(value) for value in path.values(document) if value != "")

    def class_of(self, document: Mapping[str, object]) -> ReferenceClass:
        """Return how much the images of this object matter."""
        values = list(self.idle.values(document)) if self.idle else []
        resting = all(value is True or (value == 0 and value is not False) for value in values)
        return ReferenceClass.IDLE if values and resting else self.reference_class


def _text(value: object) -> str:
    """Return what stands in an image's place; of what is no text, the beginning."""
    if isinstance(value, str):
        return value
    return reprlib.repr(value) if isinstance(value, dict | list) else str(value)
