"""DuckDB, within this process: spills to the disk past a limit of memory."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.exports.queries import Row

_WILD: Final = re.compile(r"[\[*?]")


class Duck:
    """One connection; what is kept in it is gone when it is closed."""

    slice: int | None = 5_000_000
    """Grouped in 0.6 GB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Ask over a connection."""
        self._connection = connection

    def table(self, name: str, paths: Sequence[str]) -> None:
        """Give the rows of some Parquet files a name."""
        listed = ", ".join(map(_quoted, paths))
        # A folder may be called `size=7`: no column is read off a path. Shards of two versions may
        # differ in columns.
        read = f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
        self._ask(f"CREATE VIEW {name} AS SELECT * FROM {read}")  # noqa: S608 - quoted

    def keep(self, name: str, query: str) -> None:
        """Give the answer to a query a name, and keep it."""
        self._ask(f"CREATE TEMPORARY TABLE {name} AS {query}")

    def rows(self, query: str) -> Sequence[Row]:
        """Return the answer to a query."""
        answer = self._ask(query)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _ask(self, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(query)
        except duckdb.Error as error:
            raise Unseen("duckdb", Reason.UNREADABLE, str(error).partition("\n")[0]) from error


def _quoted(path: str) -> str:
    """Write one file's path as SQL; to DuckDB some characters of it are patterns."""
    literal = _WILD.sub(r"[\g<0>]", path).replace("'", "''")
    return f"'{literal}'"


@contextmanager
def duck(memory_limit: str, room: Path) -> Iterator[Duck]:
    """Open DuckDB for a while; `room` is a folder for what does not fit.

    Raises `Unseen` where the limit is none.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(room),
        "preserve_insertion_order": False,
    }
    try:
        connection = duckdb.connect(":memory:", config=config)
    except duckdb.Error as error:
        raise Unseen("--memory-limit", Reason.UNSUPPORTED, str(error).partition("\n")[0]) from error
    with connection:
        yield Duck(connection)
