"""What was printed when somebody last read it: `UPDATE_GOLDEN=1 pytest` writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent


def golden(name: str, text: str) -> None:
    """The text is, to the letter, what was reviewed under that name."""
    path = _FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.exists(), f"no {path}: read the output, then UPDATE_GOLDEN=1"
    assert text == path.read_text()
