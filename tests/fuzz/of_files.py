"""Readers of files: snapshots, references, plans, configuration, a ledger's rows, a storage."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
import zlib
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import obstore
from obstore.store import MemoryStore

from exporter.config.loading import Misconfigured, load
from exporter.config.values import ShardName
from exporter.facts.holdings import Grace
from exporter.judge.gc import link_walk as collector_name
from exporter.judge.gc.dialect import DIALECTS, ZOT, Mode
from exporter.judge.gc.simulate import simulate
from exporter.judge.judgement import judge
from exporter.judge.plans.plan import read as read_plan
from exporter.judge.storage_use import storage_use
from exporter.ports import Unseen
from exporter.publish.exports import release
from exporter.publish.web import config as web_config
from exporter.publish.web.config import server_context
from exporter.sources.references import ReferenceFile
from exporter.sources.storage import filesystem, layout
from exporter.sources.storage.archive import ImageArchive, named
from exporter.sources.storage.bucket_inventory import BucketInventory
from exporter.sources.storage.object_store import Objects
from exporter.store import manifest_cache
from exporter.store.ledger import Ledger
from exporter.store.ledger_file import connect
from tests.fakes import APP, HOST, NOW
from tests.fuzz.of_content import IMAGE, INDEX
from tests.fuzz.target import Target
from tests.parts import layout as layout_of_images
from tests.parts import tree
from tests.publish.reports import incident
from tests.store.layout import decode, encode


def _zot_storage(data: bytes) -> None:
    """Write an `index.json`, 0x1e and a manifest into a repository of zot's; read it."""
    root = _folder() / "zot"
    shutil.rmtree(root, ignore_errors=True)
    written, _, body = data.partition(b"\x1e")
    layout_of_images.write(root / "team" / "app", INDEX, "v1")
    (root / "team/app/index.json").write_bytes(written)
    if body:
        (root / layout.own_path("team/app", INDEX.digest)).write_bytes(body)
    inventory = filesystem.read(str(root))
    for mode in Mode:
        simulate(inventory, ZOT, mode)
    storage_use(inventory, (), "parent-protects", Grace(), NOW)


def _zot_seed() -> bytes:
    named = INDEX.descriptor | {"annotations": {"org.opencontainers.image.ref.name": "v1"}}
    return json.dumps({"manifests": [named]}).encode() + b"\x1e" + INDEX.body


NAME: Final = IMAGE.digest
DOCS: Final = Path(__file__).parents[2]


@cache
def _folder() -> Path:
    return Path(mkdtemp(prefix="pullproof-fuzz-"))


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _snapshot(data: bytes) -> None:
    """A snapshot's body: packed first, since no change of packed bytes leads far."""
    snapshot = decode(gzip.compress(data, 1))
    judge(snapshot, {})
    encode(snapshot)


def _packed_snapshot(data: bytes) -> None:
    decode(data)


def _lines(data: bytes) -> None:
    _uses(ReferenceFile(_file("references.txt", data)))


def _listed(data: bytes) -> None:
    _uses(ReferenceFile(_file("references.yml", data)))


def _uses(source: ReferenceFile) -> None:
    found = source.uses()
    json.dumps([str(each) for each in found.entries]).encode()
    "".join(str(gap) for gap in found.gaps).encode()


def _archive(data: bytes) -> None:
    ImageArchive.read(str(_file("image.tar", data)), docker=True)


def _packed(name: str, body: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(info, io.BytesIO(body))
    return file.getvalue()


def _plan(data: bytes) -> None:
    listed = read_plan(data.decode(errors="replace").splitlines())
    str(listed).encode()


def _config(data: bytes) -> None:
    try:
        load(_file("pullproof.yml", data), {})
    except Misconfigured as error:
        str(error).encode(errors="surrogateescape")
        raise


def _web_config(data: bytes) -> None:
    found = web_config.load(_file("web.yml", data))
    if found.tls:
        server_context(found.tls)


def _shard(data: bytes) -> None:
    text, _, host = data.decode(errors="replace").partition("\n")
    ShardName.parse(text).settled({"HOSTNAME": host})


def _release(data: bytes) -> None:
    found = release.decode(data)
    list(release.named([release.path(found)]))


def _release_path(data: bytes) -> None:
    list(release.named([data.decode(errors="replace")]))


@cache
def _ledger() -> Path:
    path = _folder() / "ledger.db"
    with Ledger(path, lambda: NOW) as kept:
        kept.keep_manifests({NAME: IMAGE.body})
    return path


_PUT: Final = "REPLACE INTO"
_HERE: Final = f"VALUES ('{HOST}',"
ROWS: Final = (
    f"{_PUT} manifests (digest, body, day) VALUES (?, ?, 1)",
    f"{_PUT} outlines (digest, outline, day) VALUES (?, ?, 1)",
    (
        f"{_PUT} contents (registry, digest, content, seal, readings)"
        f" {_HERE} ?, CAST(? AS TEXT), x'', 1)"
    ),
    f"{_PUT} mismatches {_HERE} CAST(? AS TEXT), ?, 1, '')",
    f"{_PUT} audits (registry, kept_at, snapshot, since, seal) {_HERE} 1, ?, CAST(? AS TEXT), x'')",
)


def _row(data: bytes) -> None:
    """Write two values into a row of one table, as damage would; then ask for all of them."""
    number, first, second = [*data.split(b"\x1e", 2), b"", b""][:3]
    path = _ledger()
    with Ledger(path, lambda: NOW) as kept:
        file = sqlite3.connect(path, isolation_level=None)
        try:
            file.execute(ROWS[sum(number) % len(ROWS)], (first, second))
        except sqlite3.Error:
            return
        finally:
            file.close()
        kept.manifest(NAME)
        kept.outlines([bytes.fromhex(NAME.encoded), first[:32]])
        kept.scrubbed(HOST)
        if found := kept.last(HOST):
            found.snapshot.close()


def _body(data: bytes) -> None:
    """What the ledger keeps of a manifest: packed by zlib."""
    with Ledger(None, lambda: NOW) as kept:
        kept.keep_manifests({NAME: data})
        assert kept.manifest(NAME) is None or NAME.names(data) or b"signatures" in data
    manifest_cache.unpacked_outline(bytes.fromhex(NAME.encoded), data)


def _ledger_file(data: bytes) -> None:
    path = _file("damaged.db", data)
    for beside in _folder().glob("damaged.db*"):
        if beside != path:
            beside.unlink()
    connect(path, patience=0.0).close()


def _storage(data: bytes) -> None:
    """Write files into a storage that is whole, each `path, 0x1f, content`, by 0x1e; read it."""
    root = _folder() / "storage"
    shutil.rmtree(root, ignore_errors=True)
    tree.write(root, APP, INDEX, "v1")
    for record in data.split(b"\x1e")[:8]:
        name, _, content = record.partition(b"\x1f")
        parts = [part for part in name.split(b"/") if part not in (b"", b".", b"..")][:12]
        if not parts or b"\0" in name:
            continue
        target = Path(
            root,
            "docker/registry/v2",
            *(part.decode(errors="surrogateescape")[:80] for part in parts),
        )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError:
            continue
    inventory = filesystem.read(str(root))
    for dialect in DIALECTS.values():
        for mode in Mode:
            simulate(inventory, dialect, mode)


def _bucket_inventory(data: bytes) -> None:
    """Publish a manifest and, behind 0x1e, the file that it names; read the list."""
    manifest, _, file = data.partition(b"\x1e")
    store = MemoryStore()
    checksum = hashlib.md5(manifest, usedforsecurity=False).hexdigest().encode()
    for name, content in (("manifest.json", manifest), ("manifest.checksum", checksum)):
        obstore.put(store, f"lists/2026-01-01T00-00Z/{name}", content)
    obstore.put(store, "data", file)
    found = BucketInventory.newest(Objects(store, "fuzz"), "lists", "fuzz")
    assert found.taken_at is not None
    for _ in found.keys("b", "below"):
        pass


def _lists(form: str, file: bytes) -> bytes:
    schema = "Bucket, Key, Size, LastModifiedDate, ETag"
    manifest = {
        "sourceBucket": "b",
        "creationTimestamp": "1514944800000",
        "fileFormat": form,
        "fileSchema": schema,
        "files": [{"key": "data"}],
    }
    return json.dumps(manifest).encode() + b"\x1e" + file


_LISTS: Final = (
    _lists("CSV", gzip.compress(b'"b","below/x","5","2026-01-01T00:00:00.000Z","d41d"\n')),
    _lists("Parquet", b"PAR1" + b"\0" * 16 + b"PAR1"),
)


def _link(data: bytes) -> None:
    layout.linked(data)
    text = data.decode(errors="surrogateescape")
    layout.is_digest(text)
    layout.is_part(text)
    layout.blob_fault("sha256", text[:2], text)


def _name(data: bytes) -> None:
    for dialect in DIALECTS.values():
        collector_name.refusal(data.decode(errors="surrogateescape"), dialect)


def _wire() -> bytes:
    return zlib.decompress(encode(incident().snapshot), 31)


def _read(*names: str) -> tuple[bytes, ...]:
    return tuple((DOCS / name).read_bytes() for name in names)


def _yaml(page: str) -> bytes:
    return (DOCS / page).read_text().partition("```yaml\n")[2].partition("```")[0].encode()


_REFERENCES: Final = b"""- registry.example.com/shop/cart:2.4.1
- image: registry.example.com/shop/report:7
  class: idle
  platforms: [linux/amd64]
"""
_PLAN: Final = f"""\
time="2026-01-01T00:00:00Z" level=info msg="app: marking manifest {NAME}"
INFO[0000] manifest eligible for deletion: {{app {NAME} [v1 v2]}}  service=registry
manifest eligible for deletion: {NAME}
app: layer link eligible for deletion: {NAME}
Deleting blob: /docker/registry/v2/blobs/sha256/aa/{"a" * 64}
deleting manifest: /docker/registry/v2/repositories/app/_manifests/revisions/sha256/{"a" * 64}
curl -X DELETE https://registry.example/v2/app/manifests/{NAME}
1 blobs marked, 1 blobs and 1 manifests eligible for deletion
registry.example/app:v1
Dry-run pruning of: {{"name": "{NAME}", "metadata": {{"container": {{"tags": []}}}}}}
""".encode()
_RELEASE: Final = json.dumps(
    {
        "schema": 1,
        "registry": "registry.example",
        "audit": "20260101T000000000000Z-00000000",
        "taken_at": 1.5,
        "shard": 0,
        "shards": 1,
        "whole": True,
        "files": [{"table": "t", "path": "p", "rows": 1, "size": 1, "sha256": "0" * 64}],
        "gaps": [],
    }
).encode()
_LINKS: Final = f"repositories/app/_manifests/tags/v2/current/link\x1f{INDEX.digest}".encode()
_STORED: Final = (
    _LINKS,
    f"blobs/sha256/{NAME.encoded[:2]}/{NAME.encoded}/data\x1f".encode() + IMAGE.body,
    f"repositories/app/_manifests/revisions/sha256/{NAME.encoded}/link\x1f{NAME}\x1e".encode()
    + _LINKS,
    b"repositories/app/_uploads/0-1/startedat\x1f2026-01-01T00:00:00Z\x1erepositories/a/_layers/x\x1fy",
)

TARGETS: Final = (
    Target(
        "snapshot", _snapshot, (_wire(),), ("store.snapshot_file", "oci.links"), longest=1 << 14
    ),
    Target(
        "snapshot-file",
        _packed_snapshot,
        (encode(incident().snapshot),),
        ("store.snapshot_file",),
    ),
    Target(
        "references-text",
        _lines,
        (b"registry.example/app:v1\n# x\n\xef\xbb\xbfa/b@sha256:" + b"0" * 64,),
        ("sources.references",),
        (Unseen,),
    ),
    Target(
        "references-list",
        _listed,
        (_REFERENCES, b'["a/b:c"]'),
        ("sources.references", "documents"),
        (Unseen,),
    ),
    Target(
        "plan",
        _plan,
        (_PLAN, *(line for line in _PLAN.splitlines())),
        ("judge.plans.grammar", "judge.plans.plan", "judge.plans.deletion"),
        (),
    ),
    Target(
        "configuration",
        _config,
        (
            _yaml("docs/configuration.md"),
            b"registries: [{url: 'https://r.example', scrub: {period: 30d}}]",
        ),
        ("documents", "config.values", "config.secrets"),
        (Misconfigured,),
    ),
    Target(
        "web-configuration",
        _web_config,
        _read("examples/web-config.yml"),
        ("publish.web.config",),
    ),
    Target("shard", _shard, (b"auto/4\nregistry-3", b"0/4\n"), ("config.values",)),
    Target("release", _release, (_RELEASE,), ("publish.exports.release",)),
    Target(
        "release-path",
        _release_path,
        (b"r.example/0-of-1/20260101T000000000000Z-00000000.release.json",),
        ("publish.exports.release", "publish.exports.export"),
        (),
    ),
    Target(
        "ledger-row",
        _row,
        tuple(
            bytes([at]) + b"\x1e" + bytes.fromhex(NAME.encoded) + b"\x1e" + text
            for at in range(len(ROWS))
            for text in (b"{}", zlib.compress(IMAGE.body))
        ),
        (
            "store.manifest_cache",
            "store.audits",
            "store.scrubs",
        ),
        (),
        longest=1 << 12,
    ),
    Target(
        "ledger-body",
        _body,
        (IMAGE.body, INDEX.body),
        ("store.manifest_cache",),
        (),
    ),
    Target(
        "ledger-file",
        _ledger_file,
        (b"", b"SQLite format 3\0" + bytes(84), b"text"),
        ("store.ledger_file",),
        (Unseen,),
        longest=1 << 13,
    ),
    Target(
        "storage",
        _storage,
        _STORED,
        ("sources.storage.layout", "sources.storage.folder", "facts.body"),
        (Unseen,),
        longest=1 << 13,
    ),
    Target(
        "bucket-inventory",
        _bucket_inventory,
        _LISTS,
        ("sources.storage.bucket_inventory",),
        (Unseen,),
        longest=1 << 14,
    ),
    Target(
        "image-archive",
        _archive,
        (_packed("index.json", b'{"manifests": []}'), _packed("x" * 300, b"layer")),
        ("sources.storage.archive",),
        (Unseen,),
        longest=1 << 14,
    ),
    Target("zot-storage", _zot_storage, (_zot_seed(),), ("sources.storage.zot",)),
    Target(
        "layout-index",
        lambda data: named(data, "layout"),
        (INDEX.body,),
        ("sources.storage.archive",),
        (Unseen,),
    ),
    Target(
        "link-file",
        _link,
        (str(NAME).encode(), b"sha512:" + b"0" * 128),
        ("sources.storage.layout",),
        (),
    ),
    Target(
        "collector-name",
        _name,
        (b"team/app", b"localhost:5000/a__b", b"[::1]:5/x"),
        ("judge.gc.link_walk",),
        (),
    ),
)
