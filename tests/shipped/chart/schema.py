"""Which values does the chart accept? Made from its own values and from the program's settings."""

from __future__ import annotations

import json
import re
import types
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

import annotated_types
from pydantic import AfterValidator, ByteSize

from exporter.config.settings import Settings
from exporter.config.values import (
    _BUCKET,
    _GLOB,
    _PAGE,
    _PATTERN,
    _VARIABLE,
    ImagePattern,
    Section,
    _at_least,
    _kind,
    _matching,
    _named_host,
    _page,
    _prefix,
    _url,
    _variable,
    bucket_url,
    glob,
)
from exporter.facts.registry_kind import Collector
from exporter.oci.platform import _MOST_PARTS, Platform
from exporter.oci.reference import _HOST
from exporter.sources.cluster.resources import RESOURCES
from tests.shipped.chart.values import Value, values
from tests.shipped.rules import alerts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

Json = dict[str, Any]

OWNED: Final = frozenset({"listen", "ledger", "web_config_file", "shard"})
"""Settings that the chart writes itself."""

_TEXT: Final[Json] = {"type": "string"}
_OBJECT: Final[Json] = {"type": "object"}
_NAME: Final = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_DURATION: Final = "^([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
_SIZE: Final = "^ *[0-9]*\\.?[0-9]+ *([kKmMgGtTpPeE]?[iI]?[bB](it)?)?$"
_LEAST: Final = {
    timedelta(milliseconds=100): "[1-9][0-9]*(d|h|m([0-9]|$)|s)|[1-9][0-9]{2,}ms",
    timedelta(seconds=1): "[1-9][0-9]*(d|h|m([0-9]|$)|s)|[1-9][0-9]{3,}ms",
    timedelta(
        minutes=1
    ): "[1-9][0-9]*(d|h|m([0-9]|$))|([6-9][0-9]|[1-9][0-9]{2,})s|[1-9][0-9]{4,}ms",
}
"""Durations that are at least so long."""
_WORDS: Final[Json] = {
    "name": _TEXT | {"maxLength": 253, "pattern": f"^({_NAME})?$"},
    "names": {
        "type": "array",
        "items": _TEXT | {"maxLength": 253, "pattern": f"^{_NAME}$"},
        "uniqueItems": True,
    },
    "labels": _OBJECT | {"additionalProperties": _TEXT},
    "object": _OBJECT,
    "objects": {"type": "array", "items": _OBJECT},
    "ports": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
    "quantity": _TEXT | {"pattern": "^([0-9]+(\\.[0-9]+)?([KMGTPE]i|[kMGTPE])?)?$"},
    "promDuration": _TEXT | {"pattern": "^([0-9]+(ms|s|m|h|d))+$"},
}


def document() -> str:
    """The text of values.schema.json."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "pullproof"}
    schema |= _closed({value.path[-1]: _schema(value) for value in values()})
    return json.dumps(schema | {"definitions": _definitions()}, indent=2) + "\n"


def _definitions() -> Json:
    path = _TEXT | {"pattern": "^/"}
    claim = _closed({"name": _ref("name"), "mountPath": path, "subPath": _TEXT}, "name mountPath")
    host = _closed({"host": _TEXT | {"minLength": 1}, "path": path}, "host")
    return _WORDS | {
        "claims": {"type": "array", "items": claim},
        "hosts": {"type": "array", "items": host},
        "alerts": _closed({alert.name: _ref("override") for alert in alerts()}),
        "override": _closed(
            {
                "enabled": {"type": "boolean"},
                "for": _ref("promDuration"),
                "keep_firing_for": _ref("promDuration"),
                "severity": {"enum": ["critical", "warning", "info"]},
                "expr": _TEXT | {"minLength": 1},
                "labels": _ref("labels"),
                "annotations": _ref("labels"),
            }
        ),
        # What is missing is told with an example when it is rendered.
        "config": _section(Settings, OWNED) | {"required": []},
    }


def _schema(value: Value) -> Json:
    about = {"description": value.about} if value.about else {}
    if value.parts:
        return _closed({part.path[-1]: _schema(part) for part in value.parts}) | about
    if isinstance(value.schema, str):
        return about | _ref(value.schema)
    return about | (value.schema or _TYPES[type(value.default)])


_TYPES: Final[dict[type, Json]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: _TEXT,
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _closed(properties: Json, required: str = "") -> Json:
    closed = _OBJECT | {"additionalProperties": False, "properties": properties}
    return closed | ({"required": required.split()} if required else {})


def _section(section: type[Section], without: frozenset[str] = frozenset()) -> Json:
    """The schema of a section of the configuration."""
    fields = {field.alias or name: field for name, field in section.model_fields.items()}
    kept = {name: _field(field) for name, field in fields.items() if name not in without}
    needed = [name for name, field in fields.items() if field.is_required()]
    return _closed(kept, " ".join(needed))


def _field(field: FieldInfo) -> Json:
    about = {"description": " ".join(field.description.split())} if field.description else {}
    return about | _type(field.annotation) | _limits(field) | _spelling(field.metadata)


def _type(kind: Any) -> Json:
    """The schema of a setting's type; what only the program can judge is left to it."""
    if get_origin(kind) is Annotated:
        of, *metadata = get_args(kind)
        return _type(of) | _spelling(metadata)
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (each for each in get_args(kind) if each is not type(None))
        return _or_null(_type(inner))
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _type(get_args(kind)[0])}
    if issubclass(kind, Section):
        return _section(kind)
    if issubclass(kind, StrEnum):
        return {"enum": [str(each) for each in kind if each is not Collector.UNKNOWN]}
    return _PLAIN.get(kind, _TEXT | {"minLength": 1})


def _spelling(metadata: Iterable[Any]) -> Json:
    """How a text is spelled, as far as a pattern without look-ahead can say it."""
    for rule in metadata:
        if not isinstance(rule, AfterValidator):
            continue
        func = rule.func
        if func is _kind:
            return {"enum": sorted(RESOURCES)}
        if isinstance(func, partial) and func.func is _at_least:
            return {"allOf": [{"pattern": _LEAST[func.args[0]]}]}
        grammar = func.args[1] if isinstance(func, partial) and func.func is _matching else None
        if found := grammar or _GRAMMARS.get(func):
            # Go's expressions repeat at most a thousand times, repeats within repeats included.
            spelled = re.sub(r"\{0,[0-9]{3,}\}", "*", found.pattern)
            return {"pattern": f"^(?:{spelled})$"}
    return {}


_GRAMMARS: Final = {
    glob: _GLOB,
    bucket_url: _BUCKET,
    _variable: _VARIABLE,
    _page: _PAGE,
    _url: re.compile(rf"https?://{_HOST.pattern}/?"),
    _named_host: _HOST,
    _prefix: re.compile("(/[A-Za-z0-9._~-]+)*/?"),
}
"""The patterns of checks that do more than match one."""


def _or_null(schema: Json) -> Json:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    if "type" in schema:
        known = schema["type"]
        return schema | {"type": [*(known if isinstance(known, list) else [known]), "null"]}
    return schema


_PLAIN: Final[dict[type, Json]] = {
    bool: {"type": "boolean"},
    ByteSize: {"type": ["integer", "string"], "pattern": _SIZE},
    int: {"type": "integer"},
    float: {"type": "number"},
    timedelta: _TEXT | {"pattern": _DURATION, "minLength": 1},
    Path: _TEXT | {"minLength": 1},
    Platform: _TEXT | {"pattern": f"^[^/]+(/[^/]+){{1,{_MOST_PARTS - 1}}}$"},
    ImagePattern: _TEXT | {"pattern": f"^(?:{_PATTERN.pattern})$"},
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
