"""The command and the background job read the same content, and record the same of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest

from exporter.commands.scrub import scrub_once
from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.ports import Listing, Wrong
from exporter.resolve.target import DAY, Terms
from exporter.resolve.unpacking import Unpacker
from exporter.store.ledger import Ledger
from tests import worlds
from tests.fakes import HOST, NOW, target, use
from tests.serve.scrubs import LATEST, LIVE, OTHER, ROTTEN, Scene, everything, full_reads, scene

LAYERS = [layer.digest for layer in (*LIVE.layers, *OTHER.layers)]
WRONG = worlds.image("wrong", layers=LIVE.layers, diff_ids=[LATEST.digest, LIVE.layers[1].digest])


@dataclass(frozen=True)
class Outcome:
    """What a scrub left behind."""

    read: Counter[Digest]
    proven: frozenset[Digest]
    mismatches: dict[object, str]
    contents: object
    counts: dict[str, int]


def _world(ledger: Ledger, faults: dict[str, Wrong | Reason], *, unpacked: bool) -> Scene:
    here = scene(ledger, Terms(365_000 * DAY, 10**15))
    here.shelf.wrong = dict(faults)
    if unpacked:
        here.fake.push(WRONG, "live")
        made = (WRONG, LIVE, LATEST, OTHER)
        here.shelf.bodies = {blob.digest: blob.body for each in made for blob in each.blobs}
        here.unpacker = Unpacker(10**6, lambda _: None)
        here.start()
    return here


async def _by_command(here: Scene) -> None:
    told = replace(target(here.fake), scrub=here.scrub, full_reads=full_reads(here.scrub))
    await scrub_once(told, Listing((use("app:live"),)))


async def _in_background(here: Scene) -> None:
    for _ in range(2):  # what is disputed is read again after the next audit
        await here.audit()
        await everything(here)
        here.now += 1.0


def _outcome(here: Scene) -> Outcome:
    known = here.ledger.scrubbed(HOST)
    return Outcome(
        Counter(here.shelf.asked),
        frozenset(digest for digest, each in known.proofs.items() if each.at is not None),
        {place: each.detail for place, each in known.mismatches.items()},
        known.contents,
        here.scrub.tally.blobs,
    )


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize(
    "faults",
    [
        {},
        {LAYERS[0]: Wrong("3 of 9 bytes")},
        {LAYERS[1]: Reason.MALFORMED, LAYERS[2]: Wrong("3 of 9 bytes")},
    ],
)
async def test_both_ways_read_the_same_and_record_the_same(
    faults: dict[str, Wrong | Reason], *, unpacked: bool
) -> None:
    found = []
    for way in (_by_command, _in_background):
        with Ledger(None, lambda: NOW) as ledger:
            here = _world(ledger, faults, unpacked=unpacked)
            await way(here)
            found.append(_outcome(here))

    command, background = found
    assert replace(command, counts={}) == replace(background, counts={})
    assert command.read
    assert unpacked or command.counts == background.counts


async def test_both_ways_record_the_same_corruption() -> None:
    """The job reads corrupt content again after each audit, as somebody may have repaired it."""
    found = []
    for way in (_by_command, _in_background):
        with Ledger(None, lambda: NOW) as ledger:
            here = _world(ledger, {LAYERS[0]: ROTTEN, LAYERS[3]: ROTTEN}, unpacked=True)
            await way(here)
            found.append(_outcome(here))

    command, background = (replace(each, read=Counter(), counts={}) for each in found)
    assert command == background
    assert len(command.mismatches) == 2
