"""Is an image found whose layers are not what it says, and let go again?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.resolve.unpacking import Unpacker
from tests import worlds
from tests.serve.scrubs import EVERYTHING, LATEST, LIVE, OTHER, Scene, everything, scene

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.judge.report import Report
    from exporter.store.ledger import Ledger


def _unpacking(ledger: Ledger) -> Scene:
    """A registry whose live image has a layer that is another than its configuration says."""
    here = scene(ledger)
    wrong = worlds.image(
        "wrong", layers=LIVE.layers, diff_ids=[LATEST.digest, LIVE.layers[1].digest]
    )
    here.fake.push(wrong, "live")
    made = (wrong, LIVE, LATEST, OTHER)
    here.shelf.bodies = {blob.digest: blob.body for each in made for blob in each.blobs}
    here.unpacker = Unpacker(10**6, lambda _: None)
    here.start()
    return here


def _wrong(report: Report) -> list[Finding]:
    return [each for each in report.findings if each.rule.code == "wrong-diff-id"]


async def test_a_layer_that_an_image_does_not_mean_is_found_after_a_second_reading(
    ledger: Ledger,
) -> None:
    here = _unpacking(ledger)
    layer = LIVE.layers[0].digest
    await here.audit()
    assert len(await everything(here)) == EVERYTHING
    assert not _wrong(await here.audit()), "one reading proves nothing"
    assert await everything(here) == [layer]

    (found,) = _wrong(await here.audit())
    assert (found.digest, found.severity.value, found.root.tag) == (layer, "critical", "live")
    assert await everything(here) == [], "its content does not change"

    here.start()
    assert _wrong(await here.audit()), "a restart does not forget it"
    here.fake.push(LIVE, "live")
    assert not _wrong(await here.audit()), "the tag was repaired"


async def test_what_was_only_hashed_before_is_unpacked_once_it_is_asked_for(
    ledger: Ledger,
) -> None:
    here = _unpacking(ledger)
    unpacker, here.unpacker = here.unpacker, None
    here.start()
    await here.audit()
    await everything(here)
    assert not _wrong(await here.audit())
    assert await everything(here) == []

    here.unpacker = unpacker
    here.start()
    await here.audit()

    manifests = 3
    assert len(await everything(here)) == EVERYTHING - manifests
    await here.audit()
    await everything(here)
    assert _wrong(await here.audit())


async def test_where_it_is_not_asked_for_any_more_it_is_forgotten(ledger: Ledger) -> None:
    here = _unpacking(ledger)
    for _ in range(2):
        await here.audit()
        await everything(here)
    assert _wrong(await here.audit())

    here.unpacker = None
    here.start()

    assert not _wrong(await here.audit())
