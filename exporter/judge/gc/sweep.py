"""What does a collector remove once it has marked, and can it finish?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from exporter.facts.digests import ABSENT
from exporter.facts.inventory import Inventory, distinct
from exporter.judge.gc.mark import MarkResult
from exporter.judge.gc.paths import ROOT, layer_link, not_found, revision_folder
from exporter.judge.gc.plan import Aborted, Batch, Completed, Removal, Stage


def sweep(inventory: Inventory, plan: Completed) -> Completed | Aborted:
    """Carry out a plan on paper: manifests, blobs, layer links, in that order."""
    return _manifests(inventory, plan) or _blobs(inventory, plan) or _links(inventory, plan) or plan


def intended(inventory: Inventory, marked: MarkResult, plan: Completed) -> Completed:
    """Return the plan with all that its collector means to remove."""
    queued = marked.queued
    if plan.dialect.descends:  # what a tagged index turned out to need is spared after all
        spared = ((at, digests[~marked.kept[digests]]) for at, digests in queued)
        queued = tuple((at, digests) for at, digests in spared if len(digests))
    blobs = np.flatnonzero(inventory.stored & ~marked.kept).astype(np.int32)
    return replace(plan, removal=Removal(queued, blobs, marked.doomed_links))


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
        gone = Removal((*done, (repository, digests[: failed + 1])))
        message = f"failed to delete manifest {digest}: {error}"
        return _abort(plan, Stage.MANIFESTS, (message,), gone)
    return None


def _first_missing(inventory: Inventory, repository: int, digests: np.ndarray) -> int | None:
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


def stops_at_blobs(inventory: Inventory, plan: Completed) -> str:
    """Say why blobs cannot be listed; empty where they can. A dry run comes as far as that."""
    if not inventory.has_blobs and not plan.dialect.flat(inventory):
        return not_found(inventory.driver, f"{ROOT}/blobs")
    return inventory.misplaced and f"{inventory.driver}: {inventory.misplaced}"


def _blobs(inventory: Inventory, plan: Completed) -> Aborted | None:
    error = stops_at_blobs(inventory, plan)
    if not error:
        return None
    gone = Removal(plan.removal.manifests)
    return _abort(plan, Stage.BLOBS, (f"error enumerating blobs: {error}",), gone)


def _links(inventory: Inventory, plan: Completed) -> Aborted | None:
    """A link that two paths name is queued twice, and the second time it is not there.

    Repositories come in the random order of a Go map: which one it dies in, and what of the others
    has gone by then, is known only where there is one such repository, and then for that one.
    """
    until = {
        repository: repeat
        for repository, digests in plan.removal.layer_links
        if (repeat := _first_repeat(digests)) is not None
    }
    if not until:
        return None
    reached = tuple((at, links[: until.get(at)]) for at, links in plan.removal.layer_links)
    certain = tuple(batch for batch in reached if batch[0] in until) if len(until) == 1 else ()
    links = dict(plan.removal.layer_links)
    messages = tuple(_lost(inventory, at, int(links[at][repeat])) for at, repeat in until.items())
    return _abort(
        plan,
        Stage.LAYER_LINKS,
        messages,
        replace(plan.removal, layer_links=certain),
        replace(plan.removal, layer_links=reached),
    )


def _first_repeat(digests: np.ndarray) -> int | None:
    if len(distinct(digests)) == len(digests):
        return None
    seen: set[int] = set()
    for position, digest in enumerate(digests.tolist()):
        if digest in seen:
            return position
        seen.add(digest)
    return None


def _lost(inventory: Inventory, repository: int, number: int) -> str:
    name, digest = inventory.repositories[repository], inventory.digests.text(number)
    error = not_found(inventory.driver, f"{ROOT}/{layer_link(name, digest)}")
    return f"failed to delete layer link {digest} of repo {name}: {error}"


def _abort(
    plan: Completed,
    stage: Stage,
    messages: tuple[str, ...],
    sure: Removal,
    possible: Removal | None = None,
) -> Aborted:
    return Aborted(plan.dialect, plan.mode, stage, messages, sure, possible or sure)
