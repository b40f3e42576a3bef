"""One command, one module: each takes the parsed arguments and returns an exit code.

What several commands share stands in modules beside them.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class Refused(Exception):
    """The command cannot be carried out as typed; the text says why, and the way out."""


class Unreached(Exception):
    """No registry answered, so there is nothing to tell but why: a line for each registry."""


@contextmanager
def refusing(*errors: type[Exception], option: str = "") -> Iterator[None]:
    """Turn errors into `Refused`, with the option that is to blame."""
    try:
        yield
    except errors as error:
        raise Refused(f"{option}: {error}" if option else str(error)) from error
