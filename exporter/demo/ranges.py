"""Which part of a body does a Range header ask for? By the rules of Go's `net/http`."""

from __future__ import annotations

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=[ \t]*+([0-9]{0,18})[ \t]*+-[ \t]*+([0-9]{0,18})[ \t]*+")


class Unsatisfiable(ValueError):
    """The answer is 416; the text is its body."""

    def __init__(self, text: str, *, overlaps: bool) -> None:
        """Say what is wrong; a range that is well formed and lies past the end does not overlap."""
        super().__init__(text)
        self.overlaps = overlaps


def part(header: str, size: int) -> range | None:
    """Return the positions that are asked for, None for all of them; raise `Unsatisfiable`.

    Several ranges at once are answered with the whole body, which RFC 9110 allows.
    """
    if header in ("", "bytes=") or "," in header:
        return None
    found = _RANGE.fullmatch(header)
    if found is None or not any(found.groups()):
        raise Unsatisfiable("invalid range", overlaps=True)
    first, last = found.groups()
    if not first:
        return range(size - min(int(last), size), size)
    if int(first) >= size:
        raise Unsatisfiable("invalid range: failed to overlap", overlaps=False)
    if last and int(last) < int(first):
        raise Unsatisfiable("invalid range", overlaps=True)
    return range(int(first), min(int(last) + 1, size) if last else size)
