"""Buckets that fail, and what can be read of any bucket."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.publish.exports.release import decode, names_release

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.exports import Release
    from exporter.publish.exports.export import ExportFolder


@dataclass
class Dict:
    """A bucket in a dict, whose power is cut after so many changes."""

    files: dict[str, bytes] = field(default_factory=dict)
    changes: int | None = None
    """So many more succeed; None for all of them."""
    log: list[str] = field(default_factory=list)
    clock: float = 0.0
    """The store's own, in seconds."""
    written: dict[str, float] = field(default_factory=dict)

    def put(self, path: str, content: bytes | Path) -> None:
        self._change(f"put {path}")
        self.files[path] = content if isinstance(content, bytes) else content.read_bytes()
        self.written[path] = self.clock

    def sizes(self, prefix: str = "") -> dict[str, int]:
        return {at: len(body) for at, body in self.files.items() if at.startswith(prefix)}

    def times(self, prefix: str) -> dict[str, float]:
        return {at: self.written.get(at, 0.0) for at in self.sizes(prefix)}

    def get(self, path: str) -> bytes:
        return self.files[path]

    def remove(self, path: str) -> None:
        self._change(f"remove {path}")
        del self.files[path]

    def _change(self, what: str) -> None:
        if self.changes is not None:
            if self.changes == 0:
                raise Unseen(what, Reason.SERVER_ERROR)
            self.changes -= 1
        self.log.append(what)


def releases(bucket: ExportFolder) -> list[Release]:
    """Everything that a reader may follow, oldest first."""
    return [decode(bucket.get(path)) for path in sorted(bucket.sizes()) if names_release(path)]


def rows(bucket: ExportFolder, release: Release, table: str) -> list[dict[str, Any]]:
    """The rows of one table, as a reader sees them."""
    (file,) = release.of(table)
    found = pq.read_table(io.BytesIO(bucket.get(file.path))).to_pylist()
    assert len(found) == file.rows
    return list(found)
