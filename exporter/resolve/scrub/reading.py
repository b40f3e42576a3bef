"""Content read in full: hashed, unpacked on the way, and read twice before it counts as corrupt."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.diff_ids import Inside, Unpacked
from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HASHED, Sighting, State, unknown
from exporter.oci.layers import SILENT, rootfs
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Place, Repository
from exporter.ports import Bytes, Content, Sink, Unseen
from exporter.resolve.blobs import LARGEST_CONFIG
from exporter.resolve.concurrency import pause
from exporter.resolve.confirm import Look, settle, stands, suspicion
from exporter.resolve.scrub.selection import Part, ReadPlace, ScrubItem
from exporter.resolve.target import AuditLimits
from exporter.resolve.unpacking import Unpacker

_log: Final = logging.getLogger("pullproof.scrub")

_TOO_SHORT: Final = 0.01
"""Seconds that are not worth a sleep; they are not forgotten either."""


class Throttle:
    """Counts bytes, and holds their taker back so that no second brings more than the rate.

    Implements `exporter.ports.Sink`.
    """

    def __init__(
        self,
        rate: float | None,
        counted: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`rate` is in bytes a second, None for as fast as they come; `counted` hears of each."""
        self._rate, self._counted = rate, counted
        self._clock, self._sleep = clock, sleep
        self._free_at = 0.0

    def begin(self) -> None:
        """Bytes that come a second time cost a second time."""

    async def take(self, chunk: bytes) -> None:
        """Count some bytes, and return once they are paid for."""
        self._counted(len(chunk))
        if self._rate is None:
            return
        now = self._clock()
        self._free_at = max(self._free_at, now) + len(chunk) / self._rate
        if self._free_at - now > _TOO_SHORT:
            await self._sleep(self._free_at - now)


class ContentSink:
    """Opens one thing while it is read; implements `exporter.ports.Sink`."""

    def __init__(self, onward: Sink, part: Part, unpacker: Unpacker) -> None:
        """`onward` sets the pace; the unpacker is this one's until it ends."""
        self._onward, self._part, self._unpacker = onward, part, unpacker
        self._kept = b""
        self._fault: Unpacked | None = None
        self.content: Inside | None = None
        """Its content, once it was read to its end and its bytes were right."""

    def begin(self) -> None:
        """Begin anew."""
        self._kept, self._fault, self.content = b"", None, None
        self._unpacker.begin()
        self._onward.begin()

    async def take(self, chunk: bytes) -> None:
        """Take some bytes, and unpack them: in a thread, a little at a time."""
        await self._onward.take(chunk)
        if self._part is Part.CONFIG:
            self._kept += chunk if len(self._kept) <= LARGEST_CONFIG else b""
            return
        if self._fault is not None:
            return
        try:
            more = await asyncio.to_thread(self._unpacker.feed, chunk)
            while more:
                more = await asyncio.to_thread(self._unpacker.feed, b"")
        except Exception as error:  # noqa: BLE001 - whether its bytes are right can still be told
            self._fault = _faulted(error)

    async def end(self) -> None:
        """Say what is in it: its bytes were those that its digest names."""
        try:
            self.content = self._fault or await self._opened()
        except Exception as error:  # noqa: BLE001 - as in `take`
            self.content = _faulted(error) if self._part is Part.LAYER else SILENT

    async def _opened(self) -> Inside:
        if self._part is Part.LAYER:
            return await asyncio.to_thread(self._unpacker.end)
        if len(self._kept) > LARGEST_CONFIG:
            return SILENT
        return await asyncio.to_thread(rootfs, self._kept)


def _faulted(error: Exception) -> Unpacked:
    """Return what is known of a layer after a fault of our own code: nothing."""
    _log.error("unexpected exception", exc_info=error)
    return Unpacked(None, Unseen.unexpected("layer", error).detail, Reason.INTERNAL)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of reading one blob or manifest in full."""

    sightings: dict[Place, Sighting]
    content: Inside | None = None
    """Its content, if it was to be unpacked or parsed and its bytes were right."""

    @property
    def outcome(self) -> str:
        """The worst that was seen: one of `tally.OUTCOMES`."""
        if any(each.corrupt for each in self.sightings.values()):
            return "mismatch"
        states = {each.state for each in self.sightings.values()}
        if states & GONE:
            return "gone"
        return "unknown" if State.UNKNOWN in states else "match"


@dataclass(frozen=True, slots=True)
class FullReader:
    """Reads from one registry, or from the storage behind it."""

    source: Bytes
    sink: Sink
    limits: AuditLimits = field(default_factory=AuditLimits)
    unpacker: Unpacker | None = None
    content: Content | None = None
    """The registry, if that is the source."""

    @property
    def leaves_trace(self) -> bool:
        """Does reading a manifest change the registry's own records?"""
        return self.content is not None and bool(self.content.leaves_trace)

    async def prove(self, item: ScrubItem) -> ReadResult:
        """Return what the bytes are at each place about which a read says something.

        One whole read proves them right. Wrong, short or absent they are only where a second read
        agrees, that no cache of the first one answers, and where the manifest above was right in
        between. What one repository has wrong is read in every other one that needs it.
        """
        digest = item.digest
        first, *others = item.needs
        opening = None
        if self.unpacker is not None and item.part is not None:
            opening = ContentSink(self.sink, item.part, self.unpacker)
        seen = await self._settled(first, item, opening)
        found = {(first.repository, digest): seen}
        if self.source.shared:
            found = {(need.repository, digest): seen for need in item.needs}
        elif seen.corrupt or item.corrupt:
            for need in others:
                found[need.repository, digest] = await self._settled(need, item, opening)
        return ReadResult(found, opening.content if opening else None)

    async def _settled(
        self, need: ReadPlace, item: ScrubItem, opening: ContentSink | None
    ) -> Sighting:
        target = item.target
        look = await self._look(need.repository, target, opening, again=item.again)
        if isinstance(look, Sighting):
            return look
        await pause(self.limits.confirm_after, (look,))
        good = await self._good_above(need)
        again = await self._look(need.repository, target, opening, again=True)
        return settle(look, again, neighbour=good)

    async def _look(
        self,
        repository: Repository,
        target: Descriptor,
        opening: ContentSink | None = None,
        *,
        again: bool = False,
    ) -> Look:
        try:
            answer = await self.source.prove(repository, target, opening or self.sink, again=again)
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        except Exception as error:  # noqa: BLE001 - what is due after it has its turn
            _log.exception("unexpected exception", extra={"digest": target.digest})
            return unknown(Reason.INTERNAL, Unseen.unexpected(target.digest, error).detail)
        if answer is not None:
            return suspicion(answer)
        if opening is not None:
            await opening.end()
        return HASHED

    async def _good_above(self, need: ReadPlace) -> bool:
        """Is the manifest intact that needs it? A tag's own manifest stands for itself."""
        if need.above is None:
            return True
        if self.content is not None and self.leaves_trace:
            return await stands(self.content, (need.repository, need.above))
        look = await self._look(need.repository, Descriptor(OCI_MANIFEST, need.above, None))
        return isinstance(look, Sighting) and look.hashed
