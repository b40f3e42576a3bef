"""Which dashboards are there, and what do their files hold?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import auditor, capacity, overview, tag
from dashboards.board import Board, build

BOARDS: Final[dict[str, Board]] = {
    "overview.json": overview.BOARD,
    "tag.json": tag.BOARD,
    "capacity.json": capacity.BOARD,
    "auditor.json": auditor.BOARD,
}
"""By the name of the file, which is beside this module."""


def text(board: Board) -> str:
    """Return what a dashboard's file holds."""
    return f"{JSONEncoder(sort_keys=True, indent=2).encode(build(board))}\n"
