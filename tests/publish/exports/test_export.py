"""Are facts seen whole or not at all, and do they say what the audit saw?"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from exporter.facts.digests import join_key
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.snapshot import RegistryPart, Role, Snapshot
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.publish.exports.export import AuditData, StorageData, export, schema
from exporter.publish.exports.release import decode
from exporter.publish.exports.schema import SEEN, TABLES
from exporter.sources.export_folder import ExportFolder
from exporter.sources.storage import filesystem
from tests import worlds
from tests.fakes import HOST, NOW, Fake, audited, use
from tests.parts import tree
from tests.publish.exports.buckets import Dict, releases, rows

if TYPE_CHECKING:
    from pathlib import Path

APP = worlds.two_platforms("app")


@pytest.fixture
async def snapshot() -> Snapshot:
    fake = Fake()
    fake.push(APP, "v1")
    fake.sweep(APP.children[1].digest)
    return (await audited(fake, use("app:v1"), use("gone:v1"))).snapshot


def facts(snapshot: Snapshot, number: int, shard: Shard = WHOLE) -> AuditData:
    return AuditData(snapshot, shard, f"20260422T100000{number:06d}Z-00000000", whole=True)


def test_every_row_says_whence_it_is_and_every_table_is_as_described(snapshot: Snapshot) -> None:
    bucket = Dict()

    export(facts(snapshot, 1, Shard(2, 4)), bucket, keep=3)

    (release,) = releases(bucket)
    assert [file.table for file in release.files] == [table.name for table in SEEN]
    for file, table in zip(release.files, SEEN, strict=True):
        body = bucket.files[file.path]
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file.size, file.sha256)
        assert pq.read_schema(io.BytesIO(body)) == schema(table)
        for row in rows(bucket, release, file.table):
            assert (row["registry"], row["taken_at"], row["schema"]) == (HOST, NOW, 1)
            assert (row["shard"], row["shards"], row["audit"]) == (2, 4, release.audit)


def test_what_was_seen_is_what_is_written(snapshot: Snapshot) -> None:
    bucket = Dict()
    export(facts(snapshot, 1), bucket, keep=3)
    (release,) = releases(bucket)

    tags = {(row["repository"], row["tag"]): row for row in rows(bucket, release, "tags")}
    assert tags["app", "v1"]["digest"] == APP.digest
    assert (tags["app", "v1"]["high"], tags["app", "v1"]["low"]) == join_key(APP.digest)
    assert (tags["gone", "v1"]["digest"], tags["gone", "v1"]["state"]) == (None, "missing")
    manifests = {row["digest"]: row for row in rows(bucket, release, "manifests")}
    assert {digest: row["state"] for digest, row in manifests.items()} == {
        APP.digest: "present",
        APP.children[0].digest: "present",
        APP.children[1].digest: "missing",
    }
    assert manifests[APP.digest]["protected"] is True
    assert manifests[APP.children[0].digest]["protected"] is False
    blobs = {row["digest"]: row["size"] for row in rows(bucket, release, "blobs")}
    assert blobs == {blob.digest: len(blob.body) for blob in APP.children[0].blobs}
    edges = rows(bucket, release, "edges")
    assert sorted(row["kind"] for row in edges) == ["child"] * 2 + ["config"] + ["layer"] * 2
    assert {row["platform"] for row in edges} == {None, "linux/amd64", "linux/arm64"}
    assert [row["owner"] for row in rows(bucket, release, "uses")] == ["refs.yml:1"] * 2
    listed = {row["repository"]: row["tags"] for row in rows(bucket, release, "repositories")}
    assert listed == {"app": 1, "gone": 0}


def test_a_storage_is_written_beside_it(snapshot: Snapshot, tmp_path: Path) -> None:
    tree.write(tmp_path, "app", APP, "v1")
    inventory = filesystem.read(str(tmp_path))
    bucket = Dict()

    told = replace(facts(snapshot, 1), storage=StorageData(inventory, 5, 6))
    export(told, bucket, keep=3)

    (release,) = releases(bucket)
    assert (release.storage, release.blobs_before, release.uploads_before) == (True, 5, 6)
    blobs = {row["digest"]: row for row in rows(bucket, release, "stored_blobs")}
    everything = {each.digest: len(each.body) for each in APP.walk()}
    everything |= {blob.digest: len(blob.body) for made in APP.children for blob in made.blobs}
    assert {digest: row["size"] for digest, row in blobs.items()} == everything
    assert all((row["high"], row["low"]) == join_key(digest) for digest, row in blobs.items())
    (tag,) = rows(bucket, release, "stored_tags")
    assert (tag["repository"], tag["tag"], tag["high"], tag["low"]) == (
        *("app", "v1"),
        *join_key(APP.digest),
    )
    edges = {
        (row["parent_high"], row["parent_low"], row["child_high"], row["child_low"])
        for row in rows(bucket, release, "stored_edges")
    }
    below = ((made, each) for made in APP.walk() for each in (*made.children, *made.blobs))
    assert edges == {(*join_key(made.digest), *join_key(each.digest)) for made, each in below}
    assert len(rows(bucket, release, "stored_revisions")) == 3


def test_a_name_on_a_disk_that_is_no_text_is_spelt_out(tmp_path: Path) -> None:
    tree.write(tmp_path, os.fsdecode(b"app\xff"), APP, "v1")
    tree.write(tmp_path, os.fsdecode(b"app\xfe"), APP, "v1")
    inventory = filesystem.read(str(tmp_path))
    bucket = Dict()

    export(
        replace(facts(Snapshot(HOST, NOW), 1), storage=StorageData(inventory, 5, 6)), bucket, keep=1
    )

    (release,) = releases(bucket)
    tags = rows(bucket, release, "stored_tags")
    assert {row["repository"] for row in tags} == {r"app\xfe", r"app\xff"}


def test_a_release_of_another_version_is_refused() -> None:
    with pytest.raises(Malformed, match="schema 2"):
        decode(
            b'{"schema":2,"registry":"r","audit":"a","taken_at":1,"shard":0,"shards":1,'
            b'"whole":true,"files":[],"gaps":[]}'
        )
    with pytest.raises(Malformed, match="not a release"):
        decode(b"{")


def test_a_folder_is_a_bucket(snapshot: Snapshot, tmp_path: Path) -> None:
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})

    for number in range(3):
        where = export(facts(snapshot, number), bucket, keep=2)

    assert (tmp_path / "facts" / where.release).is_file()
    assert len(releases(bucket)) == 2
    assert len(bucket.sizes()) == 2 * (1 + len(SEEN))
    with pytest.raises(Unseen):
        bucket.get("nothing")


def test_tables_and_columns_are_named_once() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES)
    for table in TABLES:
        assert len({column.name for column in table.all}) == len(table.all)


def test_a_pull_through_cache_says_that_it_is_partial(snapshot: Snapshot) -> None:
    bucket = Dict()

    export(facts(replace(snapshot, role=Role.PROXY), 1), bucket, keep=1)

    assert releases(bucket)[0].gaps == (f"{HOST}: by-design",)


def test_of_a_proxied_part_nothing_is_exported(snapshot: Snapshot) -> None:
    bucket, whole = Dict(), facts(snapshot, 1)
    root = snapshot.roots[0]
    parts = (RegistryPart((root.repository,), Role.PROXY),)
    left = replace(snapshot, roots=(root,), listed={}, parts=parts, unasked=(root.repository,))

    export(replace(whole, snapshot=left), bucket, keep=1)

    (release,) = releases(bucket)
    assert (release.whole, release.proxy) == (False, False)
    assert {file.rows for table in ("tags", "repositories") for file in release.of(table)} == {0}
