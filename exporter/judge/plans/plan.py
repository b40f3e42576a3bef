"""Plans, line by line: dry runs and logs of tools, or lists of references.

A line that is not recognised is counted, never skipped.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from exporter.judge.plans.deletion import Deletion, DeletionKind, DeletionList
from exporter.judge.plans.grammar import parse_line

COLLECTOR: Final = "distribution"
"""The format of a registry's own collector."""
_LONGEST: Final = 4_096
"""Maximum characters of a line; nothing of a longer one counts, since its end is not read."""
_SHOWN: Final = 120
_MOST_EXAMPLES: Final = 5
_ALARMING: Final = re.compile(r"sha256:|delet|prun|purg|remov|untag", re.IGNORECASE)
"""Words that mark a line as a possible deletion although it is not recognised."""
_NAME: Final = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
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
"""The start of a line's fields, behind its message."""
_ESCAPED: Final = re.compile(r"\\(.)")


def read(lines: Iterable[str]) -> DeletionList:
    """Read a tool's dry run, its log, or a plain list of references and digests."""
    reading = _PlanReader()
    for line in lines:
        if len(line) > _LONGEST:
            reading.too_long += 1
            reading.miss(line[:_SHOWN])
        elif (text := bare(line)) and not text.startswith("#"):
            reading.take(text)
    return reading.listed()


def bare(line: str) -> str:
    """Return a line without time stamps, a container's name, colours, and a log's decoration."""
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


class _PlanReader:
    """The state of a reading: the deletions so far, and the current repository."""

    def __init__(self) -> None:
        self.repository = ""
        self.deletions: dict[Deletion, None] = {}
        self.formats: set[str] = set()
        self.headings: list[str] = []
        self.recognised = 0
        self.unknown = 0
        self.examples: list[str] = []
        self.alarming = 0
        self.too_long = 0
        self.promised: Counter[DeletionKind] = Counter()
        self.counted: Counter[DeletionKind] = Counter()
        self.failed = ""

    def take(self, text: str) -> None:
        """Read one line. A name alone is the repository that a collector visits."""
        line = parse_line(text, self.repository)
        if line is None and _NAME.fullmatch(text):
            self.headings.append(text)
            self.repository = text
        elif line is None:
            self.miss(text)
        else:
            self.recognised += 1
            self.repository = line.repository or self.repository
            self.formats.add(line.format)
            self.promised.update(line.promised)
            self.failed = line.failed or self.failed
            self.deletions |= dict.fromkeys(line.deletions)
            if line.counts:
                self.counted.update(deletion.kind for deletion in line.deletions)

    def miss(self, text: str) -> None:
        """Count a line that is not recognised."""
        self.unknown += 1
        self.alarming += bool(_ALARMING.search(text))
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(text[:_SHOWN])

    def listed(self) -> DeletionList:
        """Return the whole."""
        lines = self.recognised + self.unknown + len(self.headings)
        collector = COLLECTOR in self.formats
        for heading in () if collector else self.headings:
            self.miss(heading)
        harmless = self.failed.startswith("failed to mark")
        return DeletionList(
            () if harmless else tuple(self.deletions),
            tuple(sorted(self.formats)),
            lines,
            self.unknown,
            tuple(self.examples),
            tuple(self._doubts(collector=collector, harmless=harmless)),
            self.failed if harmless else "",
        )

    def _doubts(self, *, collector: bool, harmless: bool) -> Iterable[str]:
        if self.alarming:
            lines = "line" if self.alarming == 1 else "lines"
            yield f"could not read {self.alarming} {lines} that may name a deletion"
        if self.too_long:
            yield f"{self.too_long} lines have more than {_LONGEST:,} characters"
        if self.headings and not collector:
            yield f"{len(self.headings)} names have neither a tag nor a digest"
        if self.failed and not harmless:
            yield f"the garbage collection aborted midway: {self.failed}"
        if collector and not self.failed and not self.promised:
            yield "it ends before the collector's summary: cut off, or cut out"
        for kind, count in sorted(self.promised.items()):
            if count != self.counted[kind]:
                yield f"{kind}s announced at its end: {count}, listed: {self.counted[kind]}"
