"""Editors are told of the configuration what the program takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest
import yaml

from exporter.config.schema import document

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE: Final = Path(__file__).parents[2]
SCHEMA: Final = jsonschema.Draft7Validator(document())


def examples() -> Iterator[tuple[str, Any]]:
    """Yield every whole configuration that examples and docs show."""
    for path in sorted(TREE.glob("examples/**/pullproof.yml")):
        found = yaml.safe_load(path.read_text())
        if "registries" in found:
            yield str(path.relative_to(TREE)), found


@pytest.mark.parametrize(("name", "shown"), [*examples()])
def test_every_example_fits(name: str, shown: object) -> None:
    assert [each.message for each in SCHEMA.iter_errors(shown)] == [], name


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"registries": [{}]},
        {"registries": [{"url": "https://r.example.com"}], "intervall": "15m"},
        {"registries": [{"url": "registry.example.com"}]},
        {"registries": [{"url": "https://r.example.com"}], "interval": "PT15M"},
        {"registries": [{"url": "https://r.example.com"}], "interval": "500ms"},
        {"registries": [{"url": "https://r.example.com", "password": "x"}]},
        {"registries": [{"url": "https://r.example.com"}], "listen": ":10470"},
    ],
)
def test_a_mistake_is_underlined(wrong: object) -> None:
    assert not SCHEMA.is_valid(wrong)
