"""Regular files, read without ever waiting: a named pipe or a device is refused."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a named pipe waits for somebody who writes into it."""


def read_regular(path: Path, most: int) -> bytes:
    """Return the first `most` bytes of a file.

    Raises `OSError` for what cannot be read or is no regular file, `ValueError` for a path that no
    system takes.
    """
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file", str(path))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)
