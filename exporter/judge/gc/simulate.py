"""What would this collector do to this storage? The same inventory always gives the same answer."""

from __future__ import annotations

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.judge.gc.dialect import Dialect, Mode
from exporter.judge.gc.mark import mark
from exporter.judge.gc.paths import ROOT, not_found
from exporter.judge.gc.plan import Aborted, Completed, Outcome, Removal, Stage, Unpredictable
from exporter.judge.gc.sweep import intended, sweep


def simulate(inventory: Inventory, dialect: Dialect, mode: Mode) -> Outcome:
    """Foretell one collection of a storage on which nothing else works meanwhile."""
    if inventory.blind:
        return Unpredictable(inventory.blind)
    if not inventory.has_repositories and not dialect.flat(inventory):
        error = not_found(inventory.driver, f"{ROOT}/repositories")
        return Aborted(dialect, mode, Stage.MARK, (f"failed to mark: {error}",))
    marked = mark(inventory, dialect, mode)
    if len(marked.unseen):
        return Unpredictable(tuple(_unread(inventory, each) for each in marked.unseen.tolist()))
    if marked.stops:
        stops = tuple(f"failed to mark: {each}" for each in marked.stops)
        return Aborted(dialect, mode, Stage.MARK, stops)
    return sweep(
        inventory, intended(inventory, marked, Completed(dialect, mode, marked.kept, Removal()))
    )


def _unread(inventory: Inventory, manifest: int) -> Gap:
    return Gap(Scope.OBJECT, inventory.digests.text(manifest), Reason.UNREADABLE, "body not read")
