"""The configured sources of references: files and clusters."""

import asyncio
import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from exporter.config.cluster import ClusterSettings
from exporter.config.settings import ReferencesSettings, Settings
from exporter.facts.gap import UNREACHED, Reason, Scope
from exporter.facts.use import Use
from exporter.memory import SyncTimes
from exporter.ports import Listing, ReferenceSource, Unseen, WatchedSource, joined
from exporter.publish.status import SourceStatus
from exporter.resolve.concurrency import in_daemon_thread
from exporter.serve.audit_job import References
from exporter.sources.references import ReferenceFile

_log = logging.getLogger(__name__)

Read = tuple[Listing["Use"], SourceStatus]

_PATIENCE: Final = 300.0
"""Seconds after which an audit goes on without a source that is still being read."""
_PASSING: Final = UNREACHED | {
    Reason.UNAUTHORIZED,
    Reason.RATE_LIMITED,
    Reason.SERVER_ERROR,
    Reason.INCOMPLETE_LIST,
}
"""Reasons that hide a part of a source for a while only."""


def configured(settings: Settings, environ: Mapping[str, str]) -> Iterator[ReferenceSource]:
    """Return the files and clusters that the settings name."""
    yield from files(settings.references, settings.names)
    yield from clusters(settings.clusters, environ)


def files(
    settings: Iterable[ReferencesSettings], registries: Mapping[str, str]
) -> Iterator[ReferenceSource]:
    """Return the files among the references; `registries` are the hosts by their names."""
    for each in settings:
        if each.file is not None:
            platforms = frozenset(each.platforms)
            yield ReferenceFile(each.file, each.reference_class, platforms, registries)


def clusters(
    settings: Sequence[ClusterSettings], environ: Mapping[str, str]
) -> Iterator[ReferenceSource]:
    """Return the clusters, unasked."""
    if settings:
        # The client of Kubernetes is large: who asks no cluster does not wait for it.
        adapter = importlib.import_module("exporter.wiring.clusters")
        yield from (adapter.cluster(each, environ) for each in settings)


class ReferenceSources:
    """The sources. One that cannot be read keeps what it said last, and is a gap."""

    def __init__(self, sources: Iterable[ReferenceSource], times: SyncTimes | None = None) -> None:
        """Read these sources whenever asked; `times` outlives a restart."""
        self._times = times
        self._sources = tuple(sources)
        self._last: dict[str, Read] = {}
        self._told: dict[str, Read] = {}
        """The last answer of each source, with a gap if it cannot be read any more."""
        self._turns = {each.name: threading.Lock() for each in self._sources}
        """One thread at a time reads a source."""
        self._telling = threading.Lock()
        """One thread at a time reports: the last report is the newest."""
        self._recalled: dict[str, tuple[Use, ...]] = {}
        self._reading: dict[str, asyncio.Future[Read]] = {}

    async def __call__(self) -> References:
        """Read every source now, side by side; who asks meanwhile is given the same answer."""
        return _joined(await asyncio.gather(*map(self._shared, self._sources)))

    async def latest(self) -> References:
        """Return what is wanted as it is known; what is not watched is read again."""
        return _joined(await asyncio.gather(*map(self._known, self._sources)))

    async def _known(self, source: ReferenceSource) -> Read:
        told = self._told.get(source.name)
        return told if told and isinstance(source, WatchedSource) else await self._shared(source)

    @contextmanager
    def watching(self, changed: Callable[[References], None]) -> Iterator[None]:
        """Call back, in a thread of its own, with what is wanted now, until left.

        That is done soon after anything changed in a source that is watched, once all were read.
        """
        with ExitStack() as stack:
            for source in self._sources:
                if isinstance(source, WatchedSource):
                    noted = partial(self._note, source, changed)
                    stack.enter_context(source.watching(noted))
            yield

    def _note(self, source: WatchedSource, changed: Callable[[References], None]) -> None:
        with self._turns[source.name]:
            try:
                listing = source.latest()
            except Unseen:
                return  # the next audit reads it, and tells
            self._take(source.name, listing)
        with self._telling:
            if self._told.keys() >= self._turns.keys():
                changed(_joined([self._told[each.name] for each in self._sources]))

    def pull_secrets(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the pull secrets that the sources found at their last reading, by login."""
        found: dict[str, tuple[bytes, ...]] = {}
        for source in self._sources:
            with _apart(source):
                found |= source.pull_secrets()
        return found

    def recall(self, uses: Iterable[Use], when: float | None) -> None:
        """Take for what each source said last what was put away of it before a restart."""
        wanted = tuple(uses)
        for source in self._sources:
            with _apart(source):
                mine = tuple(use for use in wanted if source.owns(use))
                times = self._times.synced(source.name) if self._times else {}
                source.recall(mine, times)
                if mine and source.name not in self._last:
                    status = SourceStatus(source.name, False, when, len(mine))
                    self._last[source.name] = Listing(mine), status
                    self._recalled[source.name] = mine

    async def _shared(self, source: ReferenceSource) -> Read:
        reading = self._reading.get(source.name)
        if reading is None:
            reading = asyncio.ensure_future(in_daemon_thread(partial(self._read, source)))
            self._reading[source.name] = reading
            reading.add_done_callback(lambda _: self._reading.pop(source.name))
        try:
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.shield(reading)
        except TimeoutError:
            words = f"not read within {_PATIENCE:g} seconds"
            return self._frozen(source.name, Unseen(source.name, Reason.TIMEOUT, words))

    def _read(self, source: ReferenceSource) -> Read:
        with self._turns[source.name]:
            try:
                listing = source.uses()
                if self._times and listing.kinds:
                    known = {each.kind: each.last_sync for each in listing.kinds}
                    self._times.keep_synced(source.name, known)
                return self._take(source.name, listing)
            except Unseen as unseen:
                return self._frozen(source.name, unseen)
            except Exception:  # noqa: BLE001 - a fault of ours with one source must cost no other
                _log.exception("image references could not be read", extra={"source": source.name})
                return self._frozen(
                    source.name, Unseen(source.name, Reason.INTERNAL, "see the log")
                )

    def _take(self, name: str, listing: Listing[Use]) -> Read:
        listing = self._completed(name, listing)
        references, now = len(listing.entries), time.time()
        status = SourceStatus(name, True, now, references, listing.kinds, listing.gaps)
        self._last[name] = self._told[name] = (listing, status)
        return listing, status

    def _completed(self, name: str, listing: Listing[Use]) -> Listing[Use]:
        """Add what was recalled and a fault may hide, until the source was first seen without."""
        if not any(gap.reason in _PASSING for gap in listing.gaps):
            self._recalled.pop(name, None)
        named = {(use.owner, use.reference) for use in listing.entries}
        recalled = self._recalled.get(name, ())
        hidden = (use for use in recalled if (use.owner, use.reference) not in named)
        return replace(listing, entries=(*listing.entries, *hidden))

    def _frozen(self, name: str, unseen: Unseen) -> Read:
        """A source that went away must not turn what is live into what is not."""
        gap = unseen.gap(Scope.REFERENCES, name)
        nothing: Listing[Use] = Listing(())
        listing, status = self._last.get(name, (nothing, SourceStatus(name, False, None, 0)))
        kinds = tuple(replace(each, up=False, gaps=()) for each in status.kinds)
        down = replace(status, up=False, kinds=kinds, gaps=(gap,))
        self._told[name] = joined(listing, Listing((), (gap,))), down
        return self._told[name]


def _joined(read: Sequence[Read]) -> References:
    uses = joined(*(listing for listing, _ in read))
    return References(uses, tuple(status for _, status in read))


@contextmanager
def _apart(source: ReferenceSource) -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - a fault of ours with one source must cost no other
        _log.exception("image references could not be read", extra={"source": source.name})
