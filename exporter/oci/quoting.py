"""Text of others, as an error may repeat it: short, printable, without credentials."""

from __future__ import annotations

from typing import Final

_DIGESTS: Final = ("sha256:", "sha512:")


def without_credentials(text: str) -> str:
    """Return an address or a reference without what stands before its @.

    People type user names and passwords there. An image's digest stands behind an @ as well.
    """
    rest, at, digest = text.rpartition("@")
    if not at or not digest.startswith(_DIGESTS):
        return _hidden(text)
    return f"{_hidden(rest)}@{digest}"


def quoted(text: str, most: int = 80) -> str:
    """Return text in quotes for an error message: at most so many characters of it."""
    return repr(without_credentials(text)[:most])


def _hidden(text: str) -> str:
    before, at, host = text.rpartition("@")
    if not at:
        return text
    scheme, separator, _ = before.partition("://")
    return f"{scheme}://…@{host}" if separator and scheme.isalnum() else f"…@{host}"
