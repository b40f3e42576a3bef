"""The context of a read: the inventory under construction, the place, and the gaps found there."""

import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from exporter.facts.digests import distinct
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.ports import Unseen
from exporter.sources.storage import layout
from exporter.sources.storage.folder import opened, shown, unseen

_log: Final = logging.getLogger("pullproof.storage")

_PAUSE: Final = 0.005
"""Seconds."""

Result = TypeVar("Result")


@dataclass(slots=True)
class Retries:
    """How often a read may wait a moment for a file that somebody may be writing just then."""

    left: int = 20

    def wait(self) -> bool:
        """Wait a moment if any retry is left; return whether one was."""
        self.left -= 1
        if self.left >= 0:
            time.sleep(_PAUSE)
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class ReadContext:
    """The inventory under construction, and the folder that is being read."""

    builder: InventoryBuilder
    retries: Retries = field(default_factory=Retries)
    path: str = ""
    """Below `docker/registry/v2`."""

    def below(self, name: str) -> "ReadContext":
        """Return the same one folder further down."""
        return ReadContext(self.builder, self.retries, self._at(name))

    def folder(
        self, name: str, parent: int, read: "Callable[[int, ReadContext], Result]"
    ) -> Result | None:
        """Read a folder below; None where it is not there or, which is a gap, cannot be read."""
        here = self.below(name)
        with here.errors_as_gaps(), opened(name, parent, here.path) as folder:
            if folder is not None:
                return read(folder, here)
        return None

    def gap(self, name: str, reason: Reason, detail: str) -> None:
        """Note that something here was not seen, or is not what belongs here."""
        self.builder.gaps.append(Gap(Scope.OBJECT, shown(self._at(name)), reason, detail))

    def misplaced(self, name: str, fault: str) -> None:
        """Note a blob that is not where its digest says.

        One of whose path a collector tells no digest stops it. One of whose path it tells another
        digest stops it somewhere among the blobs, unless that digest is kept or is there as well.
        """
        if fault:
            self.gap(name, Reason.MALFORMED, f"a path that names no digest: {fault}")
            self.builder.misplaced = self.builder.misplaced or fault
        else:
            self.gap(name, Reason.UNSUPPORTED, "not where a registry puts it")

    def strays(self, folder: int, names: Iterable[str], disturbing: str | tuple[str, ...]) -> None:
        """Count what no registry leaves here; what a collector would follow or read is a gap.

        Names that begin with `disturbing` are what it would read.
        """
        for name in names:
            with self.below(name).errors_as_gaps():
                seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISLNK(seen.st_mode):
                    self.gap(name, Reason.UNREADABLE, "a symbolic link, not followed")
                elif name.startswith(disturbing):
                    self.gap(name, Reason.UNSUPPORTED, "not where a registry puts it")
                else:
                    self.builder.stray(seen.st_size)

    @contextmanager
    def errors_as_gaps(self) -> Iterator[None]:
        """Note what cannot be read within a `with`, and go on after it.

        What is gone since it was listed is no gap: that it is not there is the answer.
        """
        try:
            yield
        except FileNotFoundError:
            pass
        except Exception as error:  # noqa: BLE001 - one that nobody foresaw costs what is read here
            self.missed(error)

    def missed(self, error: Exception) -> None:
        """Note an error as a gap."""
        if isinstance(error, OSError):
            error = unseen(self.path, error)
        elif not isinstance(error, Unseen):
            _log.error("unexpected exception", exc_info=error, extra={"path": shown(self.path)})
            error = Unseen.unexpected(shown(self.path), error)
        self.builder.gaps.append(error.gap(Scope.OBJECT))

    def inventory(self, look: Callable[[str], tuple[int, int] | None]) -> Inventory:
        """Return the inventory, after a second look at blobs that are named and were not listed.

        They may have come meanwhile: `look` returns a blob's bytes, and when it was written, in
        nanoseconds since the epoch. A gap that it leaves in the inventory counts as any other.
        """
        seen = self.builder.inventory()
        named = np.concatenate([seen.revisions.targets, seen.layers.targets, seen.graph.targets])
        named = named[named >= 0]
        missing = map(seen.digests.text, distinct(named[seen.sizes[named] < 0]).tolist())
        arrived = False
        for digest in filter(layout.is_digest, missing):  # a manifest may name any text
            if (found := look(digest)) is not None:
                algorithm, _, encoded = digest.partition(":")
                self.builder.blobs(algorithm, [encoded], [found[0]], [found[1]])
                arrived = True
        changed = arrived or len(self.builder.gaps) > len(seen.gaps)
        return self.builder.inventory() if changed else seen

    def _at(self, name: str) -> str:
        return "/".join(part for part in (self.path, name) if part)
