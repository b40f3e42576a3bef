"""What does a collector's dry run print? Followed step by step, in its very order.

A second way to the same end as `mark` and `sweep`, which work on arrays: held against both, and
against what real collectors print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.facts.digests import ABSENT
from exporter.facts.inventory import Folder, Inventory, Unlinked
from exporter.judge.gc import link_walk
from exporter.judge.gc.dialect import Dialect, Mode
from exporter.judge.gc.link_walk import refusal, visited
from exporter.judge.gc.mark import eligible, mark
from exporter.judge.gc.outcome import Aborted, Completed, Stage
from exporter.judge.gc.paths import ROOT, not_found
from exporter.judge.gc.simulate import intended, stops_at_blobs

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@dataclass(frozen=True, slots=True)
class Narrator:
    """Follows a collector step by step: slowly, and in its very order."""

    inventory: Inventory
    dialect: Dialect
    mode: Mode
    marked: bytearray
    """One byte a digest; what earlier repositories marked, and from then on this one."""

    def tell(self, repository: int) -> Generator[str, None, str]:
        """Yield what is printed for one repository; return the error that stops it there."""
        name = self.inventory.repositories[repository]
        driver = self.inventory.driver
        yield name
        if refused := refusal(name, self.dialect):
            return f"{driver}: {refused}"
        error = yield from self._manifests(repository)
        if error:
            return f"{driver}: {driver}: {error}"
        return self._layers(repository) if self.dialect.sweeps_layer_links else ""

    def _manifests(self, repository: int) -> Generator[str, None, str]:
        seen = link_walk.manifests(self.inventory, repository, self.dialect)
        untagged = eligible(self.inventory, repository, seen.digests, self.mode)
        damage = self._damaged_tag(repository)
        here = self._linked(repository)
        for at, digest in enumerate(seen.digests.tolist()):
            if damage:
                text = self.inventory.digests.text(digest)
                return f"failed to retrieve tags for digest {text}: {damage}"
            if untagged[at]:
                error = yield from self._untagged(repository, digest)
            else:
                error = yield from self._marking(repository, digest, int(seen.bodies[at]), here)
            if error:
                return error
        return seen.stop.message if seen.stop is not None else ""

    def _damaged_tag(self, repository: int) -> str:
        """Say what is wrong with the links of a repository's tags, where tags are looked at."""
        if self.mode is Mode.PLAIN:
            return ""
        current = self.inventory.tags.current[self.inventory.tags.of(repository)].tolist()
        return next((Unlinked(each).message for each in current if each < ABSENT), "")

    def _untagged(self, repository: int, digest: int) -> Generator[str, None, str]:
        name = self.inventory.repositories[repository]
        tagless = not self.inventory.has(repository, Folder.TAGS)
        if self.dialect.needs_tags:
            yield f"manifest eligible for deletion: {self.inventory.digests.text(digest)}"
            return f"failed to retrieve tags unknown repository name={name}" if tagless else ""
        if tagless:
            yield f"manifest tags path of repository {name} does not exist"
        return ""

    def _marking(
        self, repository: int, digest: int, body: int, here: dict[int, int]
    ) -> Generator[str, None, str]:
        """Mark a manifest and what it refers to, depth first where the collector descends."""
        name = self.inventory.repositories[repository]
        yield f"{name}: marking manifest {self.inventory.digests.text(digest)} "
        self.marked[digest] = 1
        if error := self._unreadable(digest, body):
            return error
        open_ends = [self._references(body)]
        while open_ends:
            reference = next(open_ends[-1], None)
            if reference is None:
                open_ends.pop()
                continue
            if self.dialect.descends and self.marked[reference]:
                continue
            self.marked[reference] = 1
            yield f"{name}: marking blob {self.inventory.digests.text(reference)}"
            if reference in here:
                if error := self._unreadable(reference, here[reference]):
                    return error
                open_ends.append(self._references(here[reference]))
        return ""

    def _linked(self, repository: int) -> dict[int, int]:
        """Map what a repository has as manifests, and so descends into, to the bodies read."""
        if not self.dialect.descends:
            return {}
        paths, targets = link_walk.linked(self.inventory, repository)
        return dict(zip(paths.tolist(), targets.tolist(), strict=True))

    def _references(self, body: int) -> Iterator[int]:
        graph = self.inventory.graph
        row = graph.rows[body]
        return iter(graph.targets[graph.starts[row] : graph.starts[row + 1]].tolist())

    def _unreadable(self, digest: int, body: int) -> str:
        fault = self.dialect.fault(self.inventory, body)
        if not fault:
            return ""
        text = self.inventory.digests.text(digest)
        return f"failed to retrieve manifest for digest {text}: {fault}"

    def _layers(self, repository: int) -> str:
        name, driver = self.inventory.repositories[repository], self.inventory.driver
        if not self.inventory.has(repository, Folder.LAYERS):
            missing = f"{ROOT}/repositories/{name}/_layers"
            return "" if self.dialect.flat(self.inventory) else not_found(driver, missing)
        stop = link_walk.layers(self.inventory, repository).stop
        return f"{driver}: {driver}: {stop.message}" if stop is not None else ""


def log(inventory: Inventory, outcome: Completed | Aborted) -> Iterator[str]:
    """Yield the lines of a dry run; made as they are asked for, for there may be millions.

    After the summary a real one prints in random order, this one in that of the digests.
    """
    if (
        isinstance(outcome, Completed)
        or outcome.stage is not Stage.MARK
        or inventory.has_repositories
    ):
        yield from _marking(inventory, outcome)
    if isinstance(outcome, Aborted) and outcome.stage is Stage.MARK:
        return
    marked = mark(inventory, outcome.dialect, outcome.mode)
    plan = intended(inventory, outcome.dialect, outcome.mode, marked)
    yield from _second_thoughts(inventory, plan)
    if not stops_at_blobs(inventory, plan.dialect):
        yield from _summary(inventory, plan)


def _marking(inventory: Inventory, outcome: Completed | Aborted) -> Iterator[str]:
    marked = bytearray(len(inventory.digests))
    narrator = Narrator(inventory, outcome.dialect, outcome.mode, marked)
    for repository in visited(inventory, outcome.dialect):
        error = yield from narrator.tell(repository)
        if error:
            return


def _second_thoughts(inventory: Inventory, plan: Completed) -> Iterator[str]:
    """Distribution 3 names what it will unlink only after it has marked everything."""
    if not plan.dialect.descends:
        return
    for repository, digests in plan.removal.manifests:
        name = inventory.repositories[repository]
        tags = " ".join(inventory.tags.named(repository))
        for digest in digests.tolist():
            text = inventory.digests.text(digest)
            yield f"manifest eligible for deletion: {{{name} {text} [{tags}]}}"


def _summary(inventory: Inventory, plan: Completed) -> Iterator[str]:
    removal = plan.removal
    manifests = sum(len(digests) for _, digests in removal.manifests)
    yield ""
    counts = f"{len(removal.blobs)} blobs and {manifests} manifests eligible for deletion"
    yield f"{plan.kept.sum()} blobs marked, {counts}"
    for blob in removal.blobs.tolist():
        yield f"blob eligible for deletion: {inventory.digests.text(blob)}"
    for repository, digests in removal.layer_links:
        for digest in digests.tolist():
            name, text = inventory.repositories[repository], inventory.digests.text(digest)
            yield f"{name}: layer link eligible for deletion: {text}"
