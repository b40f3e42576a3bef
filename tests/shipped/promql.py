"""What does an expression ask for, and inside what? Parsed as Prometheus would parse it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import promql_parser as promql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RATE_INTERVAL: Final = "$__rate_interval"
_FILLED: Final = {RATE_INTERVAL: "4m", "$__range": "1h", "$__interval": "1m"}
"""Where a duration stands: the parser knows no variables there."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector of series, and where it stands."""

    name: str
    matchers: frozenset[tuple[str, str, str]]
    """Label, operator, value."""
    around: tuple[str, ...]
    """Functions and aggregations around it, from outside in; `set` right of a set operator."""
    ranged: float | None
    """Seconds, where it is a range."""

    @property
    def counter(self) -> bool:
        """Does its name say that it only grows?"""
        return self.name.endswith(("_total", "_bucket", "_sum", "_count"))


def filled(expression: str, values: Mapping[str, str] = _FILLED) -> str:
    """Put values in the place of variables, the longest name first."""
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(name, values[name])
    return expression


def selectors(expression: str) -> list[Selector]:
    """Every selector of an expression. Raises ValueError where it does not parse."""
    return list(_walk(promql.parse(filled(expression)), ()))


_SETS: Final = {"and", "unless"}


def _walk(node: Any, around: tuple[str, ...]) -> Iterator[Selector]:
    match node:
        case promql.VectorSelector():
            yield _selector(node, around, None)
        case promql.MatrixSelector():
            yield _selector(node.vector_selector, around, node.range.total_seconds())
        case promql.AggregateExpr():
            yield from _walk(node.expr, (*around, "aggregation"))
        case promql.BinaryExpr():
            yield from _walk(node.lhs, around)
            only_filters = str(node.op) in _SETS
            yield from _walk(node.rhs, (*around, "set") if only_filters else around)
        case promql.Call():
            for argument in node.args:
                yield from _walk(argument, (*around, node.func.name))
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _walk(node.expr, around)


def _selector(node: Any, around: tuple[str, ...], ranged: float | None) -> Selector:
    matchers = frozenset(
        (each.name, _OPERATORS[str(each.op)], each.value) for each in node.matchers.matchers
    )
    return Selector(node.name or "", matchers, around, ranged)


_OPERATORS: Final = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}
