"""Does a collector take a folder's path for a repository's name?"""

from __future__ import annotations

import re
from typing import Final

_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME: Final = re.compile(rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)")
_LONGEST: Final = 255


def complaint(name: str) -> str:
    """Say what is wrong with a name, empty if nothing (distribution/reference, `WithName`)."""
    match = _NAME.fullmatch(name)
    if not match:
        return "invalid reference format"
    if len(match["path"]) > _LONGEST:
        return f"repository name must not be more than {_LONGEST} characters"
    return ""


def is_name(name: str) -> bool:
    """Is it a repository's name?"""
    return not complaint(name)
