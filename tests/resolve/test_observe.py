"""One audit asks what it must, once, and what it has a gap: is told with the reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import HASHED, HEADER, State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.oci.reference import Reference, Repository
from exporter.ports import Listing
from exporter.resolve import scope
from exporter.resolve.observe import observe
from exporter.resolve.target import AuditLimits
from tests import worlds
from tests.fakes import APP, HOST, NOW, Fake, Notes, cut_list, target, use
from tests.incident import AMD64, INDEX, stocked
from tests.resolve.steps import looked

BLOBS = 6
CATALOGUE = Repository("")


async def test_each_thing_is_asked_once() -> None:
    registry = stocked()
    registry.push(INDEX, "v2")
    registry.push(AMD64, "direct")

    await looked(registry, collector=Collector.DISTRIBUTION_2)

    assert registry.counted() == {
        ("GET", "base"): 1,
        ("GET", "catalogue"): 1,
        ("GET", "tags"): 1,
        ("HEAD", "tag"): 3,
        ("GET", "manifest"): 3,
        ("GET", "blob"): BLOBS - 1,
        ("GET", "whole"): 1,
    }


async def test_a_second_audit_with_nothing_new_reads_no_manifest() -> None:
    registry, notes = stocked(), Notes()
    first = await looked(registry, memory=notes)
    registry.asked.clear()

    second = await looked(registry, memory=notes, before=first)

    assert registry.counted()["GET", "manifest"] == 0
    assert registry.counted()["HEAD", "manifest"] == 3
    assert registry.counted()["GET", "blob"] == BLOBS
    assert second.manifests == first.manifests
    assert second.sightings[APP, INDEX.digest] == HEADER


async def test_what_was_seen_is_told_of() -> None:
    snapshot = await looked(stocked(), use("app:v1", "linux/amd64"))

    assert (snapshot.registry, snapshot.taken_at, snapshot.role) == (HOST, NOW, Role.OWNED)
    assert snapshot.listed == {APP: 1}
    assert snapshot.uses == (use("app:v1", "linux/amd64"),)
    assert snapshot.sightings[APP, INDEX.digest] == HASHED
    assert (snapshot.gaps, snapshot.gone, snapshot.blind) == ((), False, None)


async def test_images_of_other_registries_are_left_alone() -> None:
    other = replace(use("app:v9"), reference=Reference.parse("elsewhere.example/app:v9"))

    snapshot = await looked(stocked(), other)

    assert snapshot.uses == ()
    assert [root.tag for root in snapshot.roots] == ["v1"]


async def test_gaps_in_the_references_are_passed_on() -> None:
    gap = Gap(Scope.REFERENCES, "refs.yml", Reason.UNREADABLE)

    snapshot = await observe(target(stocked()), Listing((), (gap,)), None, NOW)

    assert snapshot.gaps == (gap,)
    assert snapshot.blind is None


@pytest.mark.parametrize("reason", Reason)
async def test_a_registry_that_is_away_leaves_everything_unknown(reason: Reason) -> None:
    registry = stocked()
    registry.spoil("/", reason, repository=CATALOGUE)
    pin = use(f"app@{AMD64.digest}")

    snapshot = await looked(registry, use("app:v1"), pin)

    assert registry.counted() == {("GET", "base"): 1}
    assert snapshot.gone is (reason is not Reason.CONSENT)  # that one answers, and is not read
    assert snapshot.blind == Gap(Scope.REGISTRY, HOST, reason, "as scripted")
    assert [root.sighting.reason for root in snapshot.roots] == [reason, reason]


@pytest.mark.parametrize("last", ["*", "v1", INDEX.digest, AMD64.layers[0].digest])
async def test_a_registry_that_goes_away_on_the_way_is_gone(last: str) -> None:
    registry = stocked()

    def go() -> None:
        registry.down = True

    registry.spoil(last, go)
    snapshot = await looked(registry)

    assert snapshot.gone
    assert snapshot.blind is not None
    assert (snapshot.blind.scope, snapshot.blind.reason) == (Scope.REGISTRY, Reason.CONNECT)


async def test_a_registry_that_goes_away_before_any_list_is_gone_and_not_empty() -> None:
    registry = stocked()
    registry.spoil("*", lambda: setattr(registry, "down", True), repository=CATALOGUE)

    snapshot = await looked(registry)

    assert (snapshot.gone, snapshot.roots) == (True, ())


async def test_gaps_are_told_beside_a_registry_that_is_away() -> None:
    gap = Gap(Scope.REFERENCES, "refs.yml", Reason.UNREADABLE)
    registry = stocked()
    registry.spoil("*", cut_list("v1"))
    registry.spoil("v1", lambda: setattr(registry, "down", True))

    went = await observe(target(registry), Listing((), (gap,)), None, NOW)
    away = await observe(target(registry), Listing((), (gap,)), None, NOW)

    assert [each.scope for each in went.gaps] == ["references", "repository", "registry"]
    assert [each.scope for each in away.gaps] == ["references", "registry"]


async def test_a_tag_that_leads_nowhere_starts_no_walk() -> None:
    registry = stocked()

    await looked(registry, use("app:nowhere"))

    assert {each[3] for each in registry.asked if each[1] == "manifest"} == {
        each.digest for each in INDEX.walk()
    }


async def test_a_stumble_of_a_registry_that_is_there_is_no_end() -> None:
    registry = stocked()
    registry.spoil(AMD64.layers[0].digest, Reason.TIMEOUT)

    snapshot = await looked(registry)

    assert not snapshot.gone
    assert registry.counted()["GET", "base"] == 2


async def test_a_refusal_is_no_stumble() -> None:
    registry = stocked()
    registry.spoil(AMD64.layers[0].digest, Reason.DENIED)

    await looked(registry)

    assert registry.counted()["GET", "base"] == 1


async def test_a_denied_catalogue_leaves_what_is_listed_and_named() -> None:
    registry = stocked()
    registry.push(INDEX, "v1", Repository("named"))
    registry.spoil("*", Reason.DENIED, repository=CATALOGUE)

    snapshot = await looked(
        registry, use("named:v1"), scope=scope.AuditScope(listed=(APP,), select=("*",))
    )

    assert {root.repository for root in snapshot.roots} == {APP, "named"}
    assert [gap.subject for gap in snapshot.gaps] == ["_catalog"]
    assert snapshot.blind is None


async def test_where_nothing_at_all_could_be_listed_nothing_is_known() -> None:
    registry = stocked()
    registry.spoil("*", Reason.DENIED)

    snapshot = await looked(registry)

    assert snapshot.roots == ()
    assert snapshot.listed == {}
    assert snapshot.blind == Gap(Scope.REPOSITORY, APP, Reason.DENIED, "as scripted")


async def test_a_list_that_fails_takes_no_tag_away() -> None:
    registry = stocked()
    before = await looked(registry)
    registry.spoil("*", Reason.DENIED)

    snapshot = await looked(registry, before=before)

    assert [(root.tag, root.digest) for root in snapshot.roots] == [("v1", INDEX.digest)]
    assert snapshot.listed == {}


async def test_a_list_with_gaps_takes_no_tag_away_but_a_deletion_does() -> None:
    registry = stocked()
    before = await looked(registry)
    registry.spoil("*", cut_list("other"))
    registry.push(AMD64, "other")

    snapshot = await looked(registry, before=before)
    assert {root.tag for root in snapshot.roots} == {"v1", "other"}

    registry.untag("v1")
    snapshot = await looked(registry, before=snapshot)
    assert {root.tag for root in snapshot.roots} == {"other"}


async def test_what_is_carried_from_before_was_not_seen() -> None:
    registry = stocked()
    registry.sweep(INDEX.digest)
    before = await looked(registry)
    for each in ("v1", INDEX.digest, *(blob.digest for blob in AMD64.blobs)):
        registry.spoil(each, Reason.UNAUTHORIZED)
    registry.spoil("*", Reason.UNAUTHORIZED, repository=CATALOGUE)

    snapshot = await looked(
        registry, before=before, scope=scope.AuditScope(listed=(APP,), select=("*",))
    )

    assert [root.sighting.state for root in snapshot.roots] == [State.MISSING]
    assert snapshot.blind is not None


async def test_never_is_more_under_way_than_told() -> None:
    registry = Fake()
    for n in range(20):
        registry.push(worlds.two_platforms(f"app {n}"), f"v{n}", Repository(f"app{n % 7}"))

    await looked(registry, limits=AuditLimits(width=5, confirm_after=0.0))

    assert registry.most_under_way == 5


@pytest.mark.parametrize("answers", [1, 3, 6, 12])
async def test_an_audit_that_is_cancelled_leaves_nothing_running(answers: int) -> None:
    registry = stocked()
    registry.patience = answers
    task = asyncio.create_task(looked(registry))
    await registry.stuck.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert registry.under_way == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_pods_fail_to_pull_is_asked_for_first() -> None:
    registry = stocked()
    for name in ("v0", "v2", "v3"):
        registry.push(INDEX, name)
    uses = (use("app:v0"), use("app:v2"), use("app:v3", failing_pulls=1), use("app:v1"))

    await looked(registry, *uses)

    assert next(each[3] for each in registry.asked if each[1] == "tag") == "v3"
