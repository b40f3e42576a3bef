"""Apache Spark: this machine's, a site's own cluster, or one behind Spark Connect."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.exports.queries import Row

_NAME: Final = "pullproof capacity"
_ERRORS: Final = (PySparkException, Py4JError)
_CONNECTOR: Final = "org.apache.hadoop.fs.s3a.S3AFileSystem"
"""What Hadoop misses by name where nobody gave it the connector."""
_LOST: Final = "FAILED_READ_FILE.FILE_NOT_EXIST"
"""Spark's word for a file that was there when it was named; a join hides it among the causes."""
_S3A: Final = {"endpoint": "fs.s3a.endpoint", "region": "fs.s3a.endpoint.region"}


class Spark:
    """One session."""

    slice: int | None = None

    def __init__(self, session: SparkSession, options: Mapping[str, str]) -> None:
        """Ask within a session; the options are Hadoop's, of the store that is read."""
        self._session = session
        self._options = options

    def table(self, name: str, paths: Sequence[str]) -> None:
        """Give the rows of some Parquet files a name."""
        try:
            self._session.read.options(**self._options).parquet(*paths).createOrReplaceTempView(
                name
            )
        except _ERRORS as error:
            raise _unseen(error) from error

    def keep(self, name: str, query: str) -> None:
        """Give the answer to a query a name, and keep it once it was asked for."""
        try:
            self._session.sql(query).persist().createOrReplaceTempView(name)
        except _ERRORS as error:
            raise _unseen(error) from error

    def rows(self, query: str) -> Sequence[Row]:
        """Return the answer to a query."""
        try:
            return [row.asDict() for row in self._session.sql(query).collect()]
        except _ERRORS as error:
            raise _unseen(error) from error


@contextmanager
def spark(master: str | None, options: Mapping[str, str]) -> Iterator[Spark]:
    """Open a session for a while; the options are those of `Spark`.

    `master` is `local[*]`, `spark://host:7077`, `k8s://…`, `sc://host` for Spark Connect; None is
    what `spark-submit` or the site's configuration say.
    """
    builder = SparkSession.builder.appName(_NAME)
    if master and master.startswith("sc://"):
        builder = builder.remote(master)
    elif master:
        builder = builder.master(master)
    try:
        session = builder.getOrCreate()
    except _ERRORS as error:
        raise _unseen(error) from error
    try:
        yield Spark(session, options)
    finally:
        session.stop()


def s3a(options: Mapping[str, str]) -> dict[str, str]:
    """Say in Hadoop's words where an object store is that obstore has `endpoint` and `region` of.

    No credentials: those in the environment Spark hands to its workers by itself.
    """
    said = {_S3A[name]: value for name, value in options.items()}
    # A store by address has no name for each bucket; obstore asks it the same way.
    return said | ({"fs.s3a.path.style.access": "true"} if "endpoint" in options else {})


def _unseen(error: PySparkException | Py4JError) -> Unseen:
    said = error.java_exception.toString() if isinstance(error, Py4JJavaError) else str(error)
    if _CONNECTOR in said:
        detail = (
            "it has no connector for s3://: give it the package org.apache.hadoop:hadoop-aws "
            "in the version of its Hadoop, as docs/facts.md says"
        )
        return Unseen("spark", Reason.UNSUPPORTED, detail)
    if _LOST in str(error):
        detail = (
            "a file was not there when it was read: a newer export removed it, so let more of them "
            "stay (keep), or the folder is not mounted where Spark's workers run"
        )
        return Unseen("spark", Reason.UNREADABLE, detail)
    return Unseen("spark", Reason.UNREADABLE, said.partition("\n")[0])
