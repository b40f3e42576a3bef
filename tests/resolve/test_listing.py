"""Lists say what there is; what they may have left out is a gap, and is asked for all the same."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import HEADER, State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Root, Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing
from exporter.resolve import scope
from exporter.resolve.listing import catalogue, counts, entries, gaps, listings
from exporter.resolve.listing import repositories as in_scope
from exporter.resolve.target import AuditLimits, Target
from tests import worlds
from tests.fakes import (
    APP,
    NO_MANIFEST,
    NO_NAME,
    NOW,
    TRUTH,
    Fake,
    Truth,
    audited,
    cut_list,
    target,
    turns,
    use,
)

OTHER, OLD = Repository("other"), Repository("old")
IMAGE = worlds.image("app")


async def repositories(
    asked: Target, uses: list[Use], known: Snapshot | None
) -> Listing[Repository]:
    return in_scope(asked, uses, known, await catalogue(asked))


def stocked() -> Fake:
    registry = Fake()
    registry.push(IMAGE, "v1")
    registry.push(IMAGE, "v1", OTHER)
    return registry


def before(*tags: str, repository: Repository = APP) -> Snapshot:
    roots = (Root(repository, Tag(tag), IMAGE.digest, HEADER, ReferenceClass.LIVE) for tag in tags)
    pin = Root(repository, None, IMAGE.digest, HEADER, ReferenceClass.LIVE)
    return Snapshot("registry.example", NOW, roots=(*roots, pin))


async def test_repositories_are_configured_named_or_in_the_catalogue() -> None:
    told = target(stocked(), scope=scope.AuditScope(listed=(OLD,), leave_out=("other",)))

    listing = await repositories(told, [use("named:v1")], None)

    assert listing == Listing((OLD, "named", APP))


async def test_without_a_catalogue_only_what_is_named_is_looked_at() -> None:
    registry = stocked()
    told = target(registry, scope=scope.AuditScope(catalogue=False, listed=(OLD, OLD)))

    assert await repositories(told, [use("named:v1")], before("v1")) == Listing((OLD, "named"))
    assert not registry.asked


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.TIMEOUT])
async def test_a_catalogue_that_is_denied_is_a_gap_of_the_registry(reason: Reason) -> None:
    registry = stocked()
    registry.spoil("*", reason, repository=Repository(""))
    told = target(registry, scope=scope.AuditScope(listed=(OLD,)))

    listing = await repositories(told, [], None)

    assert listing.entries == (OLD,)
    assert listing.gaps == (Gap(Scope.REGISTRY, "_catalog", reason, "as scripted"),)


async def test_where_the_catalogue_has_gaps_what_was_looked_at_before_still_is() -> None:
    registry = stocked()
    cut = cut_list("other", scope=Scope.REGISTRY)
    registry.spoil("*", Reason.TIMEOUT, cut, TRUTH, repository=Repository(""))
    told = target(registry)

    assert (await repositories(told, [], before("v1"))).entries == (APP,)
    assert (await repositories(told, [], before("v1"))).entries == (OTHER, APP)
    assert (await repositories(told, [], before("v1", repository=OLD))).entries == (APP, OTHER)
    left_out = target(registry, scope=scope.AuditScope(leave_out=("old",)))
    registry.spoil("*", Reason.TIMEOUT, repository=Repository(""))
    assert (await repositories(left_out, [], before("v1", repository=OLD))).entries == ()


async def test_each_repository_is_listed_once() -> None:
    registry = stocked()

    found = await listings(target(registry), [APP, OTHER])

    assert found == {APP: Listing(("v1",)), OTHER: Listing(("v1",))}
    assert registry.counted() == {("GET", "tags"): 2}
    assert entries(found, None) == {APP: ("v1",), OTHER: ("v1",)}
    assert (gaps(found), counts(found)) == ((), {APP: 1, OTHER: 1})


async def test_a_repository_that_is_denied_twice_has_no_tags() -> None:
    registry = stocked()

    found = await listings(target(registry), [OLD, APP])

    assert found[OLD] == Listing((), denied=True)
    assert counts(found) == {OLD: 0, APP: 1}
    assert registry.counted(OLD) == {("GET", "tags"): 2}
    assert registry.counted(APP) == {("GET", "tags"): 1}


async def test_a_repository_that_is_denied_is_asked_for_again_after_a_pause() -> None:
    registry = stocked()
    told = target(registry, limits=AuditLimits(confirm_after=3600))
    waiting = asyncio.create_task(listings(told, [OLD]))
    await turns()

    assert registry.counted(OLD) == {("GET", "tags"): 1}
    waiting.cancel()


async def test_a_repository_that_is_denied_once_has_its_tags() -> None:
    registry = stocked()
    registry.spoil("*", NO_NAME, TRUTH)

    assert await listings(target(registry), [APP]) == {APP: Listing(("v1",))}


@pytest.mark.parametrize("first", [Reason.DENIED, NO_NAME])
async def test_a_repository_that_cannot_be_listed_is_a_gap_and_has_no_count(
    first: Reason | object,
) -> None:
    registry = stocked()
    registry.spoil("*", first, Reason.DENIED)  # type: ignore[arg-type] # an answer of the fake

    found = await listings(target(registry), [APP])

    assert gaps(found) == (Gap(Scope.REPOSITORY, APP, Reason.DENIED, "as scripted"),)
    assert not found[APP].complete
    assert counts(found) == {}


def test_where_a_list_has_gaps_the_tags_from_before_are_asked_for_too() -> None:
    cut = {APP: Listing((Tag("v2"), Tag("v1")), cut_list().gaps), OTHER: Listing((Tag("v9"),))}

    assert entries(cut, before("v1", "v0")) == {APP: ("v2", "v1", "v0"), OTHER: ("v9",)}
    assert entries(cut, before("v1", repository=OTHER))[OTHER] == ("v9",)
    assert entries(cut, before("v1", repository=OLD)).keys() == {APP, OTHER}


@given(st.lists(st.integers(0, 6), max_size=8), st.integers(1, 20))
async def test_no_more_tags_are_listed_than_a_registry_may_have_and_none_is_left_out_silently(
    sizes: list[int], most: int
) -> None:
    registry = Fake()
    names = [Repository(f"app{at}") for at in range(len(sizes))]
    for name, size in zip(names, sizes, strict=True):
        registry.tagged.setdefault(name, {})
        for at in range(size):
            registry.push(IMAGE, f"v{at}", name)

    found = await listings(target(registry, limits=AuditLimits(width=3, tags=most)), names)

    assert sum(len(each.entries) for each in found.values()) == min(most, sum(sizes))
    for name, size in zip(names, sizes, strict=True):
        assert len(found[name].entries) == size or not found[name].complete


@pytest.mark.parametrize("collects", [Collector.UNKNOWN, Collector.PARENT_PROTECTS])
async def test_a_repository_that_is_listed_and_denied_is_a_gap_and_not_empty(
    collects: Collector,
) -> None:
    registry = stocked()
    registry.collects = collects
    registry.spoil("*", NO_NAME)

    found = await listings(target(registry), [APP, OTHER], {APP, OTHER})

    (gap,) = gaps(found)
    assert (gap.subject, gap.reason) == (APP, Reason.UNCONFIRMED)
    assert gap.detail == "the catalogue lists it, but its tag list is denied"
    assert counts(found) == {OTHER: 1}


async def test_distribution_lists_a_repository_without_tags_and_denies_its_list() -> None:
    registry = stocked()
    registry.spoil("*", NO_NAME)

    assert gaps(await listings(target(registry), [APP], {APP})) == ()


@pytest.mark.parametrize(
    ("answer", "state"), [(Reason.SERVER_ERROR, State.UNKNOWN), (TRUTH, State.PRESENT)]
)
async def test_the_tags_of_a_denied_repository_stay_until_each_is_proven_gone(
    answer: Reason | Truth, state: State
) -> None:
    registry = Fake(collects=Collector.UNKNOWN)
    registry.push(IMAGE, "latest")
    first = await audited(target(registry))
    registry.spoil("*", NO_NAME)
    registry.spoil("latest", answer)

    second = await audited(target(registry), before=first)
    registry.spoil("latest", NO_MANIFEST)
    third = await audited(target(registry), before=second)

    assert [each.sighting.state for each in second.snapshot.roots] == [state]
    assert third.snapshot.roots == ()
    assert second.snapshot.gaps
    assert third.snapshot.gaps
