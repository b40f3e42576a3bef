"""Custom resources, and the paths of their images."""

import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Self

import msgspec

from exporter.facts.use import ReferenceClass
from exporter.oci.digest import quoted
from exporter.sources.cluster.images import MOST_IMAGES, PodImage
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.objects import ObjectMeta

_STEP: Final = re.compile(r"((?:[A-Za-z0-9_/-]|\\\.)+|\*)((?:\[\*\])*)(?:\.|$)")
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class FieldPath:
    r"""Names separated by dots; `[*]` is every item of a list, `*` every value of a map.

    A dot within a name is written `\.`, as kubectl has it.
    """

    text: str
    steps: tuple[str, ...]
    """Names, `*` and `[*]`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a path. Raises `ValueError` for any other text."""
        bare = text.removeprefix("{").removesuffix("}").removeprefix("$").removeprefix(".")
        steps: list[str] = []
        at = 0
        while at < len(bare) and (found := _STEP.match(bare, at)):
            steps.append(found[1].replace("\\.", "."))
            steps.extend(["[*]"] * found[2].count("["))
            at = found.end()
        if at < len(bare) or not steps or bare.endswith(".") or len(text) > _LONGEST:
            raise ValueError(f"not a path such as spec.containers[*].image: {quoted(text)}")
        return cls(text, tuple(steps))

    def values(self, document: object) -> Iterator[object]:
        """Return all values at the path; nothing if it leads nowhere."""
        found = [document]
        for step in self.steps:
            found = [each for value in found for each in _below(value, step)]
        return (value for value in found if value is not None)

    def __str__(self) -> str:
        """Return the path as written."""
        return self.text


def _below(value: object, step: str) -> list[object]:
    match step, value:
        case "[*]", list():
            return value
        case "*", dict():
            return list(value.values())
        case _, dict() if step in value:
            return [value[step]]
    return []


@dataclass(frozen=True, slots=True)
class Finished:
    """Condition of a finished object, which needs no image any more."""

    path: FieldPath
    values: frozenset[str] = frozenset()
    """Values that mean finished; empty is any."""

    def holds(self, document: Mapping[str, object]) -> bool:
        """Is an object finished?"""
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
    """Path of a value that makes the object idle if it is `true` or 0."""
    finished: Finished | None = None

    def references(self, document: Mapping[str, object]) -> Iterator[str]:
        """Return the texts at the image paths; other values are shown as they are."""
        if self.finished is not None and self.finished.holds(document):
            return
        for path in self.images:
            yield from (_text(value) for value in path.values(document) if value != "")

    def class_of(self, document: Mapping[str, object]) -> ReferenceClass:
        """Return the class of the object's images."""
        values = list(self.idle.values(document)) if self.idle else []
        resting = all(value is True or (value == 0 and value is not False) for value in values)
        return ReferenceClass.IDLE if values and resting else self.reference_class


def _text(value: object) -> str:
    """Return a value at an image path; the beginning of one that is no text."""
    return value if isinstance(value, str) else reprlib.repr(value)


def of_custom(
    documents: Iterable[dict[str, Any]], resource: CustomResource, owners: Owners
) -> Iterator[PodImage]:
    """Return the images of custom resources."""
    for document in documents:
        meta = meta_of(document)
        if meta.deletion_timestamp is not None:
            continue
        workload = owners.top(str(document.get("kind", "")), meta)
        reference_class = resource.class_of(document)
        images = list(islice(dict.fromkeys(resource.references(document)), MOST_IMAGES + 1))
        if len(images) > MOST_IMAGES:
            excess = f"more than {MOST_IMAGES} images"
            yield PodImage(workload, "", reference_class, excess=excess)
        else:
            yield from (PodImage(workload, each, reference_class) for each in images)


def meta_of(document: dict[str, Any]) -> ObjectMeta:
    """Return name and owner of the object; some servers set neither."""
    try:
        return msgspec.convert(document.get("metadata", {}), ObjectMeta)
    except msgspec.ValidationError:
        return ObjectMeta()
