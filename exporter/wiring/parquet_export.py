"""Parquet exports of audits; what needs an extra is imported when it is used."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING

from exporter.facts.exports import ExportResult
from exporter.facts.gap import Reason
from exporter.facts.snapshot import Snapshot
from exporter.ports import Unseen
from exporter.resolve.scope import AuditScope

if TYPE_CHECKING:
    from exporter.audit import Audited
    from exporter.config.storage import FactsSettings
    from exporter.resolve.target import Target
    from exporter.sources.export_folder import ExportFolder  # noqa: TC004 - it needs an extra, and nothing asks for the type at runtime


@dataclass(frozen=True, slots=True)
class ParquetExport:
    """Writes what an audit saw, whole or not at all. Its methods raise `Unseen`."""

    exports: ExportFolder
    keep: int
    """Audits of each shard."""

    @classmethod
    def of(cls, settings: FactsSettings) -> ParquetExport:
        """Return what the settings ask for."""
        imported("exporter.publish.exports.export")
        place = settings.location, settings.options
        return cls(opened(*place, plain_http=settings.plain_http), settings.keep)

    def __call__(self, target: Target, audited: Audited) -> ExportResult:
        """Write an audit, and what the storage held if it was read completely."""
        snapshot, inventory = audited.report.snapshot, audited.inventory
        storage = None
        # The tables know one file for each blob, and zot keeps one in each repository.
        if inventory is not None and not (inventory.blind or inventory.layouts):
            writing = imported("exporter.publish.exports.export")
            storage = writing.StorageData(inventory, *target.grace.before(snapshot.taken_at))
        return self.write(snapshot, target.scope, storage)

    def write(self, snapshot: Snapshot, scope: AuditScope, storage: object = None) -> ExportResult:
        """Write a snapshot that was taken within a scope."""
        writing = imported("exporter.publish.exports.export")
        name = audit_name(snapshot.taken_at)
        data = writing.AuditData(snapshot, scope.shard, name, scope.whole, storage)
        try:
            exported: ExportResult = writing.export(data, self.exports, self.keep)
        except OSError as error:  # of the room for files on this machine
            raise Unseen(self.exports.name, Reason.UNREADABLE, str(error)) from error
        return exported


def opened(location: str, options: Mapping[str, str], *, plain_http: bool) -> ExportFolder:
    """Return the folder or the object store of exports; raises `Unseen`."""
    folder = imported("exporter.sources.export_folder").ExportFolder
    exports: ExportFolder = folder.at(location, options, plain_http=plain_http)
    return exports


def imported(module: str) -> ModuleType:
    """Import a module that needs an extra; raises `Unseen`."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra = "spark" if module.endswith(".spark") else "facts"
        detail = f"install the extra: pip install 'pullproof[{extra}]'"
        raise Unseen(extra, Reason.UNSUPPORTED, detail) from error


def audit_name(taken_at: float) -> str:
    """Name an audit so that names sort by time and no two replicas choose the same."""
    moment = datetime.fromtimestamp(taken_at, UTC)
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond:06d}Z-{secrets.token_hex(4)}"
