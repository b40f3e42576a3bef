"""Does docs/configuration.md say what can be set, each key with its true default?"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic_core import PydanticUndefined

from exporter.config.cluster import ClusterSettings, CustomResourceSettings, FinishedSettings
from exporter.config.loading import parse
from exporter.config.registry import RegistrySettings, RepositoriesSettings, TagsSettings
from exporter.config.scrub import ScrubSettings
from exporter.config.section import Section
from exporter.config.settings import MetricsSettings, ReferencesSettings, Settings
from exporter.config.storage import FactsSettings, StorageSettings
from exporter.config.words import spell

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize(
    "section",
    [
        Settings,
        MetricsSettings,
        RegistrySettings,
        RepositoriesSettings,
        TagsSettings,
        StorageSettings,
        FactsSettings,
        ScrubSettings,
        ReferencesSettings,
        ClusterSettings,
        CustomResourceSettings,
        FinishedSettings,
    ],
)
def test_the_page_has_the_table_of_every_section(section: type[Section]) -> None:
    assert table(section) in PAGE, f"docs/configuration.md lacks this:\n{table(section)}"


def test_the_example_of_the_page_is_valid(tmp_path: Path) -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    for name in ("web.yml", "ca.pem", "password"):
        (tmp_path / name).write_text("x")

    found = parse(example.encode(), {}, tmp_path / "pullproof.yml")

    assert [registry.label for registry in found.registries] == ["main", "mirror.example.com"]


def table(section: type[Section]) -> str:
    rows = [row(name, field) for name, field in section.model_fields.items()]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows]) + "\n"


def row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    meaning = " ".join((field.description or "").split()) or "See below."
    return f"| `{field.alias or name}` | {shown(default)} | {meaning} |"


def shown(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, Section):
        return "see below"
    return f"`{plain(default)}`"


def plain(value: object) -> str:
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case tuple():
            return f"[{', '.join(map(plain, value))}]"
        case timedelta():
            return spell(value)
        case StrEnum():
            return value.value
    return str(value)
