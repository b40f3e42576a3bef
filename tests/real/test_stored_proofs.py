"""Do audits with the storage of a real registry say what audits without it say?"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest

from exporter.audit import audit
from exporter.facts.proof import Proof, State
from exporter.judge.report import Report
from exporter.ports import Listing
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits, Target
from exporter.sources.registry.distribution import Distribution
from exporter.wiring.registry_storage import RegistryStorage
from tests import worlds
from tests.fakes import Notes
from tests.parts import tree
from tests.parts.registry import Registry, Settings, registry
from tests.sources.storage.bucket import URL, bucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


pytestmark = pytest.mark.real

LATER: Final = 2_000_000_000.0
"""Seconds since the epoch, after everything was written."""
APP: Final = "team/app"
INDEX: Final = worlds.two_platforms("app")
PLAIN: Final = worlds.image("plain")
CHART: Final = worlds.chart("chart")


@dataclass
class Auditor:
    """Audits one registry again and again, some seconds apart."""

    server: Registry
    storage: RegistryStorage | None = None
    """None is the folder of the registry."""
    report: Report | None = None
    notes: Notes = field(default_factory=Notes)
    now: float = LATER

    async def audited(self, *, storage: bool = True) -> Report:
        async with Distribution.open("real", self.server.url) as opened:
            told = Target(
                opened,
                self.notes,
                frozenset(),
                scope=AuditScope(select=("*",)),
                limits=AuditLimits(confirm_after=0.0),
            )
            if not storage:
                return await audit(told, Listing(()), None, self.now)
            self.now += 1.0
            files = self.storage or RegistryStorage(str(self.server.root))
            told = replace(told, storage=files)
            self.report = await audit(told, Listing(()), self.report, self.now)
        return self.report


def states(report: Report) -> dict[tuple[str, str], State]:
    return {
        (verdict.root.name, str(child.digest)): child.state
        for verdict in report.verdicts
        for child in verdict.children
    }


def proofs(report: Report) -> list[Proof]:
    return [seen.proof for seen in report.snapshot.sightings.values()]


def delete(server: Registry) -> None:
    with server.client(APP) as client:
        client.delete(INDEX.children[0].digest)


def collect(server: Registry) -> None:
    with server.client(APP) as client:
        client.delete(PLAIN.digest)
    server.collect()


def remove_a_file(server: Registry) -> None:
    """The registry has its length in its cache."""
    remove_from(server.root, PLAIN)


def remove_from(root: Path, made: worlds.Made) -> None:
    shutil.rmtree(tree.data(root, made.blobs[-1].digest).parent)


def cut_a_file(server: Registry) -> None:
    tree.data(server.root, CHART.blobs[-1].digest).write_bytes(b"")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("harm", [delete, collect, remove_a_file, cut_a_file])
async def test_a_loss_is_found_at_the_next_audit_and_nothing_else_is_asked_about(
    tmp_path: Path, version: int, harm: Callable[[Registry], None]
) -> None:
    with registry(tmp_path, Settings(version=version)) as server:
        for made, tag in ((INDEX, "v1"), (PLAIN, "v2"), (CHART, "v3")):
            server.push(APP, made, tag)
        auditor = Auditor(server)
        first = await auditor.audited()
        again = await auditor.audited()
        harm(server)
        harmed = await auditor.audited()
        anew = await auditor.audited(storage=False)

    assert Proof.STORED not in proofs(first)
    assert set(proofs(again)) == {Proof.STORED}
    assert states(harmed) == states(anew)
    assert State.PRESENT in states(harmed).values()
    assert set(states(harmed).values()) != {State.PRESENT} or harm is collect
    for report in (first, again, harmed):
        assert report.snapshot.disagreements == ()
        assert report.snapshot.gaps == ()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("cache", [True, False])
async def test_a_cache_that_serves_what_is_not_linked_is_a_disagreement(
    tmp_path: Path, version: int, *, cache: bool
) -> None:
    """distribution 2.8 and 3.1 serve it while they remember its descriptor."""
    with registry(tmp_path, Settings(version=version, cache=cache)) as server:
        for made, tag in ((INDEX, "v1"), (PLAIN, "v2")):
            server.push(APP, made, tag)
        auditor = Auditor(server)
        await auditor.audited()
        tree.layer_link(server.root, APP, PLAIN.blobs[-1].digest).unlink()
        harmed = await auditor.audited()
        anew = await auditor.audited(storage=False)

    found = [each for each in harmed.findings if each.rule.code == "storage-disagreement"]
    assert states(harmed) == states(anew)
    assert states(harmed)["v2", str(PLAIN.digest)] is (State.PRESENT if cache else State.BROKEN)
    assert [each.digest for each in found] == ([PLAIN.blobs[-1].digest] if cache else [])


async def test_a_bucket_proves_as_a_folder_does(tmp_path: Path) -> None:
    with (
        bucket(tmp_path / "s3") as store,
        registry(tmp_path / "registry", Settings(version=3, bucket=store.driver)) as server,
    ):
        for made, tag in ((INDEX, "v1"), (PLAIN, "v2")):
            server.push(APP, made, tag)
        storage = RegistryStorage(URL, store.options, plain_http=True)
        auditor = Auditor(server, storage)
        first = await auditor.audited()
        again = await auditor.audited()
        remove_from(store.root, PLAIN)
        harmed = await auditor.audited()
        anew = await auditor.audited(storage=False)
        tree.layer_link(store.root, APP, INDEX.children[0].blobs[-1].digest).unlink()
        tree.revision(store.root, APP, INDEX.children[1].digest).unlink()
        unlinked = await auditor.audited()
        last = await auditor.audited(storage=False)

    assert Proof.STORED not in proofs(first)
    assert set(proofs(again)) == {Proof.STORED}
    assert states(harmed) == states(anew)
    assert states(harmed)["v2", str(PLAIN.digest)] is State.BROKEN
    assert states(unlinked) == states(last)
    assert first.snapshot.disagreements == again.snapshot.disagreements == ()
    assert harmed.snapshot.disagreements == ()
