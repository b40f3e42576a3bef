"""A registry's folder with one image of two platforms in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts import tree
from tests.sources.storage.folders import REPOSITORY
from tests.worlds import image, index

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree.write(tmp_path, REPOSITORY, index(image("amd64"), image("arm64")), "v1")
    return tmp_path
