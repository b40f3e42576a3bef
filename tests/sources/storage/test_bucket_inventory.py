"""Is a bucket the same by the lists that S3 publishes of it as by listing it?

No free S3 server publishes them: these are written as the S3 User Guide describes them.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.facts.gap import Reason
from exporter.facts.inventory import Inventory
from exporter.ports import Unseen
from exporter.sources.storage.bucket import Bucket
from exporter.sources.storage.object_store import Objects
from tests.sources.storage import bucket as bucket_server
from tests.sources.storage.bucket import URL, bucket
from tests.worlds import image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

PLACE: Final = "lists/registry/daily"
LISTS: Final = f"s3://registry/{PLACE}"
CREATED: Final = 1_790_000_000_000
SCHEMA: Final = "Bucket, Key, Size, LastModifiedDate, ETag"
Row = tuple[str, str, int, str, str]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bucket_server.Bucket]:
    with bucket(tmp_path_factory.mktemp("bucket")) as made:
        made.push("team/app", two_platforms("app"), "v1", "latest")
        made.push("team", image("plain"), "v1")
        yield made


@dataclass(frozen=True)
class Lists:
    """Where lists of the bucket are published."""

    bucket: bucket_server.Bucket

    @property
    def store(self) -> Objects:
        return Objects.at("s3://registry", self.bucket.options, plain_http=True)

    def rows(self) -> list[Row]:
        """All objects of the bucket; S3 gives them in no order."""
        found = [
            ("registry", each.path, each.size, _time(each.modified), each.etag)
            for each in self.store.keys("below/here/")
        ]
        return found[::-1]

    def publish(self, body: bytes, dated: str = "2026-09-21T00-00Z", **changed: object) -> None:
        manifest = {
            "sourceBucket": "registry",
            "destinationBucket": "arn:aws:s3:::registry",
            "version": "2016-11-30",
            "creationTimestamp": str(CREATED),
            "fileFormat": "CSV",
            "fileSchema": SCHEMA,
            "files": [{"key": f"{PLACE}/data/{dated}", "size": len(body), "MD5checksum": ""}],
        } | changed
        text = json.dumps(manifest).encode()
        checksum = hashlib.md5(text, usedforsecurity=False).hexdigest().encode()
        self.put(f"data/{dated}", body)
        self.put(f"{dated}/manifest.json", text)
        self.put(f"{dated}/manifest.checksum", checksum)
        self.put("hive/dt=2026-09-21-00-00/symlink.txt", b"s3://registry/...")

    def put(self, path: str, body: bytes) -> None:
        obstore.put(self.store.store, f"{PLACE}/{path}", body)

    def read(self) -> Inventory:
        return Bucket.at(URL, self.bucket.options, plain_http=True, inventory=LISTS).read()


@pytest.fixture
def lists(filled: bucket_server.Bucket) -> Iterator[Lists]:
    made = Lists(filled)
    yield made
    obstore.delete(made.store.store, [each.path for each in made.store.keys(f"{PLACE}/")])


def _time(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_csv(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows((at, quote_plus(key, safe="/"), *rest) for at, key, *rest in rows)
    return gzip.compress(text.getvalue().encode())


def as_parquet(rows: list[Row]) -> bytes:
    buckets, keys, sizes, times, etags = (list(column) for column in zip(*rows, strict=True))
    moments = [datetime.fromisoformat(each) for each in times]
    table = pa.table(
        {
            "bucket": buckets,
            "key": keys,
            "size": sizes,
            "last_modified_date": pa.array(moments, pa.timestamp("ms", "UTC")),
            "e_tag": etags,
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def assert_same(one: object, other: object) -> None:
    """Compare two inventories, field by field; times by the millisecond."""
    for each in fields(one):  # type: ignore[arg-type] # a dataclass
        ours, theirs = getattr(one, each.name), getattr(other, each.name)
        if each.name == "modified":
            ours, theirs = ours // 1_000_000, theirs // 1_000_000
        if isinstance(ours, np.ndarray):
            assert ours.tolist() == theirs.tolist(), each.name
        elif hasattr(ours, "__dataclass_fields__"):
            assert_same(ours, theirs)
        else:
            assert ours == theirs, each.name


def test_a_list_as_csv_says_what_the_bucket_holds(lists: Lists) -> None:
    lists.publish(as_csv(lists.rows()))

    found = lists.read()

    assert found.taken_at == CREATED / 1000
    listed = Bucket.at(URL, lists.bucket.options, plain_http=True).read()
    assert_same(replace(found, taken_at=None), listed)


def test_a_list_as_parquet_says_what_the_bucket_holds(lists: Lists) -> None:
    lists.publish(as_parquet(lists.rows()), fileFormat="Parquet", fileSchema="message s3.inventory")

    listed = Bucket.at(URL, lists.bucket.options, plain_http=True).read()
    assert_same(replace(lists.read(), taken_at=None), listed)


def test_of_a_list_of_versions_only_the_latest_count(lists: Lists) -> None:
    rows = lists.rows()
    current = [(*row, "true", "false") for row in rows]
    former = [
        (at, key, size + 1, when, "0" * 32, "false", "false") for at, key, size, when, _ in rows
    ]
    deleted = [("registry", f"{rows[0][1]}-gone", 0, rows[0][3], "", "true", "true")]
    schema = f"{SCHEMA}, IsLatest, IsDeleteMarker"
    lists.publish(as_csv([*former, *current, *deleted]), fileSchema=schema)  # type: ignore[list-item]

    listed = Bucket.at(URL, lists.bucket.options, plain_http=True).read()
    assert_same(replace(lists.read(), taken_at=None), listed)


def test_the_newest_list_counts_that_is_whole(lists: Lists) -> None:
    body = as_csv(lists.rows())
    lists.publish(body, "2026-09-20T00-00Z", creationTimestamp="1")
    lists.publish(body, "2026-09-21T00-00Z", creationTimestamp="2000")
    lists.put("2026-09-22T00-00Z/manifest.json", b"{")  # its checksum is not there yet
    lists.put("2026-09-23T00-00Z/manifest.json", b"{")
    lists.put("2026-09-23T00-00Z/manifest.checksum", b"0" * 32)

    assert lists.read().taken_at == 2.0


def test_a_list_that_cannot_be_used_is_told_with_the_reason(lists: Lists) -> None:
    with pytest.raises(Unseen, match="no S3 Inventory here"):
        lists.read()
    body = as_csv(lists.rows())
    told: list[tuple[bytes, dict[str, object], Reason, str]] = [
        (body, {"sourceBucket": "another"}, Reason.UNSUPPORTED, "bucket 'another'"),
        (body, {"fileFormat": "ORC"}, Reason.UNSUPPORTED, "CSV and Parquet"),
        (body, {"fileSchema": "Bucket, Key"}, Reason.MALFORMED, "Size, LastModifiedDate"),
        (body[:-20], {}, Reason.MALFORMED, "EOFError"),
        (gzip.compress(b'"registry","below/here/x"\n'), {}, Reason.MALFORMED, "IndexError"),
        (b"", {"fileFormat": "Parquet"}, Reason.MALFORMED, "not an S3 Inventory"),
        (body, {"files": [{"key": "nowhere"}]}, Reason.MALFORMED, "NotFound"),
        (body, {"creationTimestamp": "soon"}, Reason.MALFORMED, "ValueError"),
    ]
    for content, changed, reason, words in told:
        lists.publish(content, **changed)
        with pytest.raises(Unseen, match=words) as raised:
            lists.read()
        assert raised.value.reason is reason
