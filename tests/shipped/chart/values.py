"""What do helm/values.yaml and the comments in it say? Each key with its meaning and its schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

CHART: Final = Path(__file__).parents[3] / "helm"
VALUES: Final = CHART / "values.yaml"

_SECTION: Final = "@section "
_SCHEMA: Final = "@schema "


@dataclass(frozen=True, slots=True)
class Value:
    """One key, and what the comment above it says."""

    path: tuple[str, ...]
    default: Any
    about: str
    schema: Any
    """A JSON schema, or the name of one; None where the default tells the type."""
    section: str
    """The table of the README that it belongs to."""
    parts: tuple[Value, ...]
    """The keys below it, where those are what is set."""

    @property
    def leaves(self) -> Iterator[Value]:
        """The keys that are set, in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves


def values() -> tuple[Value, ...]:
    """Read the file."""
    text = VALUES.read_text()
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(document, yaml.MappingNode)
    return tuple(_values(document, text.splitlines(), ()))


def _values(
    mapping: yaml.MappingNode, lines: list[str], above: tuple[str, ...], section: str = ""
) -> Iterator[Value]:
    defaults = yaml.SafeLoader("").construct_document(mapping)
    for key, node in mapping.value:
        comment = _comment(lines, key.start_mark.line)
        section = next((_after(line, _SECTION) for line in comment if _SECTION in line), section)
        schema = next((_after(line, _SCHEMA) for line in comment if _SCHEMA in line), None)
        path = (*above, key.value)
        parts: tuple[Value, ...] = ()
        if schema is None and isinstance(node, yaml.MappingNode):
            parts = tuple(_values(node, lines, path, section))
        about = " ".join(line for line in comment if not line.startswith("@"))
        yield Value(path, defaults[key.value], about, _parsed(schema), section, parts)


def _comment(lines: list[str], line: int) -> list[str]:
    """The lines of the comment that ends above a line."""
    first = line
    while first and lines[first - 1].strip().startswith("# "):
        first -= 1
    return [each.strip().removeprefix("# ") for each in lines[first:line]]


def _after(line: str, word: str) -> str:
    return line.partition(word)[2].strip()


def _parsed(schema: str | None) -> Any:
    return yaml.safe_load(schema) if schema else None
