"""What is in a configuration or a layer that is read whole, where that is asked?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.misfit import Inside, Known, Unpacked, differences, parts
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.layers import UNPACKED
from exporter.oci.rootfs import SILENT, rootfs
from exporter.ports import Sink, Unseen
from exporter.resolve.scrub.subjects import Part, Subject
from exporter.resolve.scrub.unpacking import Unpacker

_log: Final = logging.getLogger("pullproof.scrub")

_LARGEST_CONFIG: Final = 4 * 2**20
"""Bytes: no image's configuration is larger; a larger one says nothing here."""


def opened(
    subjects: Iterable[Subject], snapshot: Snapshot, contents: Mapping[Digest, Known]
) -> list[Subject]:
    """Return what is to be read, and say of each whether it is to be opened as well.

    Once is enough for good: a digest always unpacks to the same. What is at odds with an image is
    opened a second time before anything is held against that, and then once in a period.
    """
    wanted: dict[Digest, Part] = {}
    odd: set[Digest] = set()
    blamed: set[Digest] = set()
    for manifest in snapshot.manifests.values():
        config, layers = parts(manifest)
        if config is None:
            continue
        wanted[config.digest] = Part.CONFIG
        wanted |= {each.digest: Part.LAYER for each in layers if each.media_type in UNPACKED}
        for each in differences(manifest, contents):
            blamed.add(each.misfit.digest)
            if each.reason is None and not each.proven:
                odd.add(each.misfit.digest)
    found = []
    for subject in subjects:
        part, known = wanted.get(subject.digest), contents.get(subject.digest)
        again = subject.digest in odd
        if part and (again or known is None or not known.settled or subject.digest in blamed):
            found.append(replace(subject, part=part, owed=again or known is None, again=again))
        else:
            found.append(subject)
    return found


class Opening:
    """Opens one thing while it is read; implements `exporter.ports.Sink`."""

    def __init__(self, onward: Sink, part: Part, unpacker: Unpacker) -> None:
        """`onward` sets the pace; the unpacker is this one's until it ends."""
        self._onward, self._part, self._unpacker = onward, part, unpacker
        self._kept = b""
        self._fault: Unpacked | None = None
        self.content: Inside | None = None
        """What is in it, once it was read to its end and its bytes were right."""

    def begin(self) -> None:
        """Begin anew."""
        self._kept, self._fault, self.content = b"", None, None
        self._unpacker.begin()
        self._onward.begin()

    async def take(self, chunk: bytes) -> None:
        """Take some bytes, and unpack them: in a thread, a little at a time."""
        await self._onward.take(chunk)
        if self._part is Part.CONFIG:
            self._kept += chunk if len(self._kept) <= _LARGEST_CONFIG else b""
            return
        if self._fault is None:
            await self._unpack(chunk)

    async def _unpack(self, chunk: bytes) -> None:
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
        except Exception as error:  # noqa: BLE001 - as in `_unpack`
            self.content = _faulted(error) if self._part is Part.LAYER else SILENT

    async def _opened(self) -> Inside:
        if self._part is Part.LAYER:
            return await asyncio.to_thread(self._unpacker.end)
        if len(self._kept) > _LARGEST_CONFIG:
            return SILENT
        return await asyncio.to_thread(rootfs, self._kept)


def _faulted(error: Exception) -> Unpacked:
    """Return what is known of a layer on which our own code failed: nothing."""
    _log.error("unexpected exception", exc_info=error)
    return Unpacked(None, Unseen.unexpected("layer", error).detail, Reason.INTERNAL)
