"""What was printed when somebody last read it: `UPDATE_GOLDEN=1 pytest` writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent


def golden(name: str, text: str) -> None:
    """The text is, to the letter, what was reviewed under that name."""
    generated(_FOLDER / name, text)


def generated(path: Path, text: str) -> None:
    """The file holds exactly what the code says that it should."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.exists(), f"no {path}: UPDATE_GOLDEN=1 writes it, then read it"
    assert text == path.read_text(), f"{path.name} has drifted: UPDATE_GOLDEN=1 writes it anew"
