"""Does a collector take a folder's path for a repository's name?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.judge.gc.dialect import Dialect

_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME: Final = re.compile(rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)")
_PATH: Final = re.compile(r"[A-Za-z0-9._/-]+")
_LONGEST: Final = 255


def refusal(name: str, dialect: Dialect) -> str:
    """Say why a collector gives up at a name; empty where it accepts it.

    Source: distribution/reference, `WithName`; and the storage drivers' `PathRegexp`, which knows
    no colon although a name may begin with `host:port`.
    """
    match = _NAME.fullmatch(name)
    whole = dialect.counts_whole_name
    if len(name if whole else match["path"] if match else "") > _LONGEST:
        too_long = f"repository name must not be more than {_LONGEST} characters"
        return f"failed to parse repo name {name}: {too_long}"
    if not match:
        return f"failed to parse repo name {name}: invalid reference format"
    if not _PATH.fullmatch(name):
        path = f"/docker/registry/v2/repositories/{name}/_manifests/revisions"
        return f"invalid path: {path}"
    return ""
