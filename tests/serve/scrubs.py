"""A registry, its board and its scrub's job, where time is what a test says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.facts.gap import Reason
from exporter.judge.report import Report
from exporter.oci.digest import Digest
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, Reload
from exporter.resolve.target import DAY, AuditLimits, FullReads, Scrub, Terms
from exporter.resolve.unpacking import Unpacker
from exporter.scrub import Scrubber
from exporter.serve.board import Board
from exporter.serve.scrub_job import ScrubJob
from exporter.store.ledger import Ledger
from exporter.tally import ScrubTally
from tests import worlds
from tests.fakes import HOST, NOW, Fake, audited, target, use

if TYPE_CHECKING:
    from exporter.oci.links import Descriptor
    from exporter.oci.reference import Repository

LIVE, LATEST, OTHER = (worlds.image(name) for name in ("live", "latest", "other"))
EVERYTHING = 3 * 4
"""A manifest, a configuration and two layers of each image."""
HOUR = 3_600.0
ROTTEN = Wrong("hashes to x", mismatch=True)


@dataclass
class Shelf:
    """Bytes that are right unless told otherwise; it counts who reads what."""

    wrong: dict[str, Wrong | Reason] = field(default_factory=dict)
    bodies: dict[Digest, bytes] = field(default_factory=dict)
    asked: list[Digest] = field(default_factory=list)
    shared: bool = False

    async def prove(
        self,
        repository: Repository,  # noqa: ARG002 - one shelf for all
        target: Descriptor,
        sink: Sink,
        *,
        again: bool = False,  # noqa: ARG002 - likewise
    ) -> Absent | Wrong | None:
        self.asked.append(target.digest)
        answer = self.wrong.get(target.digest)
        if isinstance(answer, Reason):
            raise Unseen(target.digest, answer)
        sink.begin()
        await sink.take(self.bodies.get(target.digest, b"x" * (target.size or 0)))
        return answer


def full_reads(scrub: Scrub) -> FullReads:
    """What an audit is told of the reads of a scrub."""
    return FullReads(scrub.proofs, scrub.terms.period, shared=scrub.source.shared)


@dataclass
class Scene:
    """One registry, its board, its shelf and its job; time is what a test says."""

    fake: Fake
    shelf: Shelf
    ledger: Ledger
    terms: Terms
    now: float = NOW
    unpacker: Unpacker | None = None
    board: Board = field(init=False)
    scrub: Scrub = field(init=False)
    job: ScrubJob = field(init=False)
    report: Report | None = None

    def __post_init__(self) -> None:
        self.board = Board(AppState((), (), Reload("0", True, 0.0)), Limits())
        self.start()

    def start(self) -> None:
        """Begin anew, as after a restart: only the ledger is left."""
        tally = ScrubTally(self.terms.period)
        self.scrub = Scrub(self.shelf, self.ledger, self.terms, tally, self.unpacker)
        self.job = ScrubJob(Scrubber(HOST, self.scrub, AuditLimits(confirm_after=0.0)), self.board)

    async def audit(self, *, up: bool = True) -> Report:
        asked = replace(target(self.fake), scrub=self.scrub, full_reads=full_reads(self.scrub))
        self.report = await audited(asked, use("app:live"), before=self.report, now=self.now)
        status = RegistryStatus.once(self.report)
        await self.board.show(replace(status, up=up, scrub=self.scrub.tally))
        return self.report

    async def turns(self, most: int = 100) -> list[Digest]:
        """Let it read until it wants to wait; return what was read."""
        already = len(self.shelf.asked)
        for _ in range(most):
            if await self.job.turn(self.now):
                break
        return self.shelf.asked[already:]


def scene(ledger: Ledger, terms: Terms | None = None) -> Scene:
    fake = Fake()
    fake.push(OTHER, "other")
    fake.push(LATEST, "latest")
    fake.push(LIVE, "live")
    return Scene(fake, Shelf(), ledger, terms or Terms(30 * DAY, 10**15))


def digests(made: worlds.Made) -> set[Digest]:
    return {made.digest, *(blob.digest for blob in made.blobs)}


async def everything(here: Scene) -> list[Digest]:
    """Let it read as time goes by, until nothing is due."""
    read: list[Digest] = []
    while got := await here.turns():
        read += got
        here.now += 1.0
    return read
