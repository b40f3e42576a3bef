"""Which values does the chart accept? Made from its own values and from the program's settings."""

from __future__ import annotations

import json
from typing import Any, Final

from exporter.config.schema import closed, section
from exporter.config.settings import Settings
from tests.shipped.chart.values import Value, values
from tests.shipped.rules import alerts

Json = dict[str, Any]

OWNED: Final = frozenset({"listen", "ledger", "web_config_file", "shard"})
"""Settings that the chart writes itself."""

_TEXT: Final[Json] = {"type": "string"}
_OBJECT: Final[Json] = {"type": "object"}
_NAME: Final = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
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
    # From ten megabytes on: less is a unit that was forgotten, or `m`, which is a thousandth.
    "size": {
        "type": ["string", "integer"],
        "minimum": 10_000_000,
        "pattern": "^([0-9]{8,}|[0-9]{5,}(k|Ki)|[0-9]{2,}(\\.[0-9]+)?Mi?"
        "|([1-9][0-9]*(\\.[0-9]+)?|0\\.[0-9]+)[GTPE]i?)?$",
    },
    "host": _TEXT
    | {
        "pattern": "^(([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:]+\\])(:[0-9]+)?(/[a-z0-9._/-]+)?)?$",
    },
    "affinity": closed(dict.fromkeys(("nodeAffinity", "podAffinity", "podAntiAffinity"), _OBJECT)),
    "alertLabels": closed({}) | {"patternProperties": {"^[A-Za-z_][A-Za-z0-9_]*$": _TEXT}},
    "variables": {
        "type": "array",
        "items": _OBJECT
        | {
            "properties": {
                "name": _TEXT | {"not": {"enum": ["POD_NAME", "POD_NAMESPACE"]}},
                "value": _TEXT,
            },
            "required": ["name"],
        },
    },
    "promDuration": _TEXT | {"pattern": "^([0-9]+(ms|s|m|h|d))+$"},
}


def document() -> str:
    """The text of values.schema.json."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "pullproof"}
    schema |= closed({value.path[-1]: _schema(value) for value in values()})
    return json.dumps(schema | {"definitions": _definitions()}, indent=2) + "\n"


def _definitions() -> Json:
    path = _TEXT | {"pattern": "^/"}
    claim = closed({"name": _ref("name"), "mountPath": path, "subPath": _TEXT}, "name mountPath")
    host = closed({"host": _TEXT | {"minLength": 1}, "path": path}, "host")
    key = closed({"name": _ref("name"), "key": _TEXT, "optional": {"type": "boolean"}}, "name key")
    amounts = _OBJECT | {"properties": {"memory": _ref("size")}}
    return _WORDS | {
        "basicAuth": closed({"username": key, "password": key}),
        "resources": closed({"limits": amounts, "requests": amounts, "claims": _ref("objects")}),
        "claims": {"type": "array", "items": claim},
        "hosts": {"type": "array", "items": host},
        "alerts": closed({alert.name: _ref("override") for alert in alerts()}),
        "override": closed(
            {
                "enabled": {"type": "boolean"},
                "for": _ref("promDuration"),
                "keep_firing_for": _ref("promDuration"),
                "severity": {"enum": ["critical", "warning", "info"]},
                "expr": _TEXT | {"minLength": 1},
                "labels": _ref("alertLabels"),
                "annotations": _ref("labels"),
            }
        ),
        # What is missing is told with an example when it is rendered.
        "config": section(Settings, OWNED) | {"required": []},
    }


def _schema(value: Value) -> Json:
    about = {"description": value.about} if value.about else {}
    if value.parts:
        return closed({part.path[-1]: _schema(part) for part in value.parts}) | about
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
