"""`facts export`: audit once, and write what was seen as Parquet for other engines."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from exporter.commands import Refused
from exporter.commands.answer import Exit
from exporter.commands.looking import examined
from exporter.commands.options import check_place
from exporter.commands.saved import judged
from exporter.commands.settings import shard, typed
from exporter.commands.shelf import shelf
from exporter.commands.subjects import of_registry
from exporter.facts.shard import WHOLE
from exporter.resolve.scope import Scope
from exporter.sources import Unseen
from exporter.wiring.facts import FactsKeeper

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from exporter.audit import Audited
    from exporter.resolve.target import Target


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    if words.keep < 1:
        raise Refused("--keep: at least 1")
    check_place("--to", words.to)
    try:
        keeper = FactsKeeper(shelf(words, environ, words.to), words.keep)
        if words.saved:
            snapshot = judged(words.saved).snapshot
            sys.stdout.write(f"{keeper.write(snapshot, Scope())}\n")
            return Exit.BLIND if snapshot.gaps else Exit.WELL
        looked_at = _examined(words, environ)
        return max(_written(keeper, target, audited) for target, audited in looked_at)
    except Unseen as unseen:
        sys.stderr.write(f"pullproof: facts were not written: {unseen}\n")
        return Exit.BLIND


def _examined(
    words: argparse.Namespace, environ: Mapping[str, str]
) -> list[tuple[Target, Audited]]:
    subjects = of_registry(words, "facts are of a registry; give its host")
    asked = typed(words, subjects.registries, environ, alone=False)
    return asyncio.run(examined(words, subjects, asked, shard(words, environ) or WHOLE))


def _written(keeper: FactsKeeper, target: Target, audited: Audited) -> Exit:
    """Write what was seen of one registry; a registry that was not seen at all has no facts."""
    snapshot = audited.report.snapshot
    if snapshot.blind is not None:
        raise Unseen(snapshot.registry, snapshot.blind.reason, snapshot.blind.detail)
    sys.stdout.write(f"{keeper(target, audited)}\n")
    return Exit.BLIND if snapshot.gaps else Exit.WELL
