"""What could not be read on the way? Notes it as a gap, and lets the reading go on."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.ports import Unseen
from exporter.sources.storage.folder import shown, unseen

_log: Final = logging.getLogger("pullproof.storage")

_MOMENT: Final = 0.005
"""Seconds."""


@dataclass(slots=True)
class Patience:
    """How often a reading waits a moment for a file that somebody may be writing just then."""

    left: int = 20

    def waits(self) -> bool:
        """Wait a moment, if there is patience left; say whether."""
        self.left -= 1
        if self.left >= 0:
            time.sleep(_MOMENT)
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Noted:
    """An intake, and the place that is being read, for the gaps that are found there."""

    intake: InventoryBuilder
    patience: Patience = field(default_factory=Patience)
    path: str = ""
    """Below `docker/registry/v2`."""

    def below(self, name: str) -> Noted:
        """Return the same one folder further down."""
        return Noted(self.intake, self.patience, self._at(name))

    def gap(self, name: str, reason: Reason, detail: str) -> None:
        """Note that something here was not seen, or is not what belongs here."""
        self.intake.gaps.append(Gap(Scope.OBJECT, shown(self._at(name)), reason, detail))

    def misplaced(self, name: str, fault: str) -> None:
        """Note a blob that is not where its digest says.

        One of whose path a collector tells no digest stops it. One of whose path it tells another
        digest stops it somewhere among the blobs, unless that digest is kept or is there as well.
        """
        if fault:
            self.gap(name, Reason.MALFORMED, f"a path that names no digest: {fault}")
            self.intake.misplaced = self.intake.misplaced or fault
        else:
            self.gap(name, Reason.UNSUPPORTED, "not where a registry puts it")

    def foreign(self, folder: int, names: Iterable[str], disturbing: str | tuple[str, ...]) -> None:
        """Count what no registry leaves here; what a collector would follow or read is a gap.

        Names that begin with `disturbing` are what it would read.
        """
        for name in names:
            with self.below(name).going_on():
                seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISLNK(seen.st_mode):
                    self.gap(name, Reason.UNREADABLE, "a symbolic link, not followed")
                elif name.startswith(disturbing):
                    self.gap(name, Reason.UNSUPPORTED, "not where a registry puts it")
                else:
                    self.intake.stray(seen.st_size)

    def going_on(self) -> GoingOn:
        """Turn what cannot be read within a `with` into a gap."""
        return GoingOn(self)

    def missed(self, error: Exception) -> None:
        """Note an error as a gap; one that nobody foresaw costs what is read here, no more."""
        if isinstance(error, Unseen):
            seen = error
        elif isinstance(error, OSError):
            seen = unseen(self.path, error)
        else:
            _log.error("unexpected exception", exc_info=error, extra={"path": shown(self.path)})
            seen = Unseen.unexpected(shown(self.path), error)
        self.intake.gaps.append(Gap(Scope.OBJECT, seen.subject, seen.reason, seen.detail))

    def _at(self, name: str) -> str:
        return "/".join(part for part in (self.path, name) if part)


@dataclass(frozen=True, slots=True)
class GoingOn:
    """Lets a reading go on past what cannot be read."""

    noted: Noted

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> bool:
        """Note what could not be read.

        What is gone since it was listed is no gap: that it is not there is the answer.
        """
        if not isinstance(error, Exception):
            return False
        if not isinstance(error, FileNotFoundError):
            self.noted.missed(error)
        return True
