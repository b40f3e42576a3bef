"""Absence: "no tag points here" needs every tag, resolved, of a list that is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import ChildRemoval, Collector, RegistryKind
from exporter.judge.change import DiffOutcome, compare
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing
from exporter.resolve import scope
from tests import worlds
from tests.fakes import (
    APP,
    NO_MANIFEST,
    NO_NAME,
    Fake,
    audited,
    child,
    codes,
    cut_list,
    target,
    use,
)

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
OTHER = Repository("other")
ONLY_V1 = scope.AuditScope(latest=("v1",))


def stocked(**tags: Digest) -> Fake:
    """`v1` on the index, and these further tags on one of its parts."""
    registry = Fake()
    registry.push(INDEX, "v1")
    for tag, digest in tags.items():
        registry.tagged[APP][Tag(tag)] = digest
    return registry


async def test_every_tag_is_resolved_where_a_child_may_be_unprotected() -> None:
    registry = stocked(old=ARM64.digest, other=INDEX.digest)

    report = await audited(target(registry, scope=ONLY_V1))

    assert child(report, AMD64.digest).protected_by == ()
    assert child(report, ARM64.digest).protected_by == ("old",)
    assert registry.counted()["HEAD", "tag"] == 3
    assert codes(report) == [("unprotected-child", "info")]


async def test_where_tags_in_scope_protect_all_nothing_more_is_asked() -> None:
    registry = stocked(amd64=AMD64.digest, arm64=ARM64.digest, old=INDEX.digest)
    told = scope.AuditScope(latest=("v1", "a*"))

    report = await audited(target(registry, scope=told))

    assert registry.asked_about("old") == 0
    assert child(report, AMD64.digest).protected_by == ("amd64",)
    assert report.snapshot.sealed == {}
    assert codes(report) == []


async def test_where_a_manifest_goes_with_its_last_tag_one_tag_is_not_enough() -> None:
    """Another tag may keep it, so that every one is resolved before a risk is told."""
    registry = stocked(amd64=AMD64.digest, arm64=ARM64.digest, more=ARM64.digest)
    registry.shows = RegistryKind(
        "zot", "", Collector.PARENT_PROTECTS, frozenset({ChildRemoval.MOVED_TAG})
    )
    told = scope.AuditScope(latest=("v1", "amd64", "arm64"))

    report = await audited(target(registry, scope=told, collector=Collector.UNKNOWN))

    assert registry.asked_about("more") == 1
    assert [each.digest for each in report.findings] == [AMD64.digest]


async def test_where_every_tag_was_resolved_anyway_there_is_a_seal() -> None:
    registry = stocked(amd64=AMD64.digest, arm64=ARM64.digest)

    report = await audited(registry)

    assert report.snapshot.sealed[APP].pointing_at(ARM64.digest) == ("arm64",)
    assert registry.counted()["HEAD", "tag"] == 3


async def test_a_tag_that_somebody_names_and_that_is_not_there_hides_nothing() -> None:
    report = await audited(target(stocked(), scope=ONLY_V1), use("app:nowhere"))

    assert report.snapshot.sealed.keys() == {APP}


async def test_a_repository_without_doubts_is_not_asked_for_another_one() -> None:
    registry = stocked()
    registry.push(worlds.image("plain"), "v1", OTHER)
    registry.push(worlds.image("plain"), "old", OTHER)

    await audited(target(registry, scope=ONLY_V1))

    assert registry.counted(OTHER)["HEAD", "tag"] == 1


async def test_a_pinned_digest_is_a_doubt_of_its_own() -> None:
    registry = stocked(a=AMD64.digest, b=ARM64.digest)
    pin = use(f"app@{ARM64.digest}")

    report = await audited(target(registry, scope=scope.AuditScope(latest=())), pin)

    assert report.snapshot.sealed.keys() == {APP}
    assert child(report, ARM64.digest, f"@{ARM64.digest.short}").protected_by == ("b",)


async def test_a_pinned_digest_that_a_tag_in_scope_holds_is_no_doubt() -> None:
    registry = stocked(a=AMD64.digest, b=ARM64.digest, old=INDEX.digest)
    told = target(registry, scope=scope.AuditScope(latest=("v1", "a", "b")))

    await audited(told, use(f"app@{INDEX.digest}"))

    assert registry.asked_about("old") == 0


async def test_a_tag_that_cannot_be_resolved_raises_no_doubt_about_where_it_led() -> None:
    registry = stocked(old=ARM64.digest)
    registry.push(AMD64, "v1")
    before = await audited(target(registry, scope=ONLY_V1))
    registry.asked.clear()
    registry.spoil("v1", Reason.TIMEOUT)

    await audited(target(registry, scope=ONLY_V1), before=before)

    assert registry.asked_about("old") == 0


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.DENIED])
async def test_one_tag_that_cannot_be_resolved_leaves_the_repository_open(reason: Reason) -> None:
    registry = stocked(old=ARM64.digest)
    registry.spoil("old", reason)

    report = await audited(target(registry, scope=ONLY_V1))

    assert report.snapshot.sealed == {}
    assert child(report, AMD64.digest).protected_by is None
    assert codes(report) == []


async def test_a_tag_that_leads_nowhere_protects_nothing_and_hides_nothing() -> None:
    registry = stocked()
    registry.spoil("*", Listing(("v1", "dangling")))
    registry.spoil("dangling", NO_MANIFEST)

    report = await audited(target(registry, scope=ONLY_V1))

    assert child(report, AMD64.digest).protected_by == ()


async def test_a_list_with_gaps_seals_nothing() -> None:
    registry = stocked()
    registry.spoil("*", cut_list("v1"))

    report = await audited(target(registry, scope=ONLY_V1))

    assert report.snapshot.sealed == {}
    assert codes(report) == []


async def test_a_list_that_hides_a_tag_which_resolves_seals_nothing() -> None:
    registry = stocked(v10=INDEX.digest)
    registry.spoil("*", Listing(("v1",)))

    report = await audited(target(registry, scope=ONLY_V1), use("app:v10"))

    assert report.snapshot.sealed == {}
    assert codes(report) == []


async def test_a_list_that_hides_a_tag_in_one_repository_says_nothing_of_another() -> None:
    registry = stocked()
    registry.push(INDEX, "v1", OTHER)
    registry.push(INDEX, "v10", OTHER)
    registry.spoil("*", Listing(("v1",)), repository=OTHER)

    report = await audited(target(registry, scope=ONLY_V1), use("other:v10"))

    assert report.snapshot.sealed.keys() == {APP}


async def test_a_repository_that_was_denied_once_is_not_taken_for_empty() -> None:
    registry = stocked(b=ARM64.digest)
    registry.spoil("*", Reason.RESET)
    pin = use(f"app@{ARM64.digest}")

    report = await audited(registry, pin)

    assert report.snapshot.sealed == {}
    assert codes(report) == []


async def test_a_repository_whose_tag_list_was_denied_lost_nothing() -> None:
    registry = stocked()
    before = await audited(registry)
    registry.spoil("*", NO_NAME, NO_NAME)

    found = compare(before, await audited(registry))

    assert [each.kind for each in found.shifts] == ["not-seen"]
    assert found.outcome is DiffOutcome.UNTOLD
