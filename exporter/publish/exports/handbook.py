"""What does the page on the tables say? Made from the schema, so that both always agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exporter.publish.exports.schema import ORIGIN, TABLES, Column


def tables() -> str:
    """Return the chapters on the tables in docs/facts.md."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield from ("### In every table", "")
    yield from _columns(ORIGIN)
    for table in TABLES:
        yield from ("", f"### `{table.name}`", "", table.about, "")
        yield from _columns(table.columns)


def _columns(columns: Iterable[Column]) -> Iterator[str]:
    yield from ("| column | type | meaning |", "|---|---|---|")
    for each in columns:
        kind = f"{each.kind}, may be null" if each.optional else each.kind
        yield f"| `{each.name}` | {kind} | {each.about} |"
