"""Context of a read: the inventory under construction, the current folder, and its gaps."""

import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.ports import Unseen
from exporter.sources.storage import layout
from exporter.sources.storage.folder import opened, shown, unseen
from exporter.sources.storage.known_links import KnownLinks

_log: Final = logging.getLogger("pullproof.storage")

_PAUSE: Final = 0.005
"""Seconds."""

Result = TypeVar("Result")


@dataclass(slots=True)
class Retries:
    """Budget of retries for files that may be in the middle of a write."""

    left: int = 20

    def wait(self) -> bool:
        """Wait a moment and return True; return False if no retry is left."""
        self.left -= 1
        if self.left >= 0:
            time.sleep(_PAUSE)
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class ReadContext:
    """Inventory under construction, and the folder that is read."""

    builder: InventoryBuilder
    retries: Retries = field(default_factory=Retries)
    path: str = ""
    """Below `docker/registry/v2`."""
    known: KnownLinks = field(default_factory=KnownLinks)
    """The links that need not be read."""

    def below(self, name: str) -> "ReadContext":
        """Return the context of a folder below."""
        return ReadContext(self.builder, self.retries, self._at(name), self.known)

    def folder(
        self, name: str, parent: int, read: "Callable[[int, ReadContext], Result]"
    ) -> Result | None:
        """Read a folder below; None if it is absent, or unreadable, which is a gap."""
        here = self.below(name)
        with here.errors_as_gaps(), opened(name, parent, here.path) as folder:
            if folder is not None:
                return read(folder, here)
        return None

    def gap(self, name: str, reason: Reason, detail: str) -> None:
        """Add a gap: an object here that could not be read, or that does not belong here."""
        self.builder.gaps.append(Gap(Scope.OBJECT, shown(self._at(name)), reason, detail))

    def misplaced(self, name: str, fault: str) -> None:
        """Add a blob in a folder that does not match its digest.

        If no digest can be parsed from its path, it aborts a collector. If another digest can be
        parsed, it aborts the collector somewhere among the blobs, unless that digest is kept or
        exists as well.
        """
        if fault:
            self.gap(name, Reason.MALFORMED, f"a path that names no digest: {fault}")
            self.builder.misplaced = self.builder.misplaced or fault
        else:
            self.gap(name, Reason.UNSUPPORTED, "not where a registry puts it")

    def strays(self, folder: int, names: Iterable[str], disturbing: str | tuple[str, ...]) -> None:
        """Count files that no registry writes; those that a collector would follow are gaps.

        A collector reads names that begin with `disturbing`.
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
        """Record errors within a `with` as gaps, and continue after it.

        A file that was deleted since it was listed is no gap: it does not exist.
        """
        try:
            yield
        except FileNotFoundError:
            pass
        except Exception as error:  # noqa: BLE001 - one that nobody foresaw costs what is read here
            self.missed(error)

    def missed(self, error: Exception) -> None:
        """Record an error as a gap."""
        if isinstance(error, OSError):
            error = unseen(self.path, error)
        elif not isinstance(error, Unseen):
            _log.error("unexpected exception", exc_info=error, extra={"path": shown(self.path)})
            error = Unseen.unexpected(shown(self.path), error)
        self.builder.gaps.append(error.gap(Scope.OBJECT))

    def inventory(self, look: Callable[[str], tuple[int, int] | None]) -> Inventory:
        """Return the inventory, after a second look at referenced blobs that were not listed.

        They may be new: `look` returns the size of a blob in bytes, and its modification time in
        nanoseconds since the epoch. It may add gaps.
        """
        # A manifest may name any text.
        for digest in filter(layout.is_digest, self.builder.unlisted()):
            if (found := look(digest)) is not None:
                algorithm, _, encoded = digest.partition(":")
                self.builder.blobs(algorithm, [encoded], [found[0]], [found[1]])
        return self.builder.inventory()

    def _at(self, name: str) -> str:
        return "/".join(part for part in (self.path, name) if part)
