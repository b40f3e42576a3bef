"""What does the chart's README say of the values? Tables, made from the comments beside them."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tests.shipped.chart.values import CHART, values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.shipped.chart.values import Value

PAGE: Final = CHART / "README.md"

_BEGIN: Final = "<!-- Made from values.yaml: begin -->\n"
_END: Final = "<!-- Made from values.yaml: end -->\n"


def document() -> str:
    """The page with its tables as they must be."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    return before + _BEGIN + "\n" + _tables() + "\n" + _END + rest.partition(_END)[2]


def _tables() -> str:
    leaves = [leaf for value in values() for leaf in value.leaves]
    sections = groupby(leaves, key=lambda leaf: leaf.section)
    return "\n".join(_table(section, each) for section, each in sections)


def _table(section: str, leaves: Iterable[Value]) -> str:
    head = f"### {section}\n\n| key | default | meaning |\n|---|---|---|\n"
    return head + "".join(map(_row, leaves))


def _row(leaf: Value) -> str:
    default = json.dumps(leaf.default, ensure_ascii=False)
    return f"| `{'.'.join(leaf.path)}` | `{default}` | {leaf.about} |\n"
