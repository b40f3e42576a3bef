"""Are exported by the product itself whole or not at all: on a disk, on S3, through a kill?"""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.shard import home
from exporter.facts.snapshot import Snapshot
from exporter.ports import Unseen
from exporter.sources.export_folder import ExportFolder
from tests.fakes import NOW
from tests.parts.process import until
from tests.parts.product import configure, exporter, run
from tests.parts.registry import registry
from tests.publish.exports.buckets import releases, rows
from tests.sources.storage.bucket import bucket
from tests.store.layout import encode
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def test_shards_write_each_their_own_and_a_kill_leaves_nothing_half_read(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    names = [f"team/app{at}" for at in range(8)]
    bucket = ExportFolder.at(str(folder), {})
    with registry(tmp_path / "registry") as server:
        for name in names:
            server.push(name, two_platforms(name), "latest")
        common = {
            "registries": [{"url": server.url, "name": "main", "plain_http": True}],
            "facts": {"path": str(folder), "keep": 2},
        }
        for at in (0, 1):
            with exporter(tmp_path / str(at), common | {"shard": f"{at}/2"}) as watching:
                until(lambda at=at: seen(bucket).count(at) >= 2, "two audits are kept")
                watching.audited()
                assert watching.value("pullproof_facts_last_export_timestamp_seconds") > 0
                os.kill(watching.server.process.pid, signal.SIGKILL)
                watching.server.kill()

    found, sizes = releases(bucket), bucket.sizes()
    assert set(parts(bucket)) == {0, 1}
    for release in found:
        listed = [row["repository"] for row in rows(bucket, release, "repositories")]
        assert listed == sorted(name for name in names if home(name, 2) == release.shard)
        assert {file.path: file.size for file in release.files}.items() <= sizes.items()


def seen(bucket: ExportFolder) -> list[int]:
    """The same while something is written: an old one may go between the list and the look."""
    try:
        return parts(bucket)
    except Unseen:
        return []


def parts(bucket: ExportFolder) -> list[int]:
    """The shards whose releases can be read."""
    return [release.shard for release in releases(bucket)]


def test_facts_go_to_an_object_store_and_a_store_that_fails_has_none(tmp_path: Path) -> None:
    with registry(tmp_path / "registry") as server, bucket(tmp_path / "s3") as store:
        server.push("app", two_platforms("app"), "v1", "latest")
        where = ("facts", "export", server.host, "--plain-http", "--to", "s3://registry/facts")
        keys = {
            "AWS_ACCESS_KEY_ID": store.options["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": store.options["secret_access_key"],
        }
        there = ("--endpoint", store.options["endpoint"], "--region", store.options["region"])

        told = run(*where, *there, variables=keys)
        refused = run(*where, *there, variables=keys | {"AWS_SECRET_ACCESS_KEY": "wrong"})

        assert (told.code, told.errors) == (0, "")
        facts = ExportFolder.at("s3://registry/facts", store.options, plain_http=True)
        (release,) = releases(facts)
        assert told.output.endswith(f"/0-of-1/{release.audit}.release.json\n")
        assert {row["tag"] for row in rows(facts, release, "tags")} == {"v1", "latest"}
        assert refused.code == 3
        assert "export failed" in refused.errors
        assert len(releases(facts)) == 1


def test_a_kept_snapshot_becomes_facts_too(tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "facts"
    with registry(tmp_path / "registry") as server:
        server.push("app", two_platforms("app"), "v1")
        assert run("snapshot", str(kept), server.host, "--plain-http").code == 0

    told = run("facts", "export", "--from", str(kept), "--to", str(folder))

    assert (told.code, told.errors) == (0, "")
    assert json.loads((folder / told.output.strip()).read_text())["registry"] == server.host


def test_a_registry_that_is_down_takes_no_facts_from_another(tmp_path: Path) -> None:
    folder, config, blind = tmp_path / "facts", tmp_path / "pullproof.yml", tmp_path / "blind"
    gap = Gap(Scope.REGISTRY, "down", Reason.CONNECT)
    blind.write_bytes(encode(Snapshot("down", NOW, gaps=(gap,), gone=True)))
    with registry(tmp_path / "registry") as server:
        server.push("app", two_platforms("app"), "v1")
        down = {"url": "http://127.0.0.1:1", "name": "down", "plain_http": True}
        up = {"url": server.url, "name": "up", "plain_http": True}
        configure(config, {"registries": [down, up]})

        told = run("facts", "export", "--config", str(config), "--to", str(folder))
        kept = run("facts", "export", "--from", str(blind), "--to", str(folder))

    assert (told.code, kept.code) == (3, 3)
    assert "export failed: down: connect" in told.errors
    assert "export failed: down: connect" in kept.errors
    assert [release.registry for release in releases(ExportFolder.at(str(folder), {}))] == ["up"]


def test_facts_are_of_the_shard_that_the_configuration_names(tmp_path: Path) -> None:
    folder, config = tmp_path / "facts", tmp_path / "pullproof.yml"
    where = ("facts", "export", "--config", str(config), "--to", str(folder))
    with registry(tmp_path / "registry") as server:
        server.push("app", two_platforms("app"), "v1")
        asked = {"registries": [{"url": server.url, "name": "main", "plain_http": True}]}
        configure(config, {**asked, "shard": "auto/4"})

        part = run(*where, variables={"HOSTNAME": "pullproof-3"})
        nowhere = run(*where)
        whole = run(*where, "--shard", "0/1")

    assert (part.code, nowhere.code, whole.code) == (0, 2, 0)
    assert "/3-of-4/" in part.output
    assert nowhere.errors.startswith("pullproof: shard: HOSTNAME does not end in -NUMBER")
    assert "--shard 0/1 selects the whole registry" in nowhere.errors
    assert "/0-of-1/" in whole.output
