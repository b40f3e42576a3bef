"""Is no symbolic link ever followed, wherever one stands?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.sources.storage.filesystem import read
from tests.sources.storage.folders import REPOSITORY, gaps, is_refused, v2

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path",
    [
        "repositories/team",
        "repositories/team/app/_layers",
        "repositories/team/app/_manifests/revisions/sha256",
        "repositories/team/app/_manifests/tags/v1",
        "repositories/team/app/_manifests/tags/v1/current",
        "repositories/team/app/_manifests/tags/v1/current/link",
        "blobs",
        "blobs/sha256",
    ],
)
def test_a_symbolic_link_is_a_gap_and_is_not_followed(
    root: Path, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    inside = v2(root) / path
    outside = tmp_path_factory.mktemp("outside") / "moved"
    inside.rename(outside)
    inside.symlink_to(outside)

    inventory = read(str(root))

    assert (path, Reason.UNREADABLE) in gaps(inventory)
    assert is_refused(inventory)


@pytest.mark.parametrize("kind", ["_layers", "_manifests/revisions"])
def test_a_link_in_a_folder_that_is_a_symbolic_link_is_not_read(root: Path, kind: str) -> None:
    links = next((v2(root) / "repositories" / REPOSITORY / kind / "sha256").iterdir())
    links.rename(root / "elsewhere")
    links.symlink_to(root / "elsewhere")

    inventory = read(str(root))

    assert (str(links.relative_to(v2(root))), Reason.UNREADABLE) in gaps(inventory)


def test_a_symbolic_link_is_not_read_even_where_the_content_is_right(root: Path) -> None:
    layers = v2(root) / "repositories" / REPOSITORY / "_layers"
    link = next(layers.rglob("link"))
    link.rename(root / "elsewhere")
    link.symlink_to(root / "elsewhere")

    inventory = read(str(root))

    assert gaps(inventory) == {(str(link.relative_to(v2(root))), Reason.UNREADABLE)}


def test_a_loop_of_symbolic_links_is_a_gap(root: Path) -> None:
    (v2(root) / "repositories" / "loop").symlink_to(v2(root) / "repositories")

    inventory = read(str(root))

    assert gaps(inventory) == {("repositories/loop", Reason.UNREADABLE)}


def test_a_blob_that_is_a_symbolic_link_is_a_gap(root: Path) -> None:
    data = next((v2(root) / "blobs").rglob("data"))
    data.unlink()
    data.symlink_to("/etc/hostname")

    inventory = read(str(root))

    assert (str(data.relative_to(v2(root))), Reason.UNREADABLE) in gaps(inventory)
    assert is_refused(inventory)
