"""Is what was there before read until an export is whole, and does nothing old pile up?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from exporter.facts.shard import WHOLE, Shard
from exporter.facts.snapshot import Snapshot
from exporter.ports import Unseen
from exporter.publish.exports.export import AuditData, export
from exporter.publish.exports.schema import SEEN
from exporter.sources.export_folder import ExportFolder
from tests.fakes import HOST, NOW
from tests.publish.exports.buckets import Dict, releases

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600
FILES = len(SEEN)


def facts(number: int, shard: Shard = WHOLE) -> AuditData:
    return AuditData(Snapshot(HOST, NOW), shard, name(number), whole=True)


def name(number: int) -> str:
    return f"20260422T100000{number:06d}Z-00000000"


def audits(bucket: Dict | ExportFolder) -> list[str]:
    return [release.audit for release in releases(bucket)]


def begun(number: int) -> dict[str, bytes]:
    """What a killed export leaves."""
    return {f"{HOST}/0-of-1/{name(number)}/{each.name}.parquet": b"" for each in SEEN[:2]}


def test_cut_off_at_any_point_the_one_before_is_what_is_read() -> None:
    for changes in range(FILES + 1):
        bucket = Dict()
        export(facts(1), bucket, keep=1)
        before = releases(bucket)
        bucket.changes = changes

        with pytest.raises(Unseen):
            export(facts(2), bucket, keep=1)

        assert releases(bucket) == before
        assert all(file.path in bucket.files for file in before[0].files)


def test_what_an_export_began_in_vain_it_takes_away_where_the_store_lets_it() -> None:
    class Full(Dict):
        def put(self, path: str, content: bytes | Path) -> None:
            if len(self.files) == FILES + 3:
                self.changes = 0
            try:
                super().put(path, content)
            finally:
                self.changes = None

    bucket = Full()
    export(facts(1), bucket, keep=1)

    with pytest.raises(Unseen):
        export(facts(2), bucket, keep=1)

    assert len(bucket.files) == FILES + 1


@pytest.mark.parametrize("changes", range(FILES + 1, 2 * FILES + 2))
def test_an_export_stands_also_where_the_old_one_cannot_be_removed(changes: int) -> None:
    bucket = Dict()
    export(facts(1), bucket, keep=1)
    bucket.changes = changes

    exported = export(facts(2), bucket, keep=1)

    assert "remove " in exported.untidy
    assert audits(bucket)[-1] == name(2)
    for release in releases(bucket):
        assert all(file.path in bucket.files for file in release.files)


def test_what_is_put_last_and_removed_first_is_the_release() -> None:
    bucket = Dict()
    for number in range(3):
        assert export(facts(number), bucket, keep=2).untidy == ""

    puts = [each for each in bucket.log if each.startswith("put")]
    removals = [each for each in bucket.log if each.startswith("remove")]
    assert [each.endswith("release.json") for each in puts] == ([False] * FILES + [True]) * 3
    assert removals[0].endswith("00Z-00000000.release.json")
    assert len(removals) == 1 + FILES
    assert audits(bucket) == [name(1), name(2)]


def test_files_that_go_before_their_release_is_put_make_none() -> None:
    class Raided(Dict):
        def sizes(self, prefix: str = "") -> dict[str, int]:
            self.files.pop(f"{prefix}tags.parquet", None)
            return super().sizes(prefix)

    with pytest.raises(Unseen, match="it was put, and is not there any more"):
        export(facts(1), Raided(), keep=1)


def test_only_what_this_shard_wrote_is_removed() -> None:
    strangers = {
        f"{HOST}/0-of-1/notes.txt": b"x",
        f"{HOST}/0-of-1/notes/tags.parquet": b"x",
        f"{HOST}/0-of-1/{name(0)}.json": b"x",
        "other/0-of-1/x.release.json": b"y",
        "other/0-of-1/20260422T100000000000Z-00000000/tags.parquet": b"y",
    }
    bucket = Dict({**strangers})
    export(facts(1, Shard(0, 4)), bucket, keep=1)
    export(facts(1, Shard(1, 4)), bucket, keep=1)
    kept = {**bucket.files}
    bucket.clock = 2.0 * HOUR

    for number in (2, 3):
        export(facts(number), bucket, keep=1)

    assert kept.items() <= bucket.files.items()
    assert len(bucket.files) == len(kept) + 1 + FILES


@pytest.mark.parametrize(("age", "stays"), [(HOUR, True), (HOUR + 1, False)])
def test_what_a_killed_export_left_goes_once_nobody_can_be_writing_it(
    age: int, *, stays: bool
) -> None:
    bucket = Dict(begun(1))
    bucket.clock = age

    export(facts(2), bucket, keep=3)

    assert (begun(1).items() <= bucket.files.items()) is stays
    assert len(bucket.files) == 1 + FILES + 2 * stays


def test_exports_that_are_all_killed_do_not_pile_up() -> None:
    bucket, most = Dict(), 0
    for number in range(30):
        bucket.clock = number * HOUR / 4
        bucket.changes = 3
        with pytest.raises(Unseen):
            export(facts(number), bucket, keep=3)
        most = max(most, len(bucket.files))
        bucket.changes = None

    assert most <= 3 * 6


def test_an_old_release_of_another_version_goes_too() -> None:
    bucket = Dict({**begun(1), f"{HOST}/0-of-1/{name(1)}.release.json": b'{"schema": 0}'})

    export(facts(2), bucket, keep=1)

    assert audits(bucket) == [name(2)]
    assert len(bucket.files) == 1 + FILES


def test_no_clock_that_was_wrong_removes_what_was_just_written() -> None:
    bucket = Dict()
    export(facts(9), bucket, keep=1)

    exported = export(facts(1), bucket, keep=1)

    assert exported.release in bucket.files
    assert audits(bucket) == [name(1), name(9)]


def test_replicas_that_write_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    bucket = ExportFolder.at(str(tmp_path), {})
    with ThreadPoolExecutor(4) as replicas:
        done = list(replicas.map(lambda number: export(facts(number), bucket, keep=1), range(24)))

    assert {each.untidy for each in done} == {""}
    last = releases(bucket)[-1]
    assert last.audit == name(23)
    assert {file.path: file.size for file in last.files}.items() <= bucket.sizes().items()


def test_no_file_and_no_folder_is_left_on_a_disk(tmp_path: Path) -> None:
    bucket = ExportFolder.at(str(tmp_path), {})
    for number in range(4):
        export(facts(number), bucket, keep=2)

    assert len(list(tmp_path.glob("*/*/*"))) == 2 * 2
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2 * (1 + FILES)
