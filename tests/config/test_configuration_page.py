"""Does docs/configuration.md say what can be set, each key with its true default?"""

from __future__ import annotations

import ast
import inspect
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from pydantic_core import PydanticUndefined

from exporter.config.loading import parse
from exporter.config.schema import meanings
from exporter.config.settings import Settings
from exporter.config.values import Section, spell
from tests.golden import generated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from tests.parts.certificates import Authority

PATH: Final = Path(__file__).parents[2] / "docs" / "configuration.md"
PAGE: Final = PATH.read_text()
TABLE: Final = re.compile(r"^\| key \|.*\n(?:\|.*\n)+", re.MULTILINE)
KINDS: Final = {
    "bool": "switch",
    "float": "number",
    "int": "number",
    "str": "text",
    "ApiUrl": "address",
    "BucketUrl": "address",
    "ClassName": "choice",
    "CollectorName": "choice",
    "Duration": "duration",
    "Endpoint": "address",
    "FieldPathText": "field path",
    "FilePath": "path",
    "Glob": "pattern",
    "TypeGlob": "pattern of media types",
    "GroupName": "API group",
    "Host": "host",
    "Images": "pattern",
    "Interval": "duration",
    "KindName": "kind",
    "LevelName": "choice",
    "ListSourceName": "choice",
    "ListenAddress": "address",
    "NamespaceName": "namespace",
    "Owner": "name",
    "PageAddress": "address",
    "PathPrefix": "URL path",
    "Period": "duration",
    "Often": "`always`, or a duration",
    "PlatformName": "platform",
    "RepositoryName": "repository",
    "ResourceName": "plural name",
    "PullsName": "choice",
    "RoleName": "choice",
    "ShardText": "shard",
    "Size": "size",
    "SourceName": "choice",
    "Timeout": "duration",
    "Url": "address",
    "Variable": "variable",
    "VersionName": "API version",
}
"""What the page calls a type of the settings."""


def sections(section: type[Section] = Settings) -> Iterator[type[Section]]:
    """Every section, each before those within it, in the order of the page."""
    yield section
    for field in section.model_fields.values():
        within = (field.annotation, *get_args(field.annotation))
        for each in within:
            if isinstance(each, type) and issubclass(each, Section):
                yield from sections(each)


def test_the_tables_of_the_page_are_made_from_the_settings() -> None:
    tables = [table(section) for section in sections()]

    assert len(TABLE.findall(PAGE)) == len(tables), f"one for each of {[*sections()]}"
    remaining = iter(tables)
    generated(PATH, TABLE.sub(lambda _: next(remaining), PAGE))


def test_the_example_of_the_page_is_valid(tmp_path: Path, authority: Authority) -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    for name in ("web.yml", "password"):
        (tmp_path / name).write_text("x")
    (tmp_path / "ca.pem").write_bytes(authority.certificate.read_bytes())

    found = parse(example.encode(), {}, tmp_path / "pullproof.yml")

    assert [registry.label for registry in found.registries] == ["main", "mirror.example.com"]


def table(section: type[Section]) -> str:
    rows = [row(section, name, field) for name, field in section.model_fields.items()]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def row(section: type[Section], name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    meaning = meanings(section).get(name, "See below.")
    allowed = kind(written(section, name)) + bounds(field)
    cells = (f"`{field.alias or name}`", allowed, shown(default), meaning)
    return f"| {' | '.join(cells)} |"


def written(section: type[Section], name: str) -> str:
    """The annotation of a field, as it stands in the code."""
    for each in section.__mro__:
        (source,) = ast.parse(inspect.getsource(each)).body
        assert isinstance(source, ast.ClassDef)
        for line in source.body:
            if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == name:
                return ast.unparse(line.annotation)
    raise KeyError(name)


def kind(annotation: str) -> str:
    one = annotation.removesuffix(" | None")
    if many := re.fullmatch(r"tuple\[(\w+), \.\.\.\]", one):
        return f"list ({kind(many[1])})"
    return "section" if one.endswith("Settings") else KINDS[one]


EXABYTE = 10**18


def bounds(field: FieldInfo) -> str:
    """What a number may be, as far as anybody would reach it."""
    least = [f" from {each.ge}" for each in field.metadata if hasattr(each, "ge")]
    over = [f" over {each.gt}" for each in field.metadata if hasattr(each, "gt")]
    most = [f" to {each.le}" for each in field.metadata if getattr(each, "le", EXABYTE) < EXABYTE]
    return "".join(least + over + most)


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
