"""What does an answer of the Kubernetes API hold, however deep one object in it is nested?

An API server takes thousands of levels, where somebody wants them: in what a ControllerRevision
keeps, in a custom resource. No reader of JSON here does, and one such object must not hide all
others of its list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from exporter.oci.digest import Malformed

_DEEPEST: Final = 300
"""Levels that are kept: no path that is configured leads further (`FieldPath`)."""
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text, also one that never ends: else each quote in it would be tried as a beginning."""

Read = TypeVar("Read")


def decoded(body: bytes | msgspec.Raw, of: msgspec.json.Decoder[Read]) -> Read:
    """Read a document; raise `Malformed` where it is none of this kind.

    What lies deeper than anything that is looked for is read as null.
    """
    try:
        try:
            return of.decode(body)
        except RecursionError:
            return of.decode(b"".join(_shallow(bytes(body))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("not the requested document") from error


def _shallow(body: bytes) -> Iterator[bytes]:
    """Yield the pieces of a document, with null for what is nested too deeply."""
    depth = start = 0
    for found in _MARK.finditer(body):
        mark = found[0]
        if mark in b"[{":
            depth += 1
            if depth == _DEEPEST + 1:
                yield body[start : found.start()]
                yield b"null"
        elif mark in b"]}":
            if depth == _DEEPEST + 1:
                start = found.end()
            depth -= 1
    if depth <= _DEEPEST:
        yield body[start:]
