"""What is asked depends on what a registry is: a mirror, a cache, one of its own collector."""

from __future__ import annotations

import pytest

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import Collector, RegistryKind
from exporter.facts.snapshot import Role
from exporter.oci.platform import Platform
from tests import worlds
from tests.fakes import Fake, use
from tests.incident import AMD64, ARM64, INDEX, stocked
from tests.resolve.steps import looked


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


async def test_a_pull_through_cache_is_only_asked_for_its_tags() -> None:
    registry = stocked()

    snapshot = await looked(registry, use("app:v9"), role=Role.PROXY)

    assert {kind for _, kind in registry.counted()} == {"base", "catalogue", "tags", "tag"}
    assert {method for method, kind in registry.counted() if kind == "tag"} == {"HEAD"}
    assert not snapshot.sightings
    assert not snapshot.sealed
    assert snapshot.collector is Collector.UNKNOWN


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
