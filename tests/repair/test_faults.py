"""An exception that nobody foresaw costs a repair one step, and what was done is still told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.proof import State
from exporter.judge.losses import losses
from exporter.repair.repairer import CopySource, Repairer
from tests.fakes import audited
from tests.faulty import FAULTS, Faulty, Injected
from tests.repair.test_repair_laws import BUILT, OTHER, PLAIN, TEAM, A, Registry, lose, stocked

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.digest import Digest
    from exporter.oci.reference import Repository
    from exporter.repair.spool import Spool

GONE: Final = {(TEAM, each.digest) for each in (A.layers[1], *PLAIN.layers, PLAIN, BUILT)}


async def repaired(registry: Registry, writer: object, source: object, folder: Path) -> Repairer:
    report = await audited(registry)
    copies = [CopySource("mirror", source)]  # type: ignore[arg-type] - with a fault in it
    repairer = Repairer(registry, report.snapshot, copies, str(folder), writer)  # type: ignore[arg-type] - likewise
    await repairer.repair(losses(report.verdicts))
    return repairer


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["upload", "restore", "manifest", "prove"])
async def test_a_fault_of_the_writer_costs_one_step(
    tmp_path: Path, method: str, fault: str
) -> None:
    registry = stocked()
    lose(registry, GONE)
    injected = Injected(method, FAULTS[fault], every=False)

    found = await repaired(registry, Faulty(registry, injected), stocked(), tmp_path)

    assert injected.calls
    assert [each.failure[:11] for each in found.steps].count("unexpected ") == 1
    assert len(found.steps) == len(GONE)
    again = await repaired(registry, registry, stocked(), tmp_path)
    assert not any(each.failure for each in again.steps)
    assert {each.state for each in (await audited(registry)).verdicts} == {State.PRESENT}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_a_source_is_told_and_the_next_source_is_asked(
    tmp_path: Path, fault: str
) -> None:
    registry = stocked()
    lose(registry, GONE)
    broken = Faulty(stocked(), Injected("prove", FAULTS[fault], every=True))
    report = await audited(registry)
    sources = [CopySource("bad", broken), CopySource("good", stocked())]  # type: ignore[arg-type] - with a fault in it
    repairer = Repairer(registry, report.snapshot, sources, str(tmp_path), registry)

    await repairer.repair(losses(report.verdicts))

    assert not any(each.failure for each in repairer.steps)
    assert any("bad" in each and "unexpected" in each for each in repairer.refused)


async def test_bytes_that_cannot_be_read_again_cost_their_own_upload(tmp_path: Path) -> None:
    class Losing(Registry):
        async def upload(
            self,
            repository: Repository,
            digest: Digest,
            content: Spool,
            origin: Repository | None = None,
        ) -> bool:
            if not self.uploads:
                self.uploads.append(((repository, digest), False))
                content.file.close()
            return await super().upload(repository, digest, content, origin)

    registry = stocked(Losing)
    lose(registry, {(where, each.digest) for where in (TEAM, OTHER) for each in PLAIN.layers})

    found = await repaired(registry, registry, stocked(), tmp_path)

    assert [each.failure[:11] for each in found.steps].count("unexpected ") >= 1
    assert any(not each.failure for each in found.steps)
