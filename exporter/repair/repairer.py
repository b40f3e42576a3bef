"""The repair of one registry: find the bytes of what is lost, hash them, and upload them by digest.

Blobs come before manifests and children before indexes, as registries demand. Whether the registry
has something is not asked before an upload: a cache that outlived a garbage collection says yes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.facts.snapshot import Snapshot
from exporter.judge.losses import MANIFEST, TAG, RepairStep, Restorable, Way
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import Descriptor, Kind
from exporter.oci.manifest import Manifest, parse
from exporter.oci.reference import Place, Repository, Tag
from exporter.ports import (
    Absent,
    Bytes,
    Content,
    ContentWriter,
    Full,
    ManifestBody,
    Sink,
    Unseen,
    Wrong,
)
from exporter.repair.spool import NoSink, ShortText, Spool
from exporter.resolve.guard import Faults, guarded_alone

_LARGEST: Final = 4 * 2**20
"""Bytes of a manifest: registries take no longer one."""
_DEEPEST: Final = 32
"""Indexes in indexes."""
_MOST_PLACES: Final = 3
"""Repositories of one registry that are tried for a digest."""
_FORBIDDEN: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})
_KEPT_FILE: Final = (
    "uploaded, but the registry still serves its old bytes ({found}): distribution overwrites no "
    "file. Move {path} of its storage aside and repeat"
)


@dataclass(frozen=True, slots=True)
class CopySource:
    """A place that may hold copies of lost content."""

    name: str
    content: Bytes
    repository: Repository | None = None
    """Through which it is asked; None asks through the repository that lacks the content."""
    digest: Digest | None = None
    """The digest that it names, or that the tag of a layout names."""
    tag: Tag | None = None
    """The tag that was named."""
    tags: Content | None = None
    """Resolves tags."""
    places: Mapping[Digest, Sequence[Repository]] = field(default_factory=dict)
    """Further repositories in which a digest was seen."""
    own: bool = False
    """Is it the registry itself? Then what it has is mounted."""

    def repositories(self, losses: Sequence[Restorable]) -> tuple[Repository, ...]:
        """Return through which repositories one digest is asked for, the likeliest first."""
        if self.repository is not None:
            return (self.repository,)
        lacking = tuple(dict.fromkeys(each.repository for each in losses))
        if self.content.shared:
            return lacking[:1]
        held = (each for each in self.places.get(losses[0].digest, ()) if each not in lacking)
        return (*islice(held, _MOST_PLACES), *(() if self.own else lacking))

    def called(self, repository: Repository) -> str:
        """Return how it is called, with the repository that was asked."""
        return self.name if self.repository or self.content.shared else f"{self.name}/{repository}"


@dataclass(slots=True)
class Repairer:
    """Repairs one registry; without a writer, it only finds out what a repair would do."""

    registry: Content
    snapshot: Snapshot
    sources: Sequence[CopySource]
    folder: str
    """Where bytes wait to be uploaded."""
    writer: ContentWriter | None = None
    adds_tags: bool = False
    """May a tag be added that does not exist?"""

    steps: list[RepairStep] = field(default_factory=list)
    refused: dict[str, None] = field(default_factory=dict)
    hashed: list[Place] = field(default_factory=list)
    """Content that was uploaded, read back and hashed."""
    _lost: dict[Place, Restorable] = field(default_factory=dict)
    _visited: set[Place] = field(default_factory=set)
    _manifests: list[tuple[RepairStep, ManifestBody]] = field(default_factory=list)
    _bodies: dict[Digest, tuple[ManifestBody, str] | None] = field(default_factory=dict)
    _failed: set[Place] = field(default_factory=set)
    _denied: dict[str, str] = field(default_factory=dict)
    """By repository, and by nothing for the registry: why no upload is tried any more."""

    async def repair(
        self, losses: Iterable[Restorable], lost_tags: Iterable[tuple[Repository, Tag]] = ()
    ) -> None:
        """Find the bytes of these losses and of all that is lost below them; upload them."""
        self._guard()
        self._lost = {each.place: each for each in losses}
        for loss in tuple(self._lost.values()):
            if loss.kind == MANIFEST:
                await self._visit(loss.repository, loss.target, 0)
        missing = tuple(lost_tags)
        tags = [await self._tag(*each, alone=len(missing) == 1) for each in missing]
        blobs: defaultdict[Digest, list[Restorable]] = defaultdict(list)
        for loss in self._lost.values():
            if loss.kind != MANIFEST:
                blobs[loss.digest].append(loss)
        for alike in blobs.values():
            await self._restore_blob(alike)
        for step, body in self._manifests:
            self._note(await self._restored(step, body))
        for step in filter(None, tags):
            self._note(await self._pointed(step, step.loss.tag))

    def _guard(self) -> None:
        faults = Faults(self.snapshot.registry)
        self.registry = guarded_alone(self.registry, faults)
        self.writer = guarded_alone(self.writer, faults) if self.writer else None
        self.sources = [
            replace(
                each,
                content=guarded_alone(each.content, faults),
                tags=guarded_alone(each.tags, faults) if each.tags else None,
            )
            for each in self.sources
        ]

    async def _visit(self, repository: Repository, target: Descriptor, depth: int) -> None:
        """Find what is lost at a manifest and below it."""
        place = repository, target.digest
        if place in self._visited or depth > _DEEPEST:
            return
        self._visited.add(place)
        body, source = await self._here(place), self.snapshot.registry
        loss = None if body else Restorable(*place, MANIFEST, target.size)
        if loss is not None:
            self._lost[place] = loss
            body, source = await self._copied(loss) or (None, "")
        try:
            if body is not None:
                await self._look_below(repository, parse(body.content, body.digest), depth)
        except Malformed as error:
            self.refused[f"{source}: {target.digest.short}: {error}"] = None
            body = None
        if loss is not None and body is not None:
            sized = replace(loss, size=len(body.content))
            self._manifests.append((RepairStep(sized, Way.UPLOAD, source), body))
        elif loss is not None:
            self._note(RepairStep(loss))

    async def _look_below(self, repository: Repository, manifest: Manifest, depth: int) -> None:
        for link in manifest.held:
            target, place = link.target, (repository, link.target.digest)
            if link.kind is Kind.CHILD:
                await self._visit(repository, target, depth + 1)
            elif place not in self._visited and await self._is_lost(repository, target):
                self._lost.setdefault(place, Restorable(*place, link.kind.value, target.size))
            self._visited.add(place)

    async def _here(self, place: Place) -> ManifestBody | None:
        """Return a manifest that the registry has; None for one that it lacks or does not give."""
        if place in self._lost:
            return None
        try:
            found = await self.registry.manifest(*place)
        except Unseen:
            return None
        return found if isinstance(found, ManifestBody) else None

    async def _is_lost(self, repository: Repository, target: Descriptor) -> bool:
        """Return whether a blob is not proven to be there: it is uploaded, and no harm is done."""
        seen = self.snapshot.sightings.get((repository, target.digest))
        if seen is not None and seen.state is not State.UNKNOWN:
            return seen.state is not State.PRESENT
        try:
            return isinstance(await self.registry.read(repository, target), Absent | Wrong)
        except Unseen:
            return True

    async def _copied(self, loss: Restorable) -> tuple[ManifestBody, str] | None:
        """Return a lost manifest from the first source that has it, and that source's name."""
        if loss.digest not in self._bodies:
            text = ShortText(_LARGEST)
            found = await self._found([loss], text)
            kept = ManifestBody(loss.digest, bytes(text.content))
            self._bodies[loss.digest] = (kept, found[0].called(found[1])) if found else None
        return self._bodies[loss.digest]

    async def _found(
        self, losses: Sequence[Restorable], sink: Sink
    ) -> tuple[CopySource, Repository] | None:
        """Read a lost digest into a sink from the first source that has its very bytes."""
        target = losses[0].target
        for source, repository in self._candidates(losses):
            called = source.called(repository)
            try:
                wrong = await source.content.prove(repository, target, sink)
            except Unseen as unseen:
                self.refused[f"{called}: {unseen.detail or unseen.reason}"] = None
            except Full:
                self.refused[f"{called}: {target.digest.short} is longer than a manifest"] = None
            else:
                if wrong is None:
                    return source, repository
                if isinstance(wrong, Wrong):
                    self.refused[f"{called}: {target.digest.short}: {wrong.detail}"] = None
        return None

    def _candidates(self, losses: Sequence[Restorable]) -> Iterator[tuple[CopySource, Repository]]:
        for source in self.sources:
            for repository in source.repositories(losses):
                yield source, repository

    async def _restore_blob(self, losses: list[Restorable]) -> None:
        """Upload a blob once, and mount it in every other repository that lacks it."""
        if self.writer is None:
            self._planned(losses, await self._found(losses, NoSink()))
            return
        with Spool.open(self.folder) as spool:
            found = await self._found(losses, spool)
            origin = found[1] if found and found[0].own else None
            for loss in losses:
                if found is None:
                    self._note(RepairStep(loss))
                    continue
                way = Way.MOUNT if origin else Way.UPLOAD
                step = RepairStep(loss, way, found[0].called(found[1]))
                step = await self._uploaded(self.writer, step, spool, origin)
                self._note(self._mounted(step, origin))
                if not step.failure:
                    origin = origin or loss.repository

    def _planned(
        self, losses: list[Restorable], found: tuple[CopySource, Repository] | None
    ) -> None:
        for at, loss in enumerate(losses):
            if found is None:
                self._note(RepairStep(loss))
            else:
                way = Way.MOUNT if at or found[0].own else Way.UPLOAD
                origin = found[1] if found[0].own else losses[0].repository
                step = RepairStep(loss, way, found[0].called(found[1]))
                self._note(self._mounted(step, origin))

    def _mounted(self, step: RepairStep, origin: Repository | None) -> RepairStep:
        """Return the step with the repository that it mounts from as its source, if it mounts."""
        if step.way is not Way.MOUNT or origin is None:
            return step
        return replace(step, source=f"{self.snapshot.registry}/{origin}")

    async def _uploaded(
        self, writer: ContentWriter, step: RepairStep, content: Spool, origin: Repository | None
    ) -> RepairStep:
        """Upload a blob and read back every byte; the last one where it was mounted."""
        loss = step.loss
        if why := self._forbidden(loss.repository):
            return replace(step, failure=why)
        try:
            mounted = await writer.upload(*loss.place, content, origin)
            wrong = await self._wrong(writer, loss, whole=not mounted or loss.corrupt)
            if mounted and wrong is not None:
                mounted = await writer.upload(*loss.place, content)
                wrong = await self._wrong(writer, loss, whole=True)
        except Unseen as unseen:
            return replace(step, failure=self._failure(loss.repository, unseen))
        way = Way.MOUNT if mounted else Way.UPLOAD
        return replace(step, way=way, failure=_kept_file(loss.digest, wrong) if wrong else "")

    async def _wrong(
        self, writer: ContentWriter, loss: Restorable, *, whole: bool
    ) -> Absent | Wrong | None:
        """Read back every byte that was uploaded, or the last one of what was mounted."""
        if whole:
            wrong = await writer.prove(loss.repository, loss.target, NoSink())
            self.hashed += [] if wrong else [loss.place]
            return wrong
        found = await writer.read(loss.repository, loss.target)
        return found if isinstance(found, Absent | Wrong) else None

    async def _restored(self, step: RepairStep, body: ManifestBody) -> RepairStep:
        """Put a manifest whose content is all there, and read it back."""
        writer, loss = self.writer, step.loss
        lacking = {each.target.digest for each in parse(body.content, body.digest).links}
        if any(place[0] == loss.repository and place[1] in lacking for place in self._failed):
            return replace(step, failure="not uploaded: content that it references is still lost")
        if writer is None:
            return step
        if why := self._forbidden(loss.repository):
            return replace(step, failure=why)
        try:
            await writer.restore(loss.repository, body)
            found = await writer.manifest(*loss.place)
            if not isinstance(found, ManifestBody):
                # With a warm cache, distribution takes a manifest and writes no file. A blob it
                # writes, and both lie in one place.
                await writer.upload(*loss.place, ShortText(_LARGEST, bytearray(body.content)))
                await writer.restore(loss.repository, body)
                found = await writer.manifest(*loss.place)
        except Unseen as unseen:
            return replace(step, failure=self._failure(loss.repository, unseen))
        self.hashed += [loss.place] if isinstance(found, ManifestBody) else []
        failure = "" if isinstance(found, ManifestBody) else _kept_file(loss.digest, found)
        return replace(step, failure=failure)

    async def _tag(self, repository: Repository, tag: Tag, *, alone: bool) -> RepairStep | None:
        """Return the step that adds a tag which does not exist, where a source says what it was.

        What a source names under another name counts only for a tag that was asked for `alone`.
        """
        for source in self.sources:
            if not alone and source.tag != tag and (source.tag or source.digest):
                continue
            digest = source.digest or await self._resolved(source, repository, tag)
            if digest is None:
                continue
            target = Restorable(repository, digest, MANIFEST, None).target
            await self._visit(repository, target, 0)
            loss = Restorable(repository, digest, TAG, None, tag)
            return RepairStep(loss, Way.TAG, source.called(repository))
        return None

    async def _resolved(
        self, source: CopySource, repository: Repository, tag: Tag
    ) -> Digest | None:
        if source.tags is None or source.own:
            return None
        try:
            found = await source.tags.head(source.repository or repository, source.tag or tag)
        except Unseen as unseen:
            self.refused[f"{source.called(repository)}: {unseen.detail or unseen.reason}"] = None
            return None
        return found if isinstance(found, Digest) else None

    async def _pointed(self, step: RepairStep, tag: Tag | None) -> RepairStep:
        """Add a tag that does not exist, where that is allowed."""
        loss, writer = step.loss, self.writer
        if writer is None or tag is None:
            return step
        if not self.adds_tags:
            return replace(step, failure="the tag does not exist; --keep-tags adds it")
        if loss.place in self._failed:
            return replace(step, failure="not added: its manifest is still lost")
        try:
            await writer.add_tag(loss.repository, loss.digest, tag)
        except Unseen as unseen:
            return replace(step, failure=self._failure(loss.repository, unseen))
        return step

    def _note(self, step: RepairStep) -> None:
        self.steps.append(step)
        if step.failure or not step.source:
            self._failed.add(step.loss.place)

    def _forbidden(self, repository: Repository) -> str:
        return self._denied.get("") or self._denied.get(repository, "")

    def _failure(self, repository: Repository, unseen: Unseen) -> str:
        """Return why a request failed; after a denial, nothing more is sent there."""
        said = unseen.detail or str(unseen.reason)
        if unseen.reason in _FORBIDDEN:
            said = f"{said}: the login may not push to {repository}"
            self._denied[repository] = said
        elif unseen.reason is Reason.UNSUPPORTED:
            self._denied[""] = said
        return said


def _kept_file(digest: Digest, found: Absent | Wrong) -> str:
    said = found.code if isinstance(found, Absent) else found.detail
    path = f"blobs/{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}/data"
    return _KEPT_FILE.format(found=said, path=path)
