"""What is opened of what is read, how often, and what is learnt only from bytes that are right?"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import cast

import pytest

from exporter.facts.diff_ids import Contents, Inside, Known, Unpacked
from exporter.facts.gap import Reason
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.layers import SILENT, Rootfs
from exporter.oci.links import Descriptor
from exporter.oci.manifest import parse
from exporter.oci.reference import Repository
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.resolve.scrub.reading import FullReader, ReadResult, Throttle
from exporter.resolve.scrub.selection import Part, ReadPlace, ScrubItem, due, with_parts
from exporter.resolve.target import AuditLimits
from exporter.resolve.unpacking import Unpacker
from tests import worlds
from tests.faulty import FAULTS, Faulty, Injected

APP = Repository("app")
IMAGE, PROOF, CACHE = (
    worlds.image("app"),
    worlds.attestation(worlds.image("app")),
    worlds.chart("c"),
)
FIRST, SECOND = (each.digest for each in IMAGE.layers)
CONFIG = IMAGE.config.digest
MADE = (IMAGE, PROOF, CACHE)
RIGHT = {
    CONFIG: Known(Rootfs((FIRST, SECOND))),
    FIRST: Known(Unpacked(FIRST, packed=False)),
    SECOND: Known(Unpacked(SECOND, packed=False)),
}


def plan(known: Contents) -> dict[Digest, ScrubItem]:
    blobs = {blob.digest: blob for made in MADE for blob in made.blobs}
    wanted = [
        ScrubItem(
            Descriptor(blob.media_type, digest, len(blob.body)),
            ReferenceClass.LIVE,
            (ReadPlace(APP, IMAGE.digest),),
        )
        for digest, blob in blobs.items()
    ]
    manifests = {each.digest: parse(each.body, each.digest) for each in MADE}
    found = with_parts(wanted, Snapshot("registry", 1.0, manifests=manifests), known)
    return {each.digest: each for each in found}


def test_configurations_and_layers_of_images_are_opened_and_nothing_else() -> None:
    parts = {digest: each.part for digest, each in plan({}).items() if each.part}

    assert parts == {CONFIG: Part.CONFIG, FIRST: Part.LAYER, SECOND: Part.LAYER}
    assert all(each.owed is bool(each.part) and not each.again for each in plan({}).values())


def test_what_is_known_is_not_opened_again_and_what_is_in_doubt_when_it_is_read_anyway() -> None:
    bomb = RIGHT | {FIRST: Known(Unpacked(None, "too large", Reason.TOO_LARGE))}

    assert not [each for each in plan(RIGHT).values() if each.part or each.owed]
    assert [(each.digest, each.owed) for each in plan(bomb).values() if each.part] == [
        (FIRST, False)
    ]


def test_what_is_at_odds_with_its_image_is_owed_once_more_and_comes_first() -> None:
    odd = RIGHT | {SECOND: Known(Unpacked(FIRST))}
    proven = RIGHT | {SECOND: Known(Unpacked(FIRST), 2)}

    (first, *_) = due(plan(odd).values(), Scrubbed(), 1.0, 1.0)
    assert (first.digest, first.owed, first.again) == (SECOND, True, True)
    later = plan(proven)[SECOND]
    assert (later.part, later.owed, later.again) == (Part.LAYER, False, False)


@dataclass
class Shelf:
    """Bodies in pieces, each answered as scripted; implements `exporter.ports.Bytes`."""

    body: bytes
    answers: list[Wrong | Reason | None] = field(default_factory=lambda: [None])
    asked: list[bool] = field(default_factory=list)
    shared: bool = False

    async def prove(
        self,
        repository: Repository,  # noqa: ARG002 - one shelf for all
        target: Descriptor,  # noqa: ARG002 - likewise
        sink: Sink,
        *,
        again: bool = False,
    ) -> Absent | Wrong | None:
        self.asked.append(again)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        sink.begin()
        half = len(self.body) // 2
        await sink.take(self.body[:half])
        if isinstance(answer, Reason):
            raise Unseen("blob", answer)
        sink.begin()  # a connection broke, and it is read anew
        await sink.take(self.body[:half])
        await sink.take(self.body[half:])
        return answer


async def learnt(source: Shelf, part: Part, *, again: bool = False) -> Inside | None:
    return (await found(source, part, Unpacker(10**6, lambda _: None), again=again)).content


async def found(
    source: Shelf, part: Part, unpacker: Unpacker, *, again: bool = False
) -> ReadResult:
    reading = FullReader(
        source, Throttle(None, lambda _: None), AuditLimits(confirm_after=0.0), unpacker
    )
    target = Descriptor("x", FIRST, len(source.body))
    subject = ScrubItem(
        target, ReferenceClass.LIVE, (ReadPlace(APP, None),), part=part, again=again
    )
    return await reading.prove(subject)


TAR = b"tar " * 1_000


async def test_a_layer_is_unpacked_on_its_way_and_a_configuration_kept() -> None:
    assert await learnt(Shelf(gzip.compress(TAR)), Part.LAYER) == Unpacked(Digest.of(TAR))
    config = IMAGE.config.body
    assert await learnt(Shelf(config), Part.CONFIG) == Rootfs((FIRST, SECOND))


async def test_a_configuration_larger_than_any_says_nothing() -> None:
    huge = IMAGE.config.body[:-1] + b" " * 5 * 2**20 + b"}"

    assert await learnt(Shelf(huge), Part.CONFIG) == SILENT


@pytest.mark.parametrize(
    "answer", [Wrong("hashes to x", mismatch=True), Wrong("3 of 4 bytes"), Reason.RESET]
)
async def test_nothing_is_learnt_from_bytes_that_are_not_right(answer: Wrong | Reason) -> None:
    assert await learnt(Shelf(gzip.compress(TAR), [answer]), Part.LAYER) is None


async def test_after_a_wrong_read_the_right_one_is_what_counts() -> None:
    shelf = Shelf(gzip.compress(TAR), [Wrong("hashes to x", mismatch=True), None])

    assert await learnt(shelf, Part.LAYER) == Unpacked(Digest.of(TAR))


async def test_what_is_at_odds_is_read_past_every_cache() -> None:
    shelf = Shelf(gzip.compress(TAR))

    await learnt(shelf, Part.LAYER, again=True)

    assert shelf.asked == [True]


@pytest.mark.parametrize("every", [False, True], ids=["first", "every"])
@pytest.mark.parametrize("method", ["feed", "end"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_unpacking_leaves_its_bytes_proven(
    fault: str, method: str, *, every: bool
) -> None:
    injected = Injected(method, FAULTS[fault], every)
    unpacker = cast("Unpacker", Faulty(Unpacker(10**6, lambda _: None), injected))
    source = Shelf(gzip.compress(TAR))

    seen = await found(source, Part.LAYER, unpacker)

    assert injected.calls
    assert all(each.hashed for each in seen.sightings.values())
    if every or method == "end":
        assert isinstance(seen.content, Unpacked)
        assert (seen.content.diff_id, seen.content.reason) == (None, Reason.INTERNAL)
