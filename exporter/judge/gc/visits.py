"""The repositories that a collector visits, in its order, and the names that stop it."""

import re
from typing import Final

from exporter.facts.inventory import Folder, Inventory
from exporter.judge.gc.dialect import Dialect

_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME: Final = re.compile(rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)")
_PATH: Final = re.compile(r"[A-Za-z0-9._/-]+")
_LONGEST: Final = 255
_FOLDER_NAMES: Final = {Folder.LAYERS: "_layers", Folder.MANIFESTS: "_manifests"}


def visited(inventory: Inventory, dialect: Dialect) -> list[int]:
    """Return the repositories that a collector visits, by number, in its order.

    A walk goes folder by folder, so `foo/1bar` comes before `foo` (its marker begins with `_`) and
    `foo/bar` after it; a flat listing of keys puts `foo-bar` before `foo`.
    """
    marker = _FOLDER_NAMES[dialect.marker]
    flat = dialect.flat(inventory)

    def place(repository: int) -> tuple[bytes, ...]:
        path = f"{inventory.repositories[repository]}/{marker}".encode("utf-8", "surrogateescape")
        return (path + b"/",) if flat else tuple(path.split(b"/"))

    marked = inventory.folders & dialect.marker
    return sorted((int(each) for each in marked.nonzero()[0]), key=place)


def refusal(name: str, dialect: Dialect) -> str:
    """Return the error with which a collector refuses a repository's name; empty if it does not.

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
