"""What stands at a path of an object: `spec.templates[*].container.image`?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from exporter.oci.quoting import quoted

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
        """Read a path; raise `ValueError` for what is none."""
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
        """Return everything that stands there; nothing where the path does not lead anywhere."""
        found = [document]
        for step in self.steps:
            found = [each for value in found for each in _below(value, step)]
        return (value for value in found if value is not None)

    def __str__(self) -> str:
        """Return it as it was written."""
        return self.text


def _below(value: object, step: str) -> Sequence[object]:
    if step == "[*]":
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        return value if listed and isinstance(value, Sequence) else ()
    if not isinstance(value, Mapping):
        return ()
    if step == "*":
        return list(value.values())
    return (value[step],) if step in value else ()
