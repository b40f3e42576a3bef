"""Files that name images. A line that cannot be read is a gap, and costs no other."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from exporter.documents import read_document, read_regular
from exporter.facts.gap import Gap, Reason, Scope, bounded
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, names_host, split_name
from exporter.ports import Listing, Unseen
from exporter.screen import plain

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file."""
_MOST_LINES: Final = 1_000_000
_MOST_VALUES: Final = 400_000
"""Of a YAML or JSON list: eight for each of 50,000 entries."""
_LONGEST: Final = 1_000
"""Characters of a line; the longest reference has some eight hundred."""
_MOST_GAPS: Final = 100
_LISTS: Final = frozenset({".yaml", ".yml", ".json"})


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a list."""

    image: str
    reference_class: ReferenceClass | None = msgspec.field(default=None, name="class")
    platforms: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file that names images, and what holds for those about which it says no more."""

    path: Path
    reference_class: ReferenceClass = ReferenceClass.LIVE
    platforms: frozenset[Platform] = frozenset()
    registries: Mapping[str, str] = field(default_factory=dict)
    """Hosts of configured registries by their names, with which no image of them begins: a node
    would take `main/app` for an image of Docker Hub."""

    @property
    def name(self) -> str:
        """Its label in metrics and reports."""
        return str(self.path)

    def uses(self) -> Listing[Use]:
        """Read all that the file names now, as `ReferenceSource` says."""
        entries = self._listed() if self.path.suffix.lower() in _LISTS else self._lines()
        uses: list[Use] = []
        gaps = bounded(self._unread(entries, uses), _MOST_GAPS)
        return Listing(tuple(uses), gaps)

    def pull_secrets(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return none: a file knows no credentials."""
        return {}

    def owns(self, use: Use) -> bool:
        """Is it one of this file?"""
        return use.workload is None and use.owner.rpartition(":")[0] == self.name

    def recall(self, uses: Iterable[Use], synced: Mapping[str, float]) -> None:
        """Recall nothing: a file says all that counts."""

    def _unread(self, entries: Iterable[tuple[int, object]], uses: list[Use]) -> Iterator[Gap]:
        """Read entries into uses, and yield a gap for each that cannot be read."""
        for line, entry in entries:
            where = f"{self.name}:{line}"
            try:
                uses.append(self._use(where, entry))
            except Malformed as error:
                yield Gap(Scope.REFERENCES, where, Reason.MALFORMED, str(error))

    def _use(self, where: str, entry: object) -> Use:
        if isinstance(entry, Malformed):
            raise entry
        read = Entry(_text(entry)) if isinstance(entry, bytes) else _entry(entry)
        name, rest = split_name(read.image, self.registries)
        if name and rest and not names_host(name.partition("/")[0]):
            words = f"{name} is the name of a registry in the configuration"
            host = self.registries[name]
            raise Malformed(f"{words}: write {host}{rest}, or docker.io/{read.image}")
        platforms = self.platforms
        if read.platforms is not None:
            platforms = frozenset(map(Platform.parse, read.platforms))
        reference_class = read.reference_class or self.reference_class
        return Use(where, Reference.parse(read.image), reference_class, platforms)

    def _lines(self) -> Iterator[tuple[int, object]]:
        """Read one reference a line; `#` begins a comment."""
        lines = _content(self.path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if len(lines) > _MOST_LINES:
            raise Unseen(self.name, Reason.TOO_LARGE, f"more than {_MOST_LINES} lines")
        for number, line in enumerate(lines, 1):
            if text := line.partition(b"#")[0].strip():
                yield number, text

    def _listed(self) -> Iterator[tuple[int, object]]:
        """Read a YAML or JSON list."""
        try:
            document = read_document(_content(self.path), most=_MOST_VALUES)
        except Malformed as error:
            raise Unseen(self.name, Reason.MALFORMED, str(error)) from error
        entries = () if document.value is None else document.value
        if not isinstance(entries, tuple):
            raise Unseen(self.name, Reason.MALFORMED, "not a list of references")
        faults = {each.path[0]: Malformed(each.text) for each in document.faults if each.path}
        for number, entry in enumerate(entries):
            yield document.lines[(number,)], faults.get(number, entry)


def _content(path: Path) -> bytes:
    try:
        body = read_regular(path, _LARGEST + 1)
    except OSError as error:
        raise Unseen(str(path), Reason.UNREADABLE, error.strerror or "") from error
    if len(body) > _LARGEST:
        raise Unseen(str(path), Reason.TOO_LARGE, f"more than {_LARGEST} bytes")
    return body


def _text(line: bytes) -> str:
    if len(line) > _LONGEST:
        raise Malformed(f"longer than {_LONGEST} characters")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8 text") from error


def _entry(value: object) -> Entry:
    try:
        return Entry(value) if isinstance(value, str) else msgspec.convert(value, Entry)
    except msgspec.ValidationError as error:
        raise Malformed(plain(str(error)[:200])) from error
