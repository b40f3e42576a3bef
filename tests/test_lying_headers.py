"""Only bytes prove a loss: what holds of every audit, whatever the headers of a registry say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.proof import GONE, State
from exporter.oci.digest import Digest
from tests import worlds
from tests.fakes import Notes, audited, child, target, use, verdict
from tests.parts.http import serving
from tests.parts.store import LIES, NOTHING, Liar, Store
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from exporter.judge.report import Report

LARGE: Final = worlds.layer("large", 300_000)
IMAGE: Final = worlds.image("app", layers=(worlds.layer("small"), LARGE))
INDEX: Final = worlds.two_platforms("index")
BROKEN: Final = worlds.image("broken")
NAMES: Final = (NOTHING, BROKEN.digest, INDEX.digest, LARGE.digest, Digest.of(b"x", "sha512"))

TURNS: Final = st.booleans()
SEEDS: Final = st.integers(0, 10_000)
KINDS: Final = st.sets(st.sampled_from(LIES), min_size=1)
DAMAGE: Final = st.sampled_from(["cut", "empty", "longer", "flipped"])
PLACES: Final = st.sampled_from([IMAGE.config, *IMAGE.layers])


def stocked(**how: bool) -> Store:
    """A store with two images that are whole, and one of which a layer is gone."""
    store = Store(**how)
    for made, tag in ((IMAGE, "image"), (INDEX, "index"), (BROKEN, "broken")):
        store.push(made, tag)
    del store.blobs[BROKEN.layers[0].digest]
    return store


async def seen(store: Store, audits: int = 2) -> list[Report]:
    """Audit what a store serves, again and again, knowing what was seen before."""
    reports: list[Report] = []
    uses = [use(f"app:{tag}", "linux/amd64") for tag in store.tags]
    with serving(store) as url:
        async with registry_at(url) as registry:
            asked = target(registry, Notes())  # type: ignore[arg-type] # answers like any registry
            for _ in range(audits):
                before = reports[-1] if reports else None
                reports.append(await audited(asked, *uses, before=before))
    return reports


def states(reports: list[Report], tag: str) -> set[State]:
    """What was said of a tag, and of all that is below it."""
    found = [verdict(each, tag) for each in reports]
    return {each.overall for each in found} | {each.state for one in found for each in one.children}


def damaged(body: bytes, how: str) -> bytes:
    if how == "flipped":
        return body[:-1] + bytes([body[-1] ^ 1])
    return {"cut": body[:-3], "empty": b"", "longer": body + b"more"}[how]


@pytest.mark.parametrize("kind", LIES)
@pytest.mark.parametrize("ranges", [True, False], ids=["parts", "no parts"])
async def test_one_header_that_always_lies_makes_nothing_missing_or_broken(
    kind: str,
    ranges: bool,  # noqa: FBT001 - a row of the table
) -> None:
    for seed in range(4):
        store = stocked(ranges=ranges)
        store.layer = Liar((kind,), seed, NAMES, share=1.0)
        reports = await seen(store)
        assert not GONE & (states(reports, "image") | states(reports, "index")), seed


@settings(max_examples=15)
@given(kinds=KINDS, seed=SEEDS, same=TURNS, ranges=TURNS)
def test_no_mixture_of_lying_headers_makes_right_bytes_missing_or_broken(
    *, kinds: set[str], seed: int, same: bool, ranges: bool
) -> None:
    store = stocked(ranges=ranges)
    store.layer = Liar(kinds, seed, NAMES, same, share=0.5)

    reports = asyncio.run(seen(store))

    assert not GONE & (states(reports, "image") | states(reports, "index"))


@settings(max_examples=15)
@given(kinds=KINDS, seed=SEEDS, same=TURNS, ranges=TURNS, place=PLACES, how=DAMAGE)
def test_no_lying_header_hides_that_the_last_byte_is_not_there(  # noqa: PLR0913 - the mixture
    *, kinds: set[str], seed: int, same: bool, ranges: bool, place: worlds.Blob, how: str
) -> None:
    store = stocked(ranges=ranges)
    store.blobs[place.digest] = damaged(place.body, how)
    # Not of a tag that claims to lead to another image which is whole: that one is audited then.
    names = tuple(name for name in NAMES if name != INDEX.digest)
    store.layer = Liar(kinds, seed, names, same, share=0.5)

    reports = asyncio.run(seen(store))

    if how in ("cut", "empty"):
        assert State.PRESENT not in {verdict(each, "image").overall for each in reports}
    assert not GONE & states(reports, "index")


@pytest.mark.parametrize("how", ["cut", "empty", "longer", "flipped"])
@pytest.mark.parametrize("place", [IMAGE.config, *IMAGE.layers], ids=["config", "small", "large"])
@pytest.mark.parametrize("ranges", [True, False], ids=["parts", "no parts"])
async def test_damaged_bytes_under_honest_headers_are_broken(
    ranges: bool,  # noqa: FBT001 - a row of the table
    place: worlds.Blob,
    how: str,
) -> None:
    store = stocked(ranges=ranges)
    store.blobs[place.digest] = damaged(place.body, how)

    reports = await seen(store)

    unread = how == "flipped" and ranges and place is not IMAGE.config
    assert {verdict(each, "image").overall for each in reports} == {
        State.PRESENT if unread else State.BROKEN
    }
    assert states(reports, "index") == {State.PRESENT}


async def test_a_tag_whose_digest_is_a_lie_is_audited_by_its_bytes() -> None:
    for name in (NOTHING, BROKEN.digest, Digest.of(b"x", "sha512")):
        store = stocked()
        store.layer = lambda asked, answer, name=name: (  # type: ignore[misc] # one name each
            replace(answer, headers={**answer.headers, "Docker-Content-Digest": name})
            if asked.target.endswith("/manifests/image")
            else answer
        )
        (report,) = await seen(store, audits=1)
        assert verdict(report, "image").overall not in GONE
        if name != BROKEN.digest:
            assert verdict(report, "image").root.digest == IMAGE.digest
            assert verdict(report, "image").overall is State.PRESENT


async def test_a_stored_manifest_of_other_bytes_is_still_broken() -> None:
    store = stocked()
    kind, body = store.manifests[IMAGE.digest]
    store.manifests[IMAGE.digest] = (kind, body.replace(b"2", b"3", 1))

    reports = await seen(store)

    assert {verdict(each, "image").overall for each in reports} == {State.BROKEN}
    assert all(child(each, IMAGE.digest, "image").state is State.BROKEN for each in reports)
