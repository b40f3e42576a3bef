"""The configured sources of references: files and clusters."""

import asyncio
import importlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import UNREACHED, Gap, Reason, Scope
from exporter.facts.use import Use
from exporter.ports import Listing, ReferenceSource, Unseen, joined
from exporter.publish.status import SourceStatus
from exporter.resolve.concurrency import in_daemon_thread
from exporter.serve.audit_job import References
from exporter.sources.references import ReferenceFile

if TYPE_CHECKING:
    from exporter.config.cluster import ClusterSettings
    from exporter.config.settings import ReferencesSettings, Settings

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
"""Reasons for which a part of a source is not seen now, and was before and will be again."""


def configured(settings: "Settings", environ: Mapping[str, str]) -> Iterator[ReferenceSource]:
    """Return the files and clusters that the settings name."""
    yield from files(settings.references)
    yield from clusters(settings.clusters, environ)


def files(settings: "Iterable[ReferencesSettings]") -> Iterator[ReferenceSource]:
    """Return the files among the references."""
    for each in settings:
        if each.file is not None:
            platforms = frozenset(each.platforms)
            yield ReferenceFile(each.file, each.reference_class, platforms)


def clusters(
    settings: "Sequence[ClusterSettings]", environ: Mapping[str, str]
) -> Iterator[ReferenceSource]:
    """Return the clusters, unasked."""
    if settings:
        # The client of Kubernetes is large: who asks no cluster does not wait for it.
        adapter = importlib.import_module("exporter.wiring.clusters")
        yield from (adapter.cluster(each, environ) for each in settings)


class ReferenceSources:
    """The sources. One that cannot be read keeps what it said last, and is a gap."""

    def __init__(self, sources: Iterable[ReferenceSource]) -> None:
        """Read these sources whenever asked."""
        self._sources = tuple(sources)
        self._last: dict[str, Read] = {}
        self._recalled: dict[str, tuple[Use, ...]] = {}
        self._reading: dict[str, asyncio.Future[Read]] = {}

    async def __call__(self) -> References:
        """Read every source now, side by side; who asks meanwhile is given the same answer."""
        read = await asyncio.gather(*map(self._shared, self._sources))
        uses = joined(*(listing for listing, _ in read))
        return References(uses, tuple(status for _, status in read))

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
                source.recall(mine)
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
        try:
            listing = self._completed(source.name, source.uses())
        except Unseen as unseen:
            return self._frozen(source.name, unseen)
        except Exception:  # noqa: BLE001 - a fault of ours with one source must cost no other
            _log.exception("image references could not be read", extra={"source": source.name})
            return self._frozen(source.name, Unseen(source.name, Reason.INTERNAL, "see the log"))
        references, now = len(listing.entries), time.time()
        status = SourceStatus(source.name, True, now, references, listing.kinds, listing.gaps)
        self._last[source.name] = (listing, status)
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
        gap = Gap(Scope.REFERENCES, name, unseen.reason, unseen.detail)
        nothing: Listing[Use] = Listing(())
        listing, status = self._last.get(name, (nothing, SourceStatus(name, False, None, 0)))
        kinds = tuple(replace(each, up=False, gaps=()) for each in status.kinds)
        down = replace(status, up=False, kinds=kinds, gaps=(gap,))
        return joined(listing, Listing((), (gap,))), down


@contextmanager
def _apart(source: ReferenceSource) -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - a fault of ours with one source must cost no other
        _log.exception("image references could not be read", extra={"source": source.name})
