"""Apache Spark: this machine's, a site's own cluster, or one behind Spark Connect."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from exporter.facts.gap import Reason
from exporter.sources import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.sources.lake.questions import Row

_NAME: Final = "pullproof capacity"


class Spark:
    """One session."""

    slice: int | None = None

    def __init__(self, session: SparkSession) -> None:
        """Ask within a session."""
        self._session = session

    def table(self, name: str, paths: Sequence[str]) -> None:
        """Give the rows of some Parquet files a name."""
        try:
            self._session.read.parquet(*paths).createOrReplaceTempView(name)
        except PySparkException as error:
            raise _unseen(error) from error

    def keep(self, name: str, query: str) -> None:
        """Give the answer to a query a name, and keep it once it was asked for."""
        try:
            self._session.sql(query).persist().createOrReplaceTempView(name)
        except PySparkException as error:
            raise _unseen(error) from error

    def rows(self, query: str) -> Sequence[Row]:
        """Return the answer to a query."""
        try:
            return [row.asDict() for row in self._session.sql(query).collect()]
        except PySparkException as error:
            raise _unseen(error) from error


@contextmanager
def spark(master: str | None) -> Iterator[Spark]:
    """Open a session for a while.

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
    except PySparkException as error:
        raise _unseen(error) from error
    try:
        yield Spark(session)
    finally:
        session.stop()


def _unseen(error: PySparkException) -> Unseen:
    return Unseen("spark", Reason.UNREADABLE, str(error).partition("\n")[0])
