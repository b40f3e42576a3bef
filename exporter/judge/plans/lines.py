"""What did a tool itself print, under the time stamps and colours that others wrap around it?"""

from __future__ import annotations

import re
from typing import Final

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_WRAPPED: Final = re.compile(
    r"""(?:
      \d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\s+
        (?:(?:stdout|stderr)\s[FP]\s)?            # docker and kubectl, GitHub, a node's log files
    | \[pod/[^\]\s]+\]\s+                         # kubectl logs --prefix
    | [A-Za-z0-9][\w.-]*\s+\|\s                   # docker compose
    | [A-Z][a-z]{2}\s+\d+\s\d\d:\d\d:\d\d\s\S+\s[\w.-]+(?:\[\d+\])?:\s  # journald, syslog
    | \#\#\[\w+\] | ::group::                     # GitHub's marks
    | (?:TRACE|DEBUG|INFO|WARN|ERROR)\s+          # a level of Rust's tracing
    )+""",
    re.VERBOSE,
)
_LOGRUS: Final = re.compile(r'time="[^"]*" level=\w+ msg="((?:[^"\\]|\\.)*)"')
_LOGRUS_TERMINAL: Final = re.compile(r"(?:INFO|WARN|ERRO|DEBU|FATA)\[\d+\] ")
_FIELDS: Final = re.compile(r"(?<!\s)\s{2,}\S[^\s=]*=")
"""Where a line's fields begin, behind what it says."""
_ESCAPED: Final = re.compile(r"\\(.)")


def bare(line: str) -> str:
    """Return what a line says, without time stamps, a container's name, colours, a log's dress."""
    text = f"{_COLOUR.sub('', line).strip()} "  # a blank line keeps no blank after its time stamp
    if wrapped := _WRAPPED.match(text):
        text = text[wrapped.end() :]
    text = text.strip()
    if logged := _LOGRUS.match(text):
        return _ESCAPED.sub(r"\1", logged[1]).strip()
    if logged := _LOGRUS_TERMINAL.match(text):
        text = text[logged.end() :]
        return text[: fields.start()].strip() if (fields := _FIELDS.search(text)) else text.strip()
    return text
