"""Manifests, breadth first: each digest is read once, each place requested once."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.proof import HASHED, HEADER, Sighting, State, unknown
from exporter.facts.sightings import Sightings
from exporter.memory import Memory
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import Descriptor
from exporter.oci.manifest import Manifest, parse
from exporter.oci.reference import Place, Repository
from exporter.oci.strict import LARGE
from exporter.ports import Content, ManifestBody, Unseen
from exporter.resolve.concurrency import spread
from exporter.resolve.confirm import Look, Suspect, confirm, recovered, suspicion
from exporter.resolve.due import FullReadPlan
from exporter.resolve.stored import StorageProofs
from exporter.resolve.target import AuditLimits
from exporter.tally import AuditProgress

_BATCH: Final = 2**20
"""Bytes of bodies that wait in memory for the ledger."""
_AT_ONCE: Final = 2_000
"""Manifests that are requested together: what waits for an answer takes memory."""
_USUAL: Final = 128
"""Beyond so many entries of a manifest, each counts eightfold."""
_INLINE: Final = 512
"""Bytes of content in a descriptor that count as one entry more."""
_TEXT: Final = 256
"""Bytes of a body that count as one entry: its entries may have long texts."""
_FORESEEN: Final = 2.0
"""Seconds before the second request of what was lost before, or deleted by an event."""


@dataclass(slots=True)
class BodyBuffer:
    """Bodies for the ledger, written several at a time, but never many bytes at once."""

    memory: Memory
    _bodies: dict[Digest, bytes] = field(default_factory=dict)
    _size: int = 0
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One batch at a time: while the ledger is slow, no further bodies are read."""

    async def add(self, digest: Digest, body: bytes) -> None:
        """Keep a body that was hashed."""
        self._bodies[digest] = body
        self._size += len(body)
        if self._size >= _BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Write everything that waits."""
        async with self._writing:
            bodies, self._bodies, self._size = self._bodies, {}, 0
            if bodies:
                await asyncio.to_thread(self.memory.keep_manifests, bodies)


@dataclass(slots=True)
class Walk:
    """One walk through one registry. After `run`, its fields hold what was read.

    `run` it again for starts that were not known the first time.
    """

    content: Content
    memory: Memory
    limits: AuditLimits
    follow: Callable[[Repository, tuple[Descriptor, ...]], Iterable[Descriptor]] = lambda _, all_: (
        all_
    )
    """The entries of an index that are audited: not those that a sparse mirror omits."""
    before: Mapping[Digest, Manifest] = field(default_factory=dict)
    """Those of the audit before. Content of a digest never changes: none of them is read again."""
    plan: FullReadPlan | None = None
    """Decides when known content is read in full again; None is never."""
    foreseen: Callable[[Place], bool] = lambda _: False
    """Was a loss known before? Then it is confirmed after a shorter pause."""
    rereads: bool = False
    """Are cached manifests read again? Not where that leaves a trace in the registry."""
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    sightings: Sightings = field(default_factory=Sightings)
    bare: set[Place] = field(default_factory=set)
    """Manifests whose platform no index states."""
    recovered: dict[Place, str] = field(default_factory=dict)
    """Content that was denied at first and found by the second request; blobs are added to it."""
    progress: AuditProgress = field(default_factory=AuditProgress)
    _entries: int = 0
    """Entries of all manifests in memory."""
    _parsing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One large body is parsed at a time, since parsing takes memory."""
    fresh: BodyBuffer = field(init=False)

    def __post_init__(self) -> None:
        """Read nothing yet."""
        self.fresh = BodyBuffer(self.memory)

    def make_room(self, held: Iterable[Manifest]) -> None:
        """Count manifests in memory besides those of this walk."""
        self._entries += sum(_weight(len(each.links)) for each in held)

    async def run(self, starts: Iterable[Place], proofs: StorageProofs | None = None) -> None:
        """Request these manifests and every manifest below them.

        With `proofs`, the registry is not asked about what these spare it.
        """
        wave = list(dict.fromkeys(starts))
        self.bare.update(wave)
        above: list[Place] = []
        for _ in range(self.limits.depth + 1):
            asked = await asyncio.to_thread(self._spare, wave, proofs) if proofs else wave
            await self._manifests(asked, above)
            above, wave = wave, await asyncio.to_thread(self._next, wave)
        deep = unknown(Reason.TOO_LARGE, "indexes are nested too deeply")
        for place in wave:
            self.sightings.setdefault(place, deep)
        await self.fresh.flush()

    def _spare(self, wave: list[Place], proofs: StorageProofs) -> list[Place]:
        """Take what the storage proves of known manifests; return the others."""
        known, spared = self.before, set[Place]()
        stated: defaultdict[Repository, dict[Digest, int]] = defaultdict(dict)
        for repository, digest in wave:
            if digest in known:
                stated[repository][digest] = known[digest].size
        for repository, sizes in stated.items():
            for digest in proofs.manifests(repository, sizes):
                held = digest in self.manifests
                refused = None if held else self._hold(known[digest])
                self.sightings[repository, digest] = refused or proofs.sighting
                spared.add((repository, digest))
        return [place for place in wave if place not in spared]

    async def _manifests(self, wave: list[Place], above: list[Place]) -> None:
        """Request manifests, with those `above` that reference them, in parts.

        Each new digest is read once, at one of its places; then the others are requested.
        """
        suspects: dict[Place, Suspect] = {}

        async def note(place: Place) -> None:
            look = await self._manifest(place)
            self.progress.done += 1
            if isinstance(look, Suspect):
                suspects[place] = look
            else:
                self.sightings[place] = look

        self.progress.expect("manifests", len(wave))
        for start in range(0, len(wave), _AT_ONCE):
            part = wave[start : start + _AT_ONCE]
            firsts = {digest: (repository, digest) for repository, digest in part}
            await spread(self.limits.width, note, firsts.values())
            others = (place for place in part if firsts[place[1]] != place)
            await spread(self.limits.width, note, others)
        if not suspects:
            return
        led = ((child, place) for place in above for child in self._below(place))
        parents = {child: place for child, place in led if child in suspects}
        settled = await self.confirmed(suspects, self._manifest, parents)
        self.sightings.update(settled)
        self.recovered.update(recovered(suspects, settled))

    async def confirmed(
        self,
        suspects: Mapping[Place, Suspect],
        again: Callable[[Place], Awaitable[Look]],
        above: Mapping[Place, Place],
    ) -> dict[Place, Sighting]:
        """Return the confirmed states of apparent losses; `above` names their parent manifests."""
        limits = self.limits
        if all(map(self.foreseen, suspects)):
            limits = replace(limits, confirm_after=min(limits.confirm_after, _FORESEEN))
        with self.progress.confirming(len(suspects)):
            return await confirm(suspects, again, above, self.content, limits)

    async def _manifest(self, place: Place) -> Look:
        """Request a manifest: by HEAD if its body is cached, else by GET."""
        digest = place[1]
        try:
            if digest in self.manifests:
                return await self._known(place)
            if (read := self.before.get(digest)) is not None:
                return self._hold(read) or await self._known(place)
            if body := self.memory.manifest(digest):
                return await self._parse(digest, body) or await self._known(place)
            if self._entries >= self.limits.entries:
                return self._no_room()
            answer = await self.content.manifest(*place)
            if not isinstance(answer, ManifestBody):
                return suspicion(answer)
            if (refused := await self._parse(digest, answer.content)) is not None:
                return refused
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        except Malformed as error:
            return unknown(Reason.MALFORMED, str(error))
        await self.fresh.add(digest, answer.content)
        return HASHED

    async def _known(self, place: Place) -> Look:
        """Request a manifest whose body is cached: by HEAD, or by GET if that is due."""
        plan = self.plan
        if plan is None or not self.rereads or plan.fresh(place):
            return await self._head(place)
        read = await self.content.manifest(*place)
        return HASHED if isinstance(read, ManifestBody) else suspicion(read)

    async def _head(self, place: Place) -> Look:
        try:
            header = await self.content.head(*place)
        except Unseen as unseen:
            if unseen.reason is not Reason.SERVER_ERROR:
                raise
            read = await self.content.manifest(*place)  # its bytes may tell why
            return HASHED if isinstance(read, ManifestBody) else suspicion(read)
        return HEADER if isinstance(header, Digest) else suspicion(header)

    async def _parse(self, digest: Digest, body: bytes) -> Sighting | None:
        """Keep a parsed body, or return why not. Raises `Malformed`."""
        return self._hold(await self._parsed(digest, body))

    def _hold(self, read: Manifest) -> Sighting | None:
        """Keep a manifest, or return why not."""
        if len(read.links) > self.limits.entries_each:
            words = f"the manifest has more than {self.limits.entries_each:,} entries"
            return unknown(Reason.TOO_LARGE, words)
        inline = read.inline_size // _INLINE
        weight = max(_weight(len(read.links)) + inline, read.size // _TEXT)
        if self._entries + weight > self.limits.entries:
            return self._no_room()
        self._entries += weight
        self.manifests[read.digest] = read
        return None

    async def _parsed(self, digest: Digest, body: bytes) -> Manifest:
        if len(body) < LARGE:
            return parse(body, digest)
        async with self._parsing:
            return await asyncio.to_thread(parse, body, digest)

    def _no_room(self) -> Sighting:
        words = f"its manifests have more than {self.limits.entries:,} entries"
        return unknown(Reason.TOO_LARGE, f"{words}: raise manifest_entries, or use shards")

    def _next(self, wave: Iterable[Place]) -> list[Place]:
        return list(
            dict.fromkeys(
                child for place in filter(self._leads_on, wave) for child in self._below(place)
            )
        )

    def _below(self, place: Place) -> Iterator[Place]:
        """The manifests that a present index lists and that were not read yet."""
        repository, manifest = place[0], self.standing(place)
        for entry in self.follow(repository, manifest.children if manifest else ()):
            known = self.manifests.get(entry.digest) or self.before.get(entry.digest)
            child = (repository, known.digest if known else entry.digest)  # one object for all
            if entry.platform is None:
                self.bare.add(child)
            if child not in self.sightings:
                yield child

    def children(self) -> Iterator[Place]:
        """Yield the direct children of each present index, tagged or not."""
        for place in filter(self._leads_on, self.sightings):
            manifest = self.standing(place)
            for entry in self.follow(place[0], manifest.children if manifest else ()):
                yield place[0], entry.digest

    def _leads_on(self, place: Place) -> bool:
        manifest = self.manifests.get(place[1])
        return manifest is not None and manifest.is_index

    def standing(self, place: Place) -> Manifest | None:
        """Return the manifest if this repository was just proven to have it."""
        seen = self.sightings.get(place)
        return self.manifests.get(place[1]) if seen and seen.state is State.PRESENT else None


def _weight(entries: int) -> int:
    """Return the weight of a manifest's entries: no image has more than 127 layers."""
    return entries + 7 * max(0, entries - _USUAL)
