"""How does Go's `encoding/json` read a text? Keys in any case, null for nothing, types strictly."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

Shape = dict[str, Any]
"""Keys in lower case; values `str`, `int`, `bytes`, a list of one shape, or a shape. The key ""
stands for every key: a map."""

_INT64: Final = range(-(1 << 63), 1 << 63)
_LITERALS: Final = ("true", "false", "null")
_FOLDS: Final = str.maketrans({"\u017f": "s", "\u212a": "k"})
"""Two letters that Go's field matching takes for ASCII ones (`encoding/json/fold.go`)."""


class Unreadable(ValueError):
    """A text that Go's scanner refuses, with its message."""


class _Fraction:
    """A number that no integer field accepts."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, repeated keys and all."""


def loads(content: bytes) -> object:
    """Parse a text as Go does.

    Raises `Unreadable`, and `RecursionError` for nesting that Go may still read but we cannot.
    """
    text = content.decode("utf-8", "replace")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(_message(text, error)) from error


def fill(document: object, shape: Shape) -> tuple[dict[str, Any], str]:
    """Fill a struct from a document: its fields, and the error where a type does not fit."""
    try:
        return _struct(document, shape, None), ""
    except _Misfit as misfit:
        return _struct(None, shape, None), f"json: cannot unmarshal {misfit} into Go value"


def _refuse(literal: str) -> object:
    raise json.JSONDecodeError(f"{literal} is no JSON", literal, 0)


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_float=lambda _: _Fraction(),
    parse_int=lambda digits: int(digits) if len(digits) < 21 else _Fraction(),  # noqa: PLR2004 - past int64
    parse_constant=_refuse,
)


class _Misfit(ValueError):
    """A value of another type than its field's."""


def _message(text: str, error: json.JSONDecodeError) -> str:
    """Say what Go says of a text cut off; for all else, that it is none."""
    rest = text[error.pos :].rstrip(" \t\r\n")
    if not rest or error.msg.startswith("Unterminated") or _is_beginning(rest):
        return "unexpected end of JSON input"
    where = "looking for beginning of value" if error.msg == "Expecting value" else "in manifest"
    return f"invalid character {rest[0]!r} {where}"


def _is_beginning(rest: str) -> bool:
    return rest == "-" or any(literal.startswith(rest) for literal in _LITERALS)


def _value(value: object, shape: object, before: object) -> Any:
    """Fit one value into one field; null leaves a field as it was."""
    if isinstance(shape, list):
        return _list(value, shape[0])
    if isinstance(shape, dict):
        return _map(value, shape[""]) if "" in shape else _struct(value, shape, before)
    if value is None:
        return before
    if shape is bytes:
        return _base64(value)
    if isinstance(value, bool) or not isinstance(value, shape):  # type: ignore[arg-type] # str, int
        raise _Misfit(_kind(value))
    if shape is int and value not in _INT64:
        raise _Misfit("number")
    return _whole(value) if isinstance(value, str) else value


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs, as Go does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _list(value: object, shape: object) -> list[Any] | None:
    if value is None:
        return None
    if not isinstance(value, list) or isinstance(value, _Pairs):
        raise _Misfit(_kind(value))
    return [_value(each, shape, _zero(shape)) for each in value]


def _map(value: object, shape: object) -> None:
    if value is None:
        return
    if not isinstance(value, _Pairs):
        raise _Misfit(_kind(value))
    for _, each in value:
        _value(each, shape, _zero(shape))


def _struct(value: object, shape: Shape, before: object) -> dict[str, Any]:
    filled = dict(before) if isinstance(before, dict) else _blank(shape)
    if value is None:
        return filled
    if not isinstance(value, _Pairs):
        raise _Misfit(_kind(value))
    for key, each in value:
        name = key.translate(_FOLDS).lower()
        if name in shape:
            filled[name] = _value(each, shape[name], filled[name])
    return filled


def _blank(shape: Shape) -> dict[str, Any]:
    return {key: _zero(each) for key, each in shape.items()}


def _zero(shape: object) -> Any:
    if shape is str:
        return ""
    if shape is int:
        return 0
    return _blank(shape) if isinstance(shape, dict) and "" not in shape else None


def _base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise _Misfit(_kind(value))
    try:
        return base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Misfit("string") from error


def _kind(value: object) -> str:
    """Name a value's type in Go's words."""
    if isinstance(value, _Pairs):
        return "object"
    if isinstance(value, list):
        return "array"
    return {bool: "bool", str: "string"}.get(type(value), "number")
