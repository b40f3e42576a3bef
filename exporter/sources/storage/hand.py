"""What do many files below a folder say? The system calls that a reading mostly consists of.

A crew runs this file as a program, several times: Python's threads would only take turns. So it
imports nothing but the standard library, and takes and gives plain bytes and numbers.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Final

Task = Callable[[int, bytes, Sequence[bytes]], "array[int]"]
"""Takes a folder, a word, and names; gives as many numbers for each name."""

HEAD: Final = struct.Struct("!BI")
"""Which task, and how many bytes follow; the folder's descriptor comes along with it."""
ANSWER: Final = struct.Struct("!I")
"""How many bytes of numbers follow."""

_LINK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENOUGH: Final = 161
"""Bytes of a link: one more than any digest has."""
_DIGEST: Final = 32
"""Bytes of the only digests that are told as numbers: sha256."""
_UNUSUAL: Final = (0, 0, 0, 0)


def blobs(folder: int, _: bytes, names: Sequence[bytes]) -> array[int]:
    """Look at each blob's file: its bytes, and when it was written, in nanoseconds.

    In place of the bytes of one that cannot be looked at stands -1 for what is no regular file, and
    -1 less the error's number for anything else.
    """
    found = array("q")
    add, look = found.append, os.stat
    for name in names:
        try:
            file = look(name + b"/data", dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            add(-1 - (error.errno or 0))
            add(0)
            continue
        add(file.st_size if stat.S_IFMT(file.st_mode) == stat.S_IFREG else -1)
        add(file.st_mtime_ns)
    return found


def links(folder: int, algorithm: bytes, names: Sequence[bytes]) -> array[int]:
    """Read each link: 1 where it does not say at once what its path does, else 0."""
    found = array("q")
    for name in names:
        try:
            found.append(_read(folder, name) != algorithm + b":" + name)
        except OSError:
            found.append(1)
    return found


def tags(folder: int, algorithm: bytes, names: Sequence[bytes]) -> array[int]:
    """Read each tag that points where it always did, as most do: the digest, as four numbers.

    Four zeros stand for any other, and for what is not at once as a registry leaves it.
    """
    found = array("q")
    for name in names:
        try:
            found.frombytes(_only(folder, algorithm, name))
        except (OSError, ValueError):
            found.extend(_UNUSUAL)
    return found


def _only(folder: int, algorithm: bytes, name: bytes) -> bytes:
    """Return the one digest that a tag ever had; raise OSError or ValueError where it is not so."""
    opened: list[int] = []
    try:
        for part in (name, b"index", algorithm):
            opened.append(os.open(part, _FOLDER, dir_fd=opened[-1] if opened else folder))
        tag, index, history = opened
        _insist(_inside(tag) == [b"current", b"index"] and _inside(index) == [algorithm])
        (encoded,) = _inside(history)
        os.stat(encoded + b"/link", dir_fd=history, follow_symlinks=False)
        _insist(_read(tag, b"current") == algorithm + b":" + encoded)
    finally:
        for each in opened:
            os.close(each)
    digest = bytes.fromhex(encoded.decode())
    _insist(len(digest) == _DIGEST and digest.hex().encode() == encoded and any(digest))
    return digest


def _inside(folder: int) -> list[bytes]:
    """List the folders in a folder that holds nothing else: its link count is two more."""
    names = sorted(map(os.fsencode, os.listdir(folder)))
    _insist(os.fstat(folder).st_nlink - 2 == len(names))
    return names


def _insist(expected: object) -> None:
    if not expected:
        raise ValueError


def _read(folder: int, name: bytes) -> bytes:
    file = os.open(name + b"/link", _LINK, dir_fd=folder)
    try:
        return os.read(file, _ENOUGH)
    finally:
        os.close(file)


TASKS: Final[tuple[Task, ...]] = (blobs, links, tags)


def done(task: int, folder: int, told: bytes) -> array[int]:
    """Do a task: what is told is a word and names, with a zero between any two."""
    word, *names = told.split(b"\0")
    return TASKS[task](folder, word, names)


def received(line: socket.socket, length: int) -> bytes:
    """Read exactly so many bytes; raise EOFError where the other side is gone."""
    parts = bytearray()
    while len(parts) < length:
        more = line.recv(length - len(parts))
        if not more:
            raise EOFError
        parts += more
    return bytes(parts)


def serve(line: socket.socket) -> None:
    """Do one task after the other, until nobody asks."""
    while True:
        head, folders, _, _ = socket.recv_fds(line, HEAD.size, 1)
        if not head:
            return
        task, length = HEAD.unpack(head)
        numbers = done(task, folders[0], received(line, length)).tobytes()
        os.close(folders[0])
        line.sendall(ANSWER.pack(len(numbers)) + numbers)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        serve(asked)
