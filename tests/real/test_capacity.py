"""Does the command say of the facts of four shards the same by DuckDB, by Spark, and from S3?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.sources.export_folder import ExportFolder
from tests.parts.needs import asset, program
from tests.parts.product import Told, run
from tests.sources.exports.registries import site
from tests.sources.exports.test_queries import in_memory
from tests.sources.storage.bucket import bucket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = pytest.mark.real

EVER = ("--max-age", "9999d")
TREE = Path(__file__).parents[2]
QUIET = (
    "--conf spark.sql.shuffle.partitions=2 --conf spark.ui.enabled=false "
    "--conf spark.ui.showConsoleProgress=false"
)
SPARK = ("--engine", "spark", "--master")
CLUSTER = "local-cluster[2,1,1024]"
"""A driver and two executors, each a process."""
SHORT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A JVM that ends after some seconds shall not compile for hours."""


async def test_spark_says_what_duckdb_and_the_graph_say(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 5)
    await here.write(ExportFolder.at(str(tmp_path / "facts"), {}), 4)
    known = await in_memory(here)
    words = ("capacity", "--facts", str(tmp_path / "facts"), *EVER, "--output", "json")

    by_duckdb = run(*words)
    by_spark = spark(*words, *SPARK, "local[2]")

    assert by_duckdb.code == 0, by_duckdb.errors
    assert by_spark.code == 0, by_spark.errors
    (told,) = json.loads(by_spark.output)["registries"]
    assert [told] == json.loads(by_duckdb.output)["registries"]
    assert told["stored"]["exclusive"] == known["exclusive"]
    assert told["stored"]["stored_bytes"] == known["stored"]
    assert told["stored"]["orphaned_bytes"] == known["orphaned"]
    assert told["seen"]["unprotected_children"] == known["unprotected"]


LATE = """
import sys
from pathlib import Path
from exporter.ports import Unseen
from exporter.sources.exports.spark import spark
with spark("local[1]", {}) as engine:
    engine.table("blobs", sys.argv[1:])
    Path(sys.argv[1]).unlink()
    try:
        engine.rows("SELECT /*+ BROADCAST(a) */ a.high FROM blobs a JOIN blobs b ON a.high = b.low")
    except Unseen as unseen:
        print(unseen)
"""


async def test_a_file_that_is_removed_while_spark_reads_it_is_told_as_that(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 8)
    await here.write(ExportFolder.at(str(tmp_path / "facts"), {}), 1)
    (file,) = (tmp_path / "facts").rglob("blobs.parquet")

    told = python_with_spark("-c", LATE, str(file))

    assert "a newer export removed it" in told.output, told.errors


def spark(*words: str, submit: str = "", variables: Mapping[str, str] | None = None) -> Told:
    """Run the command with Spark at hand; `submit` is what `spark-submit` is told besides."""
    return python_with_spark("-m", "exporter", *words, submit=submit, variables=variables)


def python_with_spark(
    *words: str, submit: str = "", variables: Mapping[str, str] | None = None
) -> Told:
    """Run Python, likewise."""
    program("java")
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{TREE}{os.pathsep}{asset('spark-4.3.0')}",
        "PYSPARK_SUBMIT_ARGS": f"{QUIET} {submit} pyspark-shell",
        "JAVA_TOOL_OPTIONS": SHORT,
    }
    command: Sequence[str] = (sys.executable, *words)
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=given | dict(variables or {}),
        timeout=3600,
    )
    return Told(done.returncode, done.stdout, done.stderr)


async def test_from_an_object_store_a_cluster_and_duckdb_say_what_a_folder_says(
    tmp_path: Path,
) -> None:
    here = site(tmp_path / "registry", 6)
    await here.write(ExportFolder.at(str(tmp_path / "facts"), {}), 4)
    with bucket(tmp_path / "s3") as store:
        await here.write(ExportFolder.at("s3://registry/facts", store.options, plain_http=True), 4)
        keys = {
            "AWS_ACCESS_KEY_ID": store.options["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": store.options["secret_access_key"],
        }
        place = ("--endpoint", store.options["endpoint"], "--region", store.options["region"])
        known = keys | dict(zip(("AWS_ENDPOINT_URL", "AWS_REGION"), place[1::2], strict=True))
        words = ("capacity", "--facts", "s3://registry/facts", *EVER)

        far = run(*words, *place, variables=keys)
        by_spark = spark(*words, *SPARK, CLUSTER, submit=with_s3(), variables=known)
        without = spark(*words, *SPARK, "local[1]", variables=known)
    near = run("capacity", "--facts", str(tmp_path / "facts"), *EVER)

    assert (far.code, far.output) == (0, near.output)
    assert (by_spark.code, by_spark.output) == (0, near.output), by_spark.errors
    assert store.options["secret_access_key"] not in by_spark.errors
    assert "exported by 4 shards" in far.output
    assert "reclaimable" in far.output
    assert (without.code, without.output) == (3, "")
    assert "Traceback" not in without.errors
    assert "give it the package org.apache.hadoop:hadoop-aws" in without.errors


def with_s3() -> str:
    """What tells Spark where its connector for S3 is."""
    return f"--jars {','.join(map(str, Path(asset('spark-s3a-3.5.0')).iterdir()))}"


async def test_it_refuses_what_is_not_whole_and_says_why(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 7)
    facts = tmp_path / "facts"
    await here.write(ExportFolder.at(str(facts), {}), 4)
    words = ("capacity", "--facts", str(facts))

    old = run(*words)
    for release in facts.glob("*/2-of-4/*.json"):
        release.unlink()
    short = run(*words, *EVER)
    unknown = run(*words, *EVER, "--registry", "nowhere")
    nothing = run("capacity", "--facts", str(tmp_path / "empty"))

    assert (old.code, short.code, unknown.code, nothing.code) == (3, 3, 3, 2)
    assert "too old" in old.output
    assert "shard 2 of 4 has no export" in short.output
    assert "no export of it found" in unknown.output
    assert "no exports found" in nothing.errors
