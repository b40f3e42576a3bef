"""`facts export`: exports an audit, or a snapshot, as Parquet."""

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from exporter.audit import Audited
from exporter.commands import Refused
from exporter.commands.answer import Exit
from exporter.commands.auditing import examined, finished
from exporter.commands.options import check_place, export_folder, shard_of, typed
from exporter.commands.saved import replayed
from exporter.commands.subjects import of_registry
from exporter.facts.exports import ExportResult
from exporter.facts.snapshot import Snapshot
from exporter.ports import Unseen
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import Target
from exporter.wiring.parquet_export import ParquetExport

_WHOLE: Final = "an export covers a registry: give its host, not an image"


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    if args.keep < 1:
        raise Refused("--keep: at least 1")
    check_place("--to", args.to)
    try:
        keeper = ParquetExport(export_folder(args, environ, args.to), args.keep)
    except Unseen as unseen:
        return _in_vain(unseen)
    if args.saved:
        report, whole = replayed(args)
        if not whole:
            raise Refused(_WHOLE)
        snapshot = report.snapshot
        return _written(snapshot, lambda: keeper.write(snapshot, AuditScope()))
    try:
        looked_at = _examined(args, environ)
    except Unseen as unseen:
        return _in_vain(unseen)
    return max(
        _written(audited.report.snapshot, partial(keeper, target, audited))
        for target, audited in looked_at
    )


def _examined(args: argparse.Namespace, environ: Mapping[str, str]) -> list[tuple[Target, Audited]]:
    subjects = of_registry(args, _WHOLE)
    asked = typed(args, subjects.registries, environ, alone=False)
    part = shard_of(args, asked.settings, environ)
    return finished(examined(args, subjects, asked, part))


def _written(snapshot: Snapshot, write: Callable[[], ExportResult]) -> Exit:
    """Export the audit of one registry; one that could not be read has no data."""
    if (blind := snapshot.blind) is not None:
        return _in_vain(Unseen(snapshot.registry, blind.reason, blind.detail))
    try:
        exported = write()
    except Unseen as unseen:
        return _in_vain(unseen)
    sys.stdout.write(f"{exported.release}\n")
    if exported.untidy:
        sys.stderr.write(f"pullproof: old exports were not removed: {exported.untidy}\n")
    return Exit.BLIND if snapshot.gaps else Exit.WELL


def _in_vain(unseen: Unseen) -> Exit:
    sys.stderr.write(f"pullproof: export failed: {unseen}\n")
    return Exit.BLIND
