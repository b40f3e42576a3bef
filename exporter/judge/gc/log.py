"""What would the collector's dry run print, line by line?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.judge.gc.narrate import Narrator
from exporter.judge.gc.order import visited
from exporter.judge.gc.plan import Abort, Plan, Stage
from exporter.judge.gc.sweep import stops_at_blobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.facts.inventory import Inventory


def log(inventory: Inventory, outcome: Plan | Abort) -> Iterator[str]:
    """Yield the lines of a dry run; made as they are asked for, for there may be millions.

    After the summary a real one prints in random order, this one in that of the digests.
    """
    if isinstance(outcome, Plan) or outcome.stage is not Stage.MARK or inventory.has_repositories:
        yield from _marking(inventory, outcome)
    plan = outcome if isinstance(outcome, Plan) else outcome.planned
    if plan is None:
        return
    yield from _second_thoughts(inventory, plan)
    if not stops_at_blobs(inventory, plan):
        yield from _summary(inventory, plan)


def _marking(inventory: Inventory, outcome: Plan | Abort) -> Iterator[str]:
    marked = bytearray(len(inventory.digests))
    narrator = Narrator(inventory, outcome.dialect, outcome.mode, marked)
    for repository in visited(inventory, outcome.dialect):
        error = yield from narrator.tell(repository)
        if error:
            return


def _second_thoughts(inventory: Inventory, plan: Plan) -> Iterator[str]:
    """Distribution 3 names what it will unlink only after it has marked everything."""
    if not plan.dialect.descends:
        return
    for repository, digests in plan.removal.manifests:
        name = inventory.repositories[repository]
        tags = " ".join(inventory.tags.named(repository))
        for digest in digests.tolist():
            text = inventory.digests.text(digest)
            yield f"manifest eligible for deletion: {{{name} {text} [{tags}]}}"


def _summary(inventory: Inventory, plan: Plan) -> Iterator[str]:
    removal = plan.removal
    manifests = sum(len(digests) for _, digests in removal.manifests)
    yield ""
    counts = f"{len(removal.blobs)} blobs and {manifests} manifests eligible for deletion"
    yield f"{plan.marked} blobs marked, {counts}"
    for blob in removal.blobs.tolist():
        yield f"blob eligible for deletion: {inventory.digests.text(blob)}"
    for repository, digests in removal.layer_links:
        for digest in digests.tolist():
            name, text = inventory.repositories[repository], inventory.digests.text(digest)
            yield f"{name}: layer link eligible for deletion: {text}"
