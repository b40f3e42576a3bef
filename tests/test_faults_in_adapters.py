"""An exception that nobody foresaw, in any call of any adapter, costs that one answer."""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from exporter import memory, ports
from exporter.audit import audit
from exporter.facts.gap import Reason
from exporter.facts.inventory import Inventory
from exporter.facts.proof import Proof, State
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.snapshot import Admission
from exporter.oci.reference import Repository
from exporter.ports import Listing
from exporter.resolve.target import AttachmentScope, FullReads, Scrub, Target, Terms
from exporter.sources.storage import filesystem
from exporter.tally import ScrubTally
from exporter.wiring.registry_storage import RegistryStorage
from tests import worlds
from tests.fakes import APP, NOW, Fake, Notes, target, use
from tests.faulty import FAULTS, Faulty, Injected
from tests.incident import AMD64, ARM64, INDEX, NEWER
from tests.parts import tree
from tests.parts.http import Answer, serving
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.judge.report import Report
    from exporter.oci.reference import Place

LIB, BARE = Repository("lib"), Repository("bare")
NAMED: Final = ((APP, "v1"), (LIB, "v1"), (LIB, "v9"))
WHOLE: Final = worlds.image("whole")


@dataclass(frozen=True)
class Disk(RegistryStorage):
    """A storage that was listed before the last push."""

    listed: Inventory | None = None

    def read(self) -> Inventory:
        assert self.listed
        return self.listed


class Welcome:
    """Implements `exporter.ports.CredentialCheck`."""

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        del host
        return Admission(login, place[0], admitted=True)


@dataclass
class Proofs:
    """Implements what an audit asks of `exporter.memory.Proofs`."""

    asked: list[str] = field(default_factory=list)

    def scrubbed(self, registry: str) -> Scrubbed:
        self.asked.append(registry)
        return Scrubbed()


@dataclass
class Bytes:
    """Implements what an audit asks of `exporter.ports.Bytes`."""

    shared: bool = True


@dataclass(frozen=True)
class World:
    """A registry with a whole image and broken ones, its storage, and all that is asked besides."""

    made: Target

    @property
    def told(self) -> Target:
        """What an audit is told that remembers one manifest, and nothing of the audits before."""
        return replace(self.made, memory=Notes({WHOLE.digest: WHOLE.body}))

    def faulty(self, adapter: str, injected: Injected) -> Target:
        """The same, with a fault in one of its adapters."""
        told, reads = self.told, self.made.full_reads
        if adapter == "proofs":
            assert reads is not None
            broken = Faulty(reads.proofs, injected)
            return replace(told, full_reads=replace(reads, proofs=broken))  # type: ignore[arg-type] - any adapter
        return replace(told, **{adapter: Faulty(getattr(told, adapter), injected)})


@pytest.fixture
def world(tmp_path: Path) -> World:
    registry = Fake()
    registry.push(INDEX, "v1")
    registry.push(NEWER, "v1", LIB)
    registry.sweep(NEWER.children[1].digest, repository=LIB)
    registry.push(WHOLE, "v2", LIB)
    registry.push(worlds.image("bare"), "v1", BARE)
    for repository, made, tag in ((APP, INDEX, "v1"), (LIB, WHOLE, "v2"), (LIB, NEWER, "v1")):
        tree.write(tmp_path, repository, made, tag)
    tree.revision(tmp_path, LIB, NEWER.children[1].digest).unlink()
    scrub = Scrub(Bytes(), Proofs(), Terms(), ScrubTally(1.0))  # type: ignore[arg-type]
    reads = FullReads(scrub.proofs)
    disk = Disk(str(tmp_path), listed=filesystem.read(str(tmp_path)))
    tree.write(tmp_path, BARE, worlds.image("bare"), "v1")
    return World(
        target(
            registry,
            storage=disk,
            credential_check=Welcome(),
            scrub=scrub,
            full_reads=reads,
            attachments=AttachmentScope(),
        )
    )


async def reported(told: Target) -> Report:
    first, *others = (f"{repository}:{tag}" for repository, tag in NAMED)
    uses = Listing((use(first, login="shop: a"), *map(use, others)))
    return await audit(told, uses, None, NOW)


def methods(*protocols: type) -> Iterator[str]:
    for each in protocols:
        own = (base for base in each.__mro__ if base not in (Protocol, object))
        names = {name for base in own for name in vars(base) if not name.startswith("_")}
        yield from sorted(names)


CALLS: Final = (
    *(("registry", name) for name in methods(ports.Catalogue, ports.Content)),
    *(("memory", name) for name in methods(memory.Memory)),
    *(("storage", name) for name in methods(ports.Storage)),
    *(("credential_check", name) for name in methods(ports.CredentialCheck)),
    ("proofs", "scrubbed"),
)
ELSEWHERE: Final = {
    ports.ReferenceSource: "tests/wiring/test_references.py",
    ports.WatchedSource: "tests/serve/test_changes.py",
    ports.Bytes: "tests/resolve/scrub/test_reading.py",
    ports.Sink: "tests/resolve/scrub/test_reading.py",
    ports.KeepTagger: "writes, in `protect` alone",
    ports.ContentWriter: "tests/repair/test_faults.py",
    ports.UploadContent: "tests/repair/test_faults.py",
    ports.RepositoryList: "below",
    memory.Outlines: "tests/sources/storage/test_recall.py",
    memory.SyncTimes: "tests/sources/cluster/test_lists.py",
    memory.Journal: "tests/serve/test_faults.py",
    memory.Proofs: "tests/serve/test_faults.py, and `scrubbed` here",
}
"""Where the protocols are put to the test that are no part of an audit."""


def test_every_protocol_is_put_to_the_test() -> None:
    held = {ports.Catalogue, ports.Content, memory.Memory, ports.Storage, ports.CredentialCheck}
    known = held | {*ELSEWHERE, ports.Registry, ports.OpenRegistry}
    found = {
        each
        for each in (*vars(ports).values(), *vars(memory).values())
        if inspect.isclass(each) and getattr(each, "_is_protocol", False) and each is not Protocol
    }

    assert found == known


@pytest.mark.parametrize("every", [False, True], ids=["first", "every"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("adapter", "method"), CALLS)
async def test_a_fault_costs_the_one_answer_it_struck(
    world: World, adapter: str, method: str, fault: str, *, every: bool
) -> None:
    world = head_only(world) if method == "stat" else world
    whole = await reported(world.told)
    injected = Injected(method, FAULTS[fault], every)

    report = await reported(world.faulty(adapter, injected))

    assert injected.calls
    assert Reason.INTERNAL in reasons(report)
    struck = {call[0] for call in injected.calls if call and adapter == "registry"}
    assert_like(report, whole, struck, unlisted=method in ("repositories", "tags"))


def assert_like(report: Report, whole: Report, struck: set[object], *, unlisted: bool) -> None:
    """Everything is judged as without the fault, but what the fault struck: that is unknown.

    What nobody names is not even known where a list fails: that is what the list's gap says.
    """
    states = {(each.root.repository, each.root.name): each.state for each in report.verdicts}
    for verdict in whole.verdicts:
        at = (verdict.root.repository, verdict.root.name)
        if unlisted and at not in NAMED:
            continue
        if at[0] in struck:
            assert states[at] in (verdict.state, State.UNKNOWN)
        else:
            assert states[at] is verdict.state
    known = {each.key for each in whole.findings}
    for each in report.findings:
        if each.key not in known:
            # A loss that a fault left unproven is unknown, and unprotected like what is there.
            assert each.rule.code == "unprotected-child"
            assert each.digest is not None
            unproven = report.snapshot.sightings[each.root.repository, each.digest]
            assert unproven.state is State.UNKNOWN


def head_only(world: World) -> World:
    limits = replace(world.told.limits, proof=Proof.HEAD)
    return World(replace(world.told, limits=limits))


def reasons(report: Report) -> set[Reason | None]:
    snapshot = report.snapshot
    return {
        *(each.reason for each in snapshot.gaps),
        *(each.reason for each in snapshot.sightings.values()),
        *(root.sighting.reason for root in snapshot.roots),
        *(each.reason for each in snapshot.admissions),
    }


async def test_a_list_of_repositories_that_fails_hides_no_image_that_is_named() -> None:
    injected = Injected("repositories", FAULTS["KeyError"], every=True)
    denied = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}'
    answer = Answer(404, denied, {"Content-Type": "application/json"})
    with serving(lambda asked: Answer(200) if asked.target == "/v2/" else answer) as url:
        async with registry_at(url) as registry:
            registry.lister = Faulty(Fake(), injected)  # type: ignore[assignment] - any list

            report = await reported(replace(target(Fake()), registry=registry))
            registry.lister = None

    assert injected.calls
    assert Reason.INTERNAL in reasons(report)
    assert {each.state for each in report.verdicts} == {State.MISSING}


async def test_one_struck_answer_hides_no_other_of_its_repository(world: World) -> None:
    injected = Injected("read", FAULTS["KeyError"], every=False)

    report = await reported(world.faulty("registry", injected))

    unknown = [each for each in report.snapshot.sightings.values() if each.state is State.UNKNOWN]
    assert [each.reason for each in unknown] == [Reason.INTERNAL]
    assert "KeyError" in unknown[0].detail


async def test_a_registry_whose_ping_fails_by_our_fault_is_not_taken_to_be_away(
    world: World,
) -> None:
    report = await reported(world.faulty("registry", Injected("ping", FAULTS["KeyError"], True)))

    assert not report.snapshot.gone
    assert report.snapshot.blind is None


async def test_what_the_ledger_cannot_give_is_read_again(world: World) -> None:
    whole = await reported(world.told)
    injected = Injected("manifest", FAULTS["KeyError"], every=True)

    report = await reported(world.faulty("memory", injected))

    assert report.verdicts == whole.verdicts
    (gap,) = report.snapshot.gaps
    assert (gap.subject, gap.reason) == ("ledger", Reason.INTERNAL)


async def test_a_fault_is_logged_with_its_trace_once_however_often_it_strikes(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    injected = Injected("head", FAULTS["KeyError"], every=True)
    with caplog.at_level(logging.ERROR, "pullproof.audit"):
        await reported(world.faulty("registry", injected))

    assert len(injected.calls) > 1
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[0] is KeyError


@pytest.mark.parametrize(
    ("adapter", "method"), [("registry", "head"), ("credential_check", "admits")]
)
async def test_cancellation_passes_through(world: World, adapter: str, method: str) -> None:
    begun = asyncio.Event()

    class Endless:
        def __getattr__(self, name: str) -> Any:
            return forever if name == method else getattr(getattr(world.told, adapter), name)

    async def forever(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    under_way = asyncio.ensure_future(reported(replace(world.told, **{adapter: Endless()})))
    await begun.wait()
    under_way.cancel()

    with pytest.raises(asyncio.CancelledError):
        await under_way


def test_the_world_has_what_it_is_about(world: World) -> None:
    report = asyncio.run(reported(world.told))

    states = {(each.root.repository, each.root.name): each.state for each in report.verdicts}
    assert states[APP, "v1"] is states[LIB, "v2"] is states[BARE, "v1"] is State.PRESENT
    assert states[LIB, "v1"] is State.BROKEN
    assert states[LIB, "v9"] is State.MISSING
    assert (APP, ARM64.digest) in report.snapshot.sightings
    assert (APP, AMD64.digest) in report.snapshot.sightings
    assert report.snapshot.gaps == ()
