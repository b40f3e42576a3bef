"""What registries hold fills no disk and no memory; what audits found is kept all the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from exporter.oci.digest import Digest
from exporter.store import ledger as module
from exporter.store.ledger import Ledger
from tests.store.kept import keep, last

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_ledger_keeps_no_more_content_than_it_has_room_for(
    *, in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LARGEST", 2**20)
    monkeypatch.setattr(module, "_LARGEST_IN_MEMORY", 2**20)
    bodies = [random.Random(each).randbytes(100_000) for each in range(40)]  # noqa: S311 - no secret

    with Ledger(None if in_memory else tmp_path / "ledger", lambda: 0.0) as ledger:
        for each in bodies:
            ledger.keep_manifests({Digest.of(each): each})
        kept = [each for each in bodies if ledger.manifest(Digest.of(each)) == each]
        keep(ledger, "registry", (b"truth", {}))
        truth = last(ledger, "registry")

    assert 9 <= len(kept) <= 11
    assert truth == (b"truth", {})
