"""The simulation of one collection: what it removes, or where it aborts.

The same inventory always gives the same outcome.
"""

from dataclasses import replace

import numpy as np

from exporter.facts.digests import ABSENT, Numbers, distinct
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.judge.gc.dialect import Dialect, Mode, dialects
from exporter.judge.gc.mark import MarkResult, mark
from exporter.judge.gc.outcome import (
    Aborted,
    Batch,
    Completed,
    Outcome,
    Removal,
    Stage,
    Unpredictable,
)
from exporter.judge.gc.paths import ROOT, layer_link, not_found, revision_folder
from exporter.judge.gc.zot import collected


def simulate(inventory: Inventory, dialect: Dialect, mode: Mode) -> Outcome:
    """Predict one collection of a storage that nothing else changes meanwhile."""
    if inventory.blind:
        return Unpredictable(inventory.blind)
    if dialect not in dialects(inventory):
        detail = "not zot's storage"
        if inventory.layouts:
            detail = "an OCI layout for each repository, as zot keeps it: give --gc zot"
        return Unpredictable((Gap(Scope.REGISTRY, dialect.name, Reason.UNSUPPORTED, detail),))
    if inventory.layouts:
        return collected(inventory, inventory.layouts, mode)
    if not inventory.has_repositories and not dialect.flat(inventory):
        error = not_found(inventory.driver, f"{ROOT}/repositories")
        return Aborted(dialect, mode, Stage.MARK, (f"failed to mark: {error}",))
    marked = mark(inventory, dialect, mode)
    if len(marked.unread):
        texts = (inventory.digests.text(each) for each in marked.unread.tolist())
        gaps = (Gap(Scope.OBJECT, text, Reason.UNREADABLE, "body not read") for text in texts)
        return Unpredictable(tuple(gaps))
    if marked.stops:
        stops = tuple(f"failed to mark: {each}" for each in marked.stops)
        return Aborted(dialect, mode, Stage.MARK, stops)
    plan = intended(inventory, dialect, mode, marked)
    return _manifests(inventory, plan) or _blobs(inventory, plan) or _links(inventory, plan) or plan


def intended(inventory: Inventory, dialect: Dialect, mode: Mode, marked: MarkResult) -> Completed:
    """Return all that a collector means to remove once it has marked."""
    untagged = marked.untagged
    if dialect.descends:  # what a tagged index turned out to need is spared after all
        spared = ((at, digests[~marked.kept[digests]]) for at, digests in untagged)
        untagged = tuple((at, digests) for at, digests in spared if len(digests))
    blobs = np.flatnonzero(inventory.stored & ~marked.kept).astype(np.int32)
    return Completed(dialect, mode, marked.kept, Removal(untagged, blobs, marked.layer_links))


def stops_at_blobs(inventory: Inventory, dialect: Dialect) -> str:
    """Return why blobs cannot be listed; empty if they can. A dry run comes as far as that."""
    if not inventory.has_blobs and not dialect.flat(inventory):
        return not_found(inventory.driver, f"{ROOT}/blobs")
    return inventory.misplaced and f"{inventory.driver}: {inventory.misplaced}"


def _manifests(inventory: Inventory, plan: Completed) -> Aborted | None:
    """A revision that has no folder of its own cannot be removed; nor one removed before."""
    done: list[Batch] = []
    for repository, digests in plan.removal.manifests:
        failed = _first_missing(inventory, repository, digests)
        if failed is None:
            done.append((repository, digests))
            continue
        digest = inventory.digests.text(int(digests[failed]))
        folder = revision_folder(inventory.repositories[repository], digest)
        error = not_found(inventory.driver, f"{ROOT}/{folder}")
        removed = Removal((*done, (repository, digests[: failed + 1])))
        return _aborted(
            plan, Stage.MANIFESTS, f"failed to delete manifest {digest}: {error}", removed
        )
    return None


def _first_missing(inventory: Inventory, repository: int, digests: Numbers) -> int | None:
    at = inventory.revisions.of(repository)
    paths, targets = inventory.revisions.paths[at], inventory.revisions.targets[at]
    if ((paths == targets) | (targets == ABSENT)).all():
        return None
    there = set(paths.tolist())
    for position, digest in enumerate(digests.tolist()):
        if digest not in there:
            return position
        there.remove(digest)
    return None


def _blobs(inventory: Inventory, plan: Completed) -> Aborted | None:
    error = stops_at_blobs(inventory, plan.dialect)
    removed = Removal(plan.removal.manifests)
    message = f"error enumerating blobs: {error}"
    return _aborted(plan, Stage.BLOBS, message, removed) if error else None


def _links(inventory: Inventory, plan: Completed) -> Aborted | None:
    """A link that two paths name is queued twice, and does not exist the second time.

    Repositories come in the random order of a Go map: which one it dies in, and what of the others
    has gone by then, is known only where there is one such repository, and then for that one.
    """
    links = dict(plan.removal.layer_links)
    repeats = {at: repeat for at, each in links.items() if (repeat := _first_repeat(each))}
    if not repeats:
        return None
    reached = tuple((at, each[: repeats.get(at)]) for at, each in links.items())
    certain = tuple(batch for batch in reached if batch[0] in repeats) if len(repeats) == 1 else ()
    return Aborted(
        plan.dialect,
        plan.mode,
        Stage.LAYER_LINKS,
        tuple(_lost(inventory, at, int(links[at][repeat])) for at, repeat in repeats.items()),
        replace(plan.removal, layer_links=certain),
        replace(plan.removal, layer_links=reached),
    )


def _first_repeat(digests: Numbers) -> int | None:
    """Return the position of the first digest that is a repetition; never 0."""
    if len(distinct(digests)) == len(digests):
        return None
    first = np.unique(digests, return_index=True)[1]
    return int(np.setdiff1d(np.arange(len(digests)), first)[0])


def _lost(inventory: Inventory, repository: int, number: int) -> str:
    name, digest = inventory.repositories[repository], inventory.digests.text(number)
    error = not_found(inventory.driver, f"{ROOT}/{layer_link(name, digest)}")
    return f"failed to delete layer link {digest} of repo {name}: {error}"


def _aborted(plan: Completed, stage: Stage, message: str, removed: Removal) -> Aborted:
    return Aborted(plan.dialect, plan.mode, stage, (message,), removed, removed)
