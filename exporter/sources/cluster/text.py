"""Texts in a cluster's objects. Whoever may create one may write anything there."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from exporter.oci.digest import Malformed
from exporter.oci.reference import Reference

_LONGEST: Final = 300
"""Characters of a name: Kubernetes' own have at most 253."""
_LONGEST_REFERENCE: Final = 1_000
"""Characters of an image's name: a host, a repository, a tag and a digest have fewer."""
_REFERENCES: Final = 16_384
"""References that are kept read: many pods and nodes name the same."""
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LONGEST_SUBDOMAIN: Final = 253


def plain(text: str) -> str:
    """Return a name without characters that move a terminal's cursor or change its direction.

    Owners of objects and pull secrets are named by whoever makes an object: Kubernetes takes
    control characters there, and any length.
    """
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


@lru_cache(_REFERENCES)
def reference(text: str) -> Reference:
    """Read an image's name; raise `Malformed` for what is none, at once where it is far too long.

    Kubernetes takes any text there, of a megabyte too.
    """
    if len(text) > _LONGEST_REFERENCE:
        raise Malformed(f"not a reference: {len(text)} characters, {text[:80]!r}…")
    return Reference.parse(text)


def is_name(text: str) -> bool:
    """May an object have this name (RFC 1123 subdomain)? What may not is a path of its own."""
    return len(text) <= _LONGEST_SUBDOMAIN and bool(_SUBDOMAIN.fullmatch(text))
