"""How does one input become another? By what breaks readers; a seed gives the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

Mutation = Callable[[bytes, Sequence[bytes], random.Random], bytes]

TOKENS: Final = (
    *(b"null", b"true", b"-1", b"0", b"1e999", b"-" + b"9" * 4_400, b"9" * 400, b"1e-400"),
    *(b"NaN", b"Infinity", b"18446744073709551616", b"-9223372036854775809", b"0.1", b"2024-13-45"),
    *(
        b'"\\ud800"',
        b"\\ud800",
        b"\\u0000",
        b'""',
        b"{}",
        b"[]",
        b"\x00",
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ),
    *("é".encode(), "\u202e".encode(), "\U0001f600".encode(), "²".encode(), "٣".encode()),
    *(b"\x1b[31m", b"\r\n", b"\n", b"\t", b" ", b"\\", b'"', b"'", b",", b";", b":", b"=", b"/"),
    *(
        b"..",
        b"../",
        b"//",
        b"@",
        b"*",
        b"&a",
        b"*a",
        b"<<",
        b"!!int ",
        b"!!float x",
        b"---\n",
        b"? ",
    ),
    *(b"{", b"}", b"[", b"]", b"<", b">", b"%", b"%00", b"%zz", b"https://[", b"http://x:99999/"),
    *(b"sha256:", b"sha512:", b"sha1:", b"sha256:" + b"0" * 64, b"sha256:" + b"A" * 64),
    *(b"localhost", b"[::1]:5000", b"a" * 300, b"a/" * 150, b"a-" * 130, b"." * 70),
    *(b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\xca\xfe", b"\xde\x00\x20"),
)
"""Words on which some reader stumbled once."""
_DEEP: Final = ((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"- ", b""), (b"{a: ", b"}"))


def mutated(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    """Change an input in one to four ways."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        data = chance.choice(_WAYS)(data, pool, chance)
    return data


def pumped(data: bytes, chance: random.Random) -> Callable[[int], bytes]:
    """Choose a part of an input, and return what makes an input of a size by repeating it."""
    at = chance.randrange(len(data) + 1)
    part = data[at : at + chance.choice((1, 1, 2, 3, 5, 8, 20, 60))] or chance.choice(TOKENS)
    if chance.random() < 0.3:
        part = chance.choice(TOKENS)
    return lambda size: data[:at] + part * max(1, size // len(part)) + data[at:]


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(len(data) + 1)
    return at, min(len(data), at + chance.choice((1, 1, 2, 4, 8, 16, 64)))


def _flip(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    if not data:
        return bytes([chance.randrange(256)])
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _replace(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + chance.choice(TOKENS) + data[end:]


def _insert(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(TOKENS) + data[at:]


def _delete(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _double(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 10, 100)) + data[end:]


def _cut(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _splice(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(pool)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _nest(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    opening, closing = chance.choice(_DEEP)
    times = chance.choice((3, 40, 70, 400, 3_000))
    return data[:start] + opening * times + data[start:end] + closing * times + data[end:]


def _value(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    """Put another value in place of one: between a colon and what ends it."""
    colons = [at for at, byte in enumerate(data) if byte == ord(":")]
    if not colons:
        return _insert(data, (), chance)
    start = chance.choice(colons) + 1
    ends = [at for at in (data.find(mark, start) for mark in (b",", b"}", b"\n")) if at >= 0]
    return data[:start] + b" " + chance.choice(TOKENS) + data[min(ends, default=len(data)) :]


_WAYS: Final[tuple[Mutation, ...]] = (
    *(_flip, _replace, _replace, _insert, _insert, _delete, _double),
    *(_cut, _splice, _nest, _value, _value, _value),
)
