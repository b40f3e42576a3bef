"""What does a plan say, line by line? A line that is not understood is counted, never skipped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from exporter.judge.plans.deletion import Deletion, DeletionKind, DeletionList
from exporter.judge.plans.grammar import ParsedLine, parse_line
from exporter.judge.plans.lines import bare

_LONGEST: Final = 4_096
"""Characters of a line; of a longer one nothing is believed, since its end is not looked at."""
_SHOWN: Final = 120
_MOST_EXAMPLES: Final = 5
_ALARMING: Final = re.compile(r"sha256:|delet|prun|purg|remov|untag", re.IGNORECASE)
"""Words in a line that is not understood, by which it may be a deletion all the same."""
_NAME: Final = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
COLLECTOR: Final = "distribution"
"""The format of a registry's own collector."""


def read(lines: Iterable[str]) -> DeletionList:
    """Read a tool's dry run, its log, or a plain list of references and digests."""
    reading = _Reading()
    for line in lines:
        if len(line) > _LONGEST:
            reading.miss_long(line[:_SHOWN])
        elif (text := bare(line)) and not text.startswith("#"):
            reading.take(text)
    return reading.listed()


class _Reading:
    """What was read so far, and of which repository the lines speak just now."""

    def __init__(self) -> None:
        self.lines = 0
        self.repository = ""
        self.deletions: dict[Deletion, None] = {}
        self.formats: set[str] = set()
        self.headings: list[str] = []
        self.unknown: list[str] = []
        self.unknown_count = 0
        self.alarming = 0
        self.too_long = 0
        self.nameless = 0
        self.promised: Counter[DeletionKind] = Counter()
        self.counted: Counter[DeletionKind] = Counter()
        self.failed = ""

    def take(self, text: str) -> None:
        """Read one line."""
        self.lines += 1
        said = parse_line(text, self.repository)
        if said is None:
            self._heading(text) if _NAME.fullmatch(text) else self._miss(text)
            return
        self.repository = said.repository or self.repository
        self.formats |= {said.format} if said.format else set()
        self.promised.update(said.promised)
        self.failed = said.failed or self.failed
        self.nameless += said.nameless
        for deletion in said.deletions:
            self.deletions[deletion] = None
        if said.counts:
            self._count(said)

    def miss_long(self, start: str) -> None:
        """Count a line whose end was not read: it may name anything."""
        self.lines += 1
        self.too_long += 1
        self._miss(start)

    def _count(self, said: ParsedLine) -> None:
        self.counted.update(deletion.what for deletion in said.deletions)

    def _heading(self, text: str) -> None:
        """A name alone: a collector says so which repository it visits."""
        self.headings.append(text)
        self.repository = text

    def _miss(self, text: str) -> None:
        self.unknown_count += 1
        self.alarming += bool(_ALARMING.search(text))
        if len(self.unknown) < _MOST_EXAMPLES:
            self.unknown.append(text[:_SHOWN])

    def listed(self) -> DeletionList:
        """Return the whole."""
        if COLLECTOR not in self.formats:
            for heading in self.headings:
                self._miss(heading)
        harmless = self.failed.startswith("failed to mark")
        return DeletionList(
            () if harmless else tuple(self.deletions),
            tuple(sorted(self.formats)),
            self.lines,
            self.unknown_count,
            tuple(self.unknown),
            tuple(self._doubts()),
            self.failed if harmless else "",
        )

    def _doubts(self) -> Iterable[str]:
        if self.alarming:
            yield f"{self.alarming} lines that may name a deletion are not understood"
        if self.too_long:
            yield f"{self.too_long} lines have more than {_LONGEST:,} characters"
        if self.nameless:
            yield f"{self.nameless} deletions name neither a tag nor a digest"
        if self.headings and COLLECTOR not in self.formats:
            yield f"{len(self.headings)} names have neither a tag nor a digest"
        if self.failed and not self.failed.startswith("failed to mark"):
            yield f"the garbage collection aborted midway: {self.failed}"
        if COLLECTOR in self.formats and not self.failed and not self.promised:
            yield "it ends before the collector's summary: cut off, or cut out"
        for what, count in sorted(self.promised.items()):
            if count != self.counted[what]:
                yield f"{what}s announced at its end: {count}, listed: {self.counted[what]}"
