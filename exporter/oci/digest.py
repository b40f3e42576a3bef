"""Digests; the error for malformed text; and how an error quotes text of others."""

import hashlib
import re
from typing import Final, Self

_GRAMMAR: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_PREFIXES: Final = ("sha256:", "sha512:")
PACKED: Final = 32
"""Bytes of a packed sha256 digest."""


class Malformed(ValueError):
    """Text or bytes that do not have the shape their place demands; the message says which."""


class Digest(str):
    """A content digest, `algorithm:encoded` in lower-case hexadecimal (OCI descriptor.md).

    Build one with `parse` or `of` only: the type is the proof that the text was checked.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the digest that a text names; raise `Malformed` for anything else."""
        if not _GRAMMAR.fullmatch(text):
            raise Malformed(f"not a sha256 or sha512 digest: {quoted(text, 140)}")
        return cls(text)

    @classmethod
    def of(cls, body: bytes, algorithm: str = "sha256") -> Self:
        """Return the digest of bytes under `sha256` or `sha512`."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, body, usedforsecurity=False).hexdigest()}")

    @classmethod
    def unpacked(cls, packed: bytes) -> list[Self]:
        """Return the sha256 digests that were packed, 32 bytes each."""
        encoded = packed.hex()
        step = 2 * PACKED
        return [cls("sha256:" + encoded[at : at + step]) for at in range(0, len(encoded), step)]

    @classmethod
    def of_packed(cls, packed: bytes) -> Self:
        """Return the sha256 digest of 32 bytes, or the sha512 one of 64."""
        return cls(("sha256:" if len(packed) == PACKED else "sha512:") + packed.hex())

    @property
    def packed(self) -> bytes:
        """The bytes that it names: 32 of sha256, 64 of sha512."""
        return bytes.fromhex(self[7:])

    @property
    def algorithm(self) -> str:
        """The part before the colon: `sha256` or `sha512`."""
        return self[:6]

    @property
    def encoded(self) -> str:
        """The hexadecimal part after the colon."""
        return self[7:]

    @property
    def short(self) -> str:
        """Enough of the digest for a person: the algorithm and twelve characters."""
        return self[:19]

    def names(self, body: bytes) -> bool:
        """Is this the digest of these bytes?"""
        return self == Digest.of(body, self.algorithm)


def without_credentials(text: str) -> str:
    """Return an address or a reference without what stands before its @.

    People type user names and passwords there. An image's digest stands behind an @ as well.
    """
    rest, at, digest = text.rpartition("@")
    if not at or not digest.startswith(_PREFIXES):
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
