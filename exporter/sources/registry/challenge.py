"""How does a registry want to be convinced? WWW-Authenticate, read (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.request import parse_http_list

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(rf"({_WORD})\s*=\s*(.*)", re.DOTALL)
_SCHEME: Final = re.compile(rf"({_WORD})(?:\s+(.*))?", re.DOTALL)
_MOST_BYTES: Final = 8192
_LONGEST_PART: Final = 4096
"""Characters of a realm, a service or a scope."""


class Challenge(NamedTuple):
    """One way to be convinced: what a token is to be asked for, and where; or Basic."""

    scheme: str
    """`bearer` or `basic`."""
    realm: str
    service: str = ""
    scope: str = ""
    """Scopes, separated by spaces."""


def parse(header: str) -> tuple[Challenge, ...]:
    """Return the Bearer and Basic challenges of one header, in order; others are left out.

    So are those with a part that is too long to be meant: it is kept for each repository. One
    header may hold several challenges, and commas stand both between them and between the
    parameters of each.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for item in parse_http_list(header[:_MOST_BYTES]):
        if not (parameter := _PARAMETER.fullmatch(item)) and (begun := _SCHEME.fullmatch(item)):
            found.append((begun[1].lower(), {}))
            parameter = _PARAMETER.fullmatch(begun[2] or "")
        if parameter and found:
            found[-1][1].setdefault(parameter[1].lower(), _unquoted(parameter[2].strip()))
    return tuple(
        challenge
        for scheme, each in found
        if scheme in ("bearer", "basic")
        and max(map(len, challenge := _challenge(scheme, each))) <= _LONGEST_PART
    )


def best(header: str) -> Challenge | None:
    """Return the challenge to meet: Bearer where it is offered, else Basic."""
    offered = sorted(parse(header), key=lambda each: each.scheme != "bearer")
    return offered[0] if offered else None


def _challenge(scheme: str, parts: dict[str, str]) -> Challenge:
    return Challenge(scheme, *(parts.get(name, "") for name in ("realm", "service", "scope")))


def _unquoted(value: str) -> str:
    """Take the quotes off; `parse_http_list` has undone the escapes within."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
