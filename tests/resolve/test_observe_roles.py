"""What is asked depends on what a registry is: a mirror, a cache, one of its own collector."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.facts.registry_kind import Collector, RegistryKind
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from tests import worlds
from tests.fakes import APP, Fake, audited, target, use
from tests.incident import AMD64, ARM64, INDEX, stocked
from tests.resolve.steps import looked

if TYPE_CHECKING:
    from exporter.judge.report import Report


async def test_a_sparse_mirror_is_not_asked_for_other_platforms() -> None:
    registry = stocked()
    registry.push(worlds.index(*INDEX.children, worlds.image("app", "linux/386")), "v2")
    mirror = {"role": Role.SPARSE, "platforms": frozenset({Platform("linux", "amd64")})}

    snapshot = await looked(registry, **mirror)

    assert registry.asked_about(ARM64.digest) == 0
    assert {digest for _, digest in snapshot.sightings} & {ARM64.digest} == set()
    assert registry.asked_about(worlds.image("app", "linux/386").digest) == 0
    assert registry.asked_about(AMD64.digest) == 1
    assert (snapshot.role, snapshot.platforms) == (Role.SPARSE, mirror["platforms"])


async def test_a_mirrors_attestations_and_entries_without_a_platform_are_looked_at() -> None:
    proof = worlds.attestation(AMD64)
    registry = Fake()
    registry.push(worlds.index(ARM64, proof, worlds.chart("c")), "v1")
    mirror = {"role": Role.SPARSE, "platforms": frozenset({Platform("linux", "amd64")})}

    await looked(registry, **mirror)

    assert registry.asked_about(proof.digest) == 1
    assert registry.asked_about(worlds.chart("c").digest) == 1


async def test_a_pull_through_cache_is_asked_for_nothing_but_whether_it_answers() -> None:
    registry = stocked()
    pinned = use(f"app@{INDEX.digest}")

    snapshot = await looked(registry, use("app:v9"), pinned, role=Role.PROXY)

    assert {kind for _, kind in registry.counted()} == {"base"}
    assert {root.name for root in snapshot.roots} == {"v9", f"@{INDEX.digest.short}"}
    assert {root.sighting.reason for root in snapshot.roots} == {Reason.BY_DESIGN}
    assert snapshot.unasked == (APP,)
    assert not snapshot.sightings
    assert not snapshot.sealed
    assert snapshot.collector is Collector.UNKNOWN


PROXIED = RegistryPart(("prox/*",), Role.PROXY)
CACHED = Repository("prox/lib/app")


async def test_a_proxied_part_is_not_asked_for_by_catalogue_reference_or_digest() -> None:
    registry = stocked()
    registry.push(INDEX, "v1", CACHED)
    named = use("prox/lib/app:v3"), use(f"prox/lib/app@{INDEX.digest}")

    snapshot = await looked(registry, *named, parts=(PROXIED,))

    assert not registry.counted(CACHED)
    assert snapshot.unasked == (CACHED,)
    assert registry.asked_about(INDEX.digest)
    proxied = [root for root in snapshot.roots if root.repository == CACHED]
    assert [root.sighting.reason for root in proxied] == [Reason.BY_DESIGN] * 2
    assert [root.name for root in snapshot.roots if root.repository == APP] == ["v1"]


async def test_what_was_lost_before_its_repository_became_a_proxied_part_is_not_carried() -> None:
    registry = stocked()
    registry.sweep(ARM64.digest)
    before = await looked(registry, use("app:v1"))

    after = await looked(
        registry, use("app:v1"), before=before, parts=(RegistryPart(("a*",), Role.PROXY),)
    )

    assert [root.sighting.state for root in after.roots] == [State.UNKNOWN]
    assert not after.sightings


async def test_the_first_part_that_matches_decides() -> None:
    registry = stocked()
    parts = (RegistryPart(("app",), Role.OWNED), RegistryPart(("*",), Role.PROXY))

    snapshot = await looked(registry, use("other:v1"), parts=parts)

    assert [root.repository for root in snapshot.roots] == [APP, Repository("other")]
    assert not registry.counted(Repository("other"))


async def test_a_part_may_be_a_sparse_mirror() -> None:
    registry, edge = stocked(), Repository("edge/app")
    registry.push(INDEX, "v1", edge)
    part = RegistryPart(("edge/*",), Role.SPARSE, frozenset({Platform("linux", "amd64")}))

    snapshot = await looked(registry, parts=(part,))

    assert (edge, ARM64.digest) not in snapshot.sightings
    assert (APP, ARM64.digest) in snapshot.sightings


@given(
    patterns=st.lists(
        st.sampled_from(["*", "app", "a*", "prox/*", "*/app", "x"]), min_size=1, max_size=2
    ),
    role=st.sampled_from([Role.OWNED, Role.SPARSE]),
    lost=st.booleans(),
)
def test_no_request_is_ever_about_a_proxied_repository(
    patterns: list[str], role: Role, *, lost: bool
) -> None:
    part = RegistryPart(tuple(patterns), Role.PROXY)
    registry = stocked()
    registry.push(INDEX, "v1", CACHED)
    for each in (APP, CACHED) if lost else ():
        registry.sweep(ARM64.digest, ARM64.layers[0].digest, repository=each)
    platforms = frozenset({Platform("linux", "amd64")} if role is Role.SPARSE else ())
    told = target(registry, parts=(part,), role=role, platforms=platforms)
    named = use("app:v1"), use("app:v7"), use("prox/lib/app:v1"), use(f"x@{INDEX.digest}")

    async def twice() -> Report:
        return await audited(told, *named, before=await audited(told, *named))

    report = asyncio.run(twice())

    asked = {Repository(each[2]) for each in registry.asked if each[2]}
    assert not [each for each in asked if part.holds(each)]
    proxied = [each for each in report.verdicts if part.holds(each.root.repository)]
    assert {each.state for each in proxied} <= {State.UNKNOWN}
    assert all(each.by_design for each in proxied)
    assert not [each for each in report.findings if part.holds(each.root.repository)]


@pytest.mark.parametrize("declared", [Collector.NONE, Collector.PARENT_PROTECTS])
async def test_a_collector_that_is_declared_is_not_asked_for(declared: Collector) -> None:
    registry = stocked()

    assert (await looked(registry, collector=declared)).collector is declared
    assert not registry.counted()["GET", "kind"]


@pytest.mark.parametrize("declared", Collector)
async def test_a_declared_collector_hides_no_kind(declared: Collector) -> None:
    """`collector: parent-protects` on zot says nothing of tags that are pushed anew."""
    registry = stocked()
    registry.shows = RegistryKind("zot", "", Collector.PARENT_PROTECTS)

    seen = await looked(registry, collector=declared)

    assert seen.kind is registry.shows
    unsaid = declared is Collector.UNKNOWN
    assert seen.collector is (Collector.PARENT_PROTECTS if unsaid else declared)


async def test_a_collector_is_told_by_the_registry_and_remembered_while_it_is_not() -> None:
    registry = stocked()
    before = await looked(registry)
    assert before.collector is Collector.DISTRIBUTION_2

    registry.collects = Collector.DISTRIBUTION_3
    assert (await looked(registry, before=before)).collector is Collector.DISTRIBUTION_3
    registry.collects = Collector.UNKNOWN
    assert (await looked(registry, before=before)).collector is Collector.DISTRIBUTION_2
    registry.spoil("?", Reason.TIMEOUT)
    assert (await looked(registry, before=before)).collector is Collector.DISTRIBUTION_2
    assert (await looked(registry)).collector is Collector.UNKNOWN


async def test_without_a_tag_that_resolves_nobody_can_be_asked_for_the_collector() -> None:
    registry = stocked()
    before = await looked(registry)
    registry.spoil("v1", Reason.DENIED)
    registry.asked.clear()

    assert (await looked(registry)).collector is Collector.UNKNOWN
    assert not registry.counted()["GET", "kind"]
    assert (await looked(registry, before=before)).collector is Collector.DISTRIBUTION_2
