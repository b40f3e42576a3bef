"""Probes: one reference, audited now in the configured registry that it is in."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from exporter.audit import audit
from exporter.facts.proof import Proof
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.report import Report
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.ports import Listing
from exporter.publish.web.probe import Asked, Module, NotProbed
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import Target
from exporter.serve.audit_job import Watched

_PROOFS: Final = {Module.LAST_BYTE: Proof.LAST_BYTE, Module.HEAD: Proof.HEAD}


class Probing:
    """Looks at one reference with the registries that are in force, their limits included."""

    def __init__(self) -> None:
        self._watched: tuple[Watched, ...] = ()
        self._running: set[asyncio.Task[Report]] = set()

    @contextmanager
    def aimed(self, watched: Iterable[Watched]) -> Iterator[None]:
        """Ask these registries until left; what is under way then ends without an answer."""
        self._watched = tuple(watched)
        try:
            yield
        finally:
            self._watched = ()
            for task in self._running:
                task.cancel()

    async def __call__(self, asked: Asked) -> Report:
        """Look at a reference once. Raises `NotProbed` where it is in no registry of ours."""
        watched = self._find(asked.reference)
        target = _narrowed(watched.target, asked)
        uses = Listing((Use("probe", asked.reference, ReferenceClass.LIVE, asked.platforms),))
        looking = watched.home.call(lambda: audit(target, uses, None, time.time()))
        task = asyncio.ensure_future(looking)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()  # time was over; of one that has ended nothing is left to cancel
        if task.cancelled():
            raise NotProbed("the configuration is being reloaded: try again")
        return task.result()

    def _find(self, reference: Reference) -> Watched:
        host = reference.registry
        found = next((each for each in self._watched if host in each.target.hosts), None)
        if found is None:
            hosts = (name for each in self._watched for name in each.target.hosts)
            known = ", ".join(sorted(hosts))
            raise NotProbed(f"{host}: not a configured registry (configured: {known or 'none'})")
        if not found.target.asks(reference.repository):
            raise NotProbed(f"{host}/{reference.repository}: pull-through caches are not audited")
        return found


def _narrowed(target: Target, asked: Asked) -> Target:
    """Look at this reference and nothing else, whichever shard its repository is in.

    What protects it is not asked: that may take one request for each tag of its repository.
    """
    require = frozenset[Platform]() if asked.platforms else target.scope.require
    return replace(
        target,
        scope=AuditScope(catalogue=False, latest=(), require=require),
        limits=replace(target.limits, proof=_PROOFS[asked.module], seals=False),
        storage=None,
    )
