"""JSON Schema of the configuration, generated from the settings: for editors and the chart."""

import ast
import inspect
import re
import types
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin

import annotated_types
from pydantic import AfterValidator, ByteSize
from pydantic.fields import FieldInfo

from exporter.config.registry import ALWAYS, Recurrence
from exporter.config.settings import Settings
from exporter.config.values import (
    BUCKET,
    GLOB,
    PAGE,
    PATTERN,
    VARIABLE,
    ImagePattern,
    Section,
    at_least,
    bucket_url,
    glob,
    kind_name,
    matching,
    named_host,
    page_address,
    path_prefix,
    registry_url,
    variable_name,
)
from exporter.facts.registry_kind import Collector
from exporter.oci.platform import MOST_PARTS, Platform
from exporter.oci.reference import HOST
from exporter.sources.cluster.custom import FieldPath
from exporter.sources.cluster.resources import RESOURCES

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_DURATION: Final = "^([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
_MANY: Final = re.compile(r"\{0,[0-9]{3,}\}")
_SIZE: Final = "^ *[0-9]*\\.?[0-9]+ *([kKmMgGtTpPeE]?[iI]?[bB](it)?)?$"
_STEP: Final = r"(?:(?:[A-Za-z0-9_/-]|\\\.)+|\*)(?:\[\*\])*"
_LEAST: Final = {
    timedelta(milliseconds=100): "[1-9][0-9]*(d|h|m([0-9]|$)|s)|[1-9][0-9]{2,}ms",
    timedelta(seconds=1): "[1-9][0-9]*(d|h|m([0-9]|$)|s)|[1-9][0-9]{3,}ms",
    timedelta(
        minutes=1
    ): "[1-9][0-9]*(d|h|m([0-9]|$))|([6-9][0-9]|[1-9][0-9]{2,})s|[1-9][0-9]{4,}ms",
}
"""Patterns of minimum durations."""


def document() -> Json:
    """Return the schema of a configuration file, in draft 7, which every editor supports."""
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "pullproof configuration",
    }
    return head | section(Settings)


def closed(properties: Json, required: str = "") -> Json:
    """Return the schema of an object with no further keys."""
    found: Json = {"type": "object"} | {"additionalProperties": False, "properties": properties}
    return found | ({"required": required.split()} if required else {})


def section(kind: type[Section], without: frozenset[str] = frozenset()) -> Json:
    """Return the schema of a section, `without` some of its keys."""
    said = meanings(kind)
    fields = {
        field.alias or name: (field, said.get(name, ""))
        for name, field in kind.model_fields.items()
    }
    kept = {name: _field(*told) for name, told in fields.items() if name not in without}
    needed = [name for name, (field, _) in fields.items() if field.is_required()]
    return closed(kept, " ".join(needed))


def meanings(kind: type[Section]) -> dict[str, str]:
    """Return the docstrings of a section's fields, each in one line, by field.

    pydantic can read them too, for each class at every import: a seventh of the time in which a
    command starts.
    """
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if issubclass(each, Section):
            (written,) = ast.parse(inspect.getsource(each)).body
            for node, after in pairwise(ast.iter_child_nodes(written)):
                match node, after:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ):
                        found[name] = " ".join(text.split())
    return found


def _field(field: FieldInfo, meaning: str) -> Json:
    about = {"description": meaning} if meaning else {}
    return about | _type(field.annotation) | _limits(field) | _spelling(field.metadata)


def _type(kind: Any) -> Json:
    """Return the schema of a setting's type; further checks are the program's."""
    if get_origin(kind) is Annotated:
        of, *metadata = get_args(kind)
        return _type(of) | _spelling(metadata)
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (each for each in get_args(kind) if each is not type(None))
        return _or_null(_type(inner))
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _type(get_args(kind)[0])}
    if issubclass(kind, Section):
        return section(kind)
    if issubclass(kind, StrEnum):
        return {"enum": [str(each) for each in kind if each is not Collector.UNKNOWN]}
    return _PLAIN.get(kind, _TEXT | {"minLength": 1})


def _spelling(metadata: Iterable[Any]) -> Json:
    """Return the pattern of a text, as far as one without look-ahead can express it."""
    for rule in metadata:
        if not isinstance(rule, AfterValidator):
            continue
        func = rule.func
        if func is kind_name:
            return {"enum": sorted(RESOURCES)}
        if isinstance(func, partial) and func.func is at_least:
            return {"allOf": [{"pattern": _LEAST[func.args[0]]}]}
        grammar = func.args[1] if isinstance(func, partial) and func.func is matching else None
        if found := grammar or _GRAMMARS.get(func):
            # Go's expressions repeat at most a thousand times, repeats within repeats included.
            spelled = _MANY.sub("*", found.pattern)
            return {"pattern": f"^(?:{spelled})$"}
    return {}


_GRAMMARS: Final[dict[object, re.Pattern[str]]] = {
    glob: GLOB,
    bucket_url: BUCKET,
    variable_name: VARIABLE,
    page_address: PAGE,
    registry_url: re.compile(rf"https?://{HOST.pattern}/?"),
    named_host: HOST,
    path_prefix: re.compile("(/[A-Za-z0-9._~-]+)*/?"),
}
"""Patterns of checks that do more than match."""


def _or_null(schema: Json) -> Json:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    if "type" in schema:
        known = schema["type"]
        return schema | {"type": [*(known if isinstance(known, list) else [known]), "null"]}
    return schema


_PLAIN: Final[dict[object, Json]] = {
    bool: {"type": "boolean"},
    ByteSize: {"type": ["integer", "string"], "pattern": _SIZE},
    int: {"type": "integer"},
    float: {"type": "number"},
    timedelta: _TEXT | {"pattern": _DURATION, "minLength": 1},
    Recurrence: _TEXT | {"pattern": f"{_DURATION}|^{ALWAYS}$", "minLength": 1},
    Path: _TEXT | {"minLength": 1},
    Platform: _TEXT | {"pattern": f"^[^/]+(/[^/]+){{1,{MOST_PARTS - 1}}}$"},
    FieldPath: _TEXT | {"pattern": rf"^\{{?\$?\.?{_STEP}(\.{_STEP})*\}}?$"},
    ImagePattern: _TEXT | {"pattern": f"^(?:{PATTERN.pattern})$"},
}


def _limits(field: FieldInfo) -> Json:
    limits: Json = {}
    for rule in field.metadata:
        match rule:
            case annotated_types.Ge(least):
                limits["minimum"] = least
            case annotated_types.Gt(bound):
                limits["exclusiveMinimum"] = bound
            case annotated_types.Le(most):
                limits["maximum"] = most
            case annotated_types.MinLen(least):
                limits["minLength"] = least
            case annotated_types.MaxLen(most):
                limits["maxLength"] = most
            case _:
                pass
    return limits
