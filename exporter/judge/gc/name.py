"""Does a collector take a folder's path for a repository's name?"""

from __future__ import annotations

import re
from typing import Final

_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME: Final = re.compile(rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)")
_PATH: Final = re.compile(r"[A-Za-z0-9._/-]+")
_LONGEST: Final = 255


def refusal(name: str) -> str:
    """Say why a collector gives up at a name; empty where it accepts it.

    Source: distribution/reference, `WithName`; and the storage drivers' `PathRegexp`, which knows
    no colon although a name may begin with `host:port`.
    """
    match = _NAME.fullmatch(name)
    if not match:
        return f"failed to parse repo name {name}: invalid reference format"
    if len(match["path"]) > _LONGEST:
        too_long = f"repository name must not be more than {_LONGEST} characters"
        return f"failed to parse repo name {name}: {too_long}"
    if not _PATH.fullmatch(name):
        path = f"/docker/registry/v2/repositories/{name}/_manifests/revisions"
        return f"invalid path: {path}"
    return ""
