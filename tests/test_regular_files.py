from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from exporter.documents import read_regular

if TYPE_CHECKING:
    from pathlib import Path


def test_no_more_of_a_file_is_read_than_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret")

    assert read_regular(tmp_path / "file", 3) == b"sec"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_might_never_end_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)  # nobody writes into it
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")

    with pytest.raises(OSError, match="not a file"):
        read_regular(path, 3)
