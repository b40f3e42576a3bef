"""Is a storage that was read before read again in less time, and to the same end?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import numpy as np
import obstore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from exporter.facts.body import Outline
from exporter.facts.gap import Reason
from exporter.facts.inventory import Driver
from exporter.oci.digest import Digest
from exporter.sources.storage.bucket import Bucket
from exporter.sources.storage.filesystem import read
from exporter.sources.storage.object_store import Objects
from exporter.store.ledger import Ledger
from tests.faulty import FAULTS, Faulty, Injected
from tests.judge.gc.collections import plant
from tests.judge.gc.trees import tree as grown
from tests.parts import tree
from tests.worlds import image, index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.facts.inventory import Inventory
    from exporter.memory import Outlines

_BOTH = index(image("app", "linux/amd64"), image("app", "linux/arm64"))
_REPOSITORY = "team/app"


@dataclass
class Notebook:
    """Keeps outlines, and what it could and could not tell."""

    kept: dict[bytes, Outline] = field(default_factory=dict)
    told: set[bytes] = field(default_factory=set)

    def outlines(self, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
        found = {key: self.kept[key] for key in keys if key in self.kept}
        self.told |= found.keys()
        return found

    def keep_outlines(self, found: Mapping[bytes, Outline]) -> None:
        self.kept |= found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    tree.write(folder, _REPOSITORY, _BOTH, "v1")
    return folder


def _key(digest: str) -> bytes:
    return bytes.fromhex(digest.partition(":")[2])


def facts(inventory: Inventory) -> tuple[object, ...]:
    """Everything that was seen; a graph by manifest, for its rows come in any order."""
    text = inventory.digests.text
    graph, numbers = inventory.graph, range(len(inventory.digests))
    manifests = {
        text(each): (
            [text(to) for to in graph.links(np.array([each], np.int32))],
            bool(graph.indexes[graph.rows[each]]),
        )
        for each in numbers
        if graph.rows[each] >= 0
    }
    return (
        manifests,
        [text(each) for each in numbers],
        *(inventory.sizes.tolist(), inventory.modified.tolist()),
        *(inventory.repositories, inventory.folders.tolist(), inventory.faults),
        *(inventory.revisions.paths.tolist(), inventory.revisions.targets.tolist()),
        *(inventory.layers.paths.tolist(), inventory.layers.targets.tolist()),
        *(inventory.tags.names, inventory.tags.current.tolist()),
        *(inventory.misplaced, sorted(map(str, inventory.gaps))),
    )


def test_manifests_that_were_read_before_are_not_opened(root: Path) -> None:
    notebook = Notebook()
    cold = read(str(root), notebook)
    made = tree.data(root, _BOTH.digest)
    changed = made.read_bytes().replace(b"arm64", b"mra64")
    made.write_bytes(changed)

    warm = read(str(root), notebook)

    assert notebook.told == {_key(each.digest) for each in _BOTH.walk()}
    assert facts(warm)[0] == facts(cold)[0]
    assert warm.gaps == ()  # of the same size: what only a scrub sees


def test_a_manifest_that_changed_its_size_is_read_again(root: Path) -> None:
    notebook = Notebook()
    read(str(root), notebook)
    tree.data(root, _BOTH.digest).write_bytes(b"{")

    warm = read(str(root), notebook)

    assert {gap.reason for gap in warm.gaps} == {Reason.MALFORMED}
    assert warm.faults.keys() == {warm.digests.number(_BOTH.digest)}
    assert facts(warm) == facts(read(str(root)))


def test_a_manifest_that_is_gone_is_not_remembered_as_there(root: Path) -> None:
    notebook = Notebook()
    read(str(root), notebook)
    tree.data(root, _BOTH.digest).unlink()

    warm = read(str(root), notebook)

    assert warm.graph.rows[warm.digests.number(_BOTH.digest)] < 0
    assert facts(warm) == facts(read(str(root)))


def test_a_new_manifest_is_read_and_kept(root: Path) -> None:
    notebook = Notebook()
    read(str(root), notebook)
    new = image("another")
    tree.write(root, "another", new, "v2")

    warm = read(str(root), notebook)

    assert _key(new.digest) in notebook.kept
    assert facts(warm) == facts(read(str(root)))


def test_a_manifest_whose_bytes_are_others_is_not_kept(root: Path) -> None:
    notebook = Notebook()
    made = tree.data(root, _BOTH.digest)
    made.write_bytes(made.read_bytes().replace(b"arm64", b"mra64"))

    read(str(root), notebook)

    assert _key(_BOTH.digest) not in notebook.kept
    assert facts(read(str(root), notebook)) == facts(read(str(root)))


def test_a_digest_with_another_beginning_alike_is_told_apart(root: Path) -> None:
    notebook = Notebook()
    read(str(root), notebook)
    _, encoded = _BOTH.digest.split(":")
    twin = Digest.parse(f"sha256:{encoded[:16]}{encoded[16:][::-1]}")
    tree.data(root, twin).parent.mkdir(parents=True)
    tree.data(root, twin).write_bytes(b"a twin")

    assert facts(read(str(root), notebook)) == facts(read(str(root)))


@pytest.mark.parametrize("column", ["outline", "digest"])
def test_a_damaged_outline_in_the_ledger_is_ignored(
    root: Path, tmp_path: Path, column: str
) -> None:
    path = tmp_path / "ledger.db"
    cold = _filled(root, path)
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT rowid, outline, digest FROM outlines").fetchall()
        assert len(rows) == len(list(_BOTH.walk()))
        for row, outline, digest in rows:
            damaged = digest if column == "digest" else outline[:-1] + bytes([outline[-1] ^ 1])
            other = damaged[:-1] + bytes([damaged[-1] ^ 1]) if column == "digest" else damaged
            file.execute(f"UPDATE outlines SET {column} = ? WHERE rowid = ?", (other, row))  # noqa: S608 - a parameter
        file.commit()

    with Ledger(path, lambda: 1e9) as ledger:
        key = _key(_BOTH.digest)
        assert ledger.outlines([key, key[:-1] + bytes([key[-1] ^ 1])]) == {}
        assert facts(read(str(root), ledger)) == facts(cold)


def _filled(root: Path, path: Path) -> Inventory:
    with Ledger(path, lambda: 1e9) as ledger:
        return read(str(root), ledger)


def test_outlines_survive_a_restart(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    cold = _filled(root, path)

    with Ledger(path, lambda: 1e9) as ledger:
        keys = [_key(each.digest) for each in _BOTH.walk()]
        assert ledger.outlines(keys).keys() == set(keys)
        assert facts(read(str(root), ledger)) == facts(cold)


def test_a_bucket_that_was_read_before_is_asked_for_no_manifest(root: Path) -> None:
    notebook = Notebook()
    store = MemoryStore()
    for path in root.rglob("*"):
        if path.is_file():
            obstore.put(store, path.relative_to(root).as_posix(), path.read_bytes())
    objects = Objects(store, "memory")
    cold = Bucket(objects, Driver.S3).read(notebook)
    body = tree.data(root, _BOTH.digest)
    obstore.put(store, body.relative_to(root).as_posix(), bytes(body.stat().st_size))

    warm = Bucket(objects, Driver.S3).read(notebook)

    assert facts(warm)[0] == facts(cold)[0]
    assert warm.gaps == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=st.integers(0, 1 << 32), after=st.integers(0, 1 << 32))
def test_what_is_known_from_before_changes_no_fact(before: int, after: int) -> None:
    with TemporaryDirectory() as folder, Ledger(None, lambda: 1e9) as ledger:
        for place, seed in (("before", before), ("after", after)):
            made = grown(seed)
            plant(Path(folder, place), made.files, made.folders)
        read(str(Path(folder, "before")), ledger)

        for _ in range(2):
            warm = read(str(Path(folder, "after")), ledger)
            assert facts(warm) == facts(read(str(Path(folder, "after"))))


@pytest.mark.parametrize("method", ["outlines", "keep_outlines"])
@pytest.mark.parametrize("fault", FAULTS)
def test_outlines_that_cannot_be_recalled_or_kept_cost_reads_only(
    root: Path, fault: str, method: str
) -> None:
    injected = Injected(method, FAULTS[fault], every=True)

    found = read(str(root), cast("Outlines", Faulty(Notebook(), injected)))

    assert injected.calls
    assert facts(found) == facts(read(str(root)))
