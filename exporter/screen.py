"""Text that reaches a terminal: printable, and without credentials.

Registries, storages, plans and files write parts of what is said. Whatever they put there, it moves
no cursor, hides no text and rings no bell.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Final, TextIO

_COLOUR: Final = re.compile(r"(\x1b\[(?:[0-9;]{1,4})m)")
_WIPE: Final = re.compile(r"(\r\x1b\[K)")
"""How the line that shows progress is written over."""
_NOTHING: Final = re.compile(r"((?!))")
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7e]+")
_USER: Final = re.compile(r"(?<=://)[^\s'\"]{0,256}@(?!sha256:|sha512:)")
"""User names and passwords in an address; an image's digest stands behind an @ as well."""
_QUERY: Final = re.compile(r"\?[^\s\"']+")


def without_credentials(text: str) -> str:
    """Return text without users and queries of addresses: signed addresses are credentials."""
    return _QUERY.sub("?…", _USER.sub("…@", text))


def plain(text: str) -> str:
    """Return text without what could move a terminal's cursor: servers write parts of it."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def escaped(document: str) -> str:
    """Return JSON in ASCII: characters that a terminal must not see are escaped, and not lost."""
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], document)


class Screen:
    """A text stream that is handed lines of printable characters only.

    No dataclass: importing those takes a tenth of the time in which `--help` answers.
    """

    def __init__(self, stream: TextIO, own: re.Pattern[str] = _NOTHING) -> None:
        """Write to a stream; `own` are the program's own control sequences, a group around each."""
        self.stream = stream
        self.own = own
        self.fault: OSError | None = None
        """Why something could not be written."""

    def write(self, text: str) -> int:
        """Write text; line breaks and the program's own control sequences stay as they are."""
        parts = self.own.split(_USER.sub("…@", text))
        parts[::2] = ["\n".join(map(plain, part.split("\n"))) for part in parts[::2]]
        with self._noting():
            self.stream.write("".join(parts))
        return len(text)

    def flush(self) -> None:
        """Write what waits."""
        with self._noting():
            self.stream.flush()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.fault = error
            raise

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Be the stream in everything else."""
        return getattr(self.stream, name)


@contextmanager
def screened(colour: str = "never") -> Iterator[None]:
    """Write to standard output and standard error through screens.

    `colour` says whether the program's own colours pass: `always`, `auto` (on a terminal), `never`.
    """
    output, errors = sys.stdout, sys.stderr
    if output is None or errors is None:  # closed before the start
        yield
        return
    coloured = colour == "always" or (colour == "auto" and output.isatty())
    written: Any = Screen(output, _COLOUR if coloured else _NOTHING)
    told: Any = Screen(errors, _WIPE if errors.isatty() else _NOTHING)
    with redirect_stdout(written), redirect_stderr(told):
        yield
