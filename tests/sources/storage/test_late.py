"""Is what a listing did not show looked for by name, before anybody calls it missing?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from exporter.facts.body import Body
from exporter.facts.inventory import Driver, Folder, Unlinked
from exporter.facts.inventory_builder import InventoryBuilder, LinkBuilder
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.filesystem import read
from exporter.sources.storage.links import LinkTargets, add, complete
from tests.parts import tree
from tests.worlds import image

if TYPE_CHECKING:
    from pathlib import Path

_INDEX, _CHILD, _LEAF = (f"sha256:{each * 64}" for each in "abc")
_LISTS = {_INDEX: (_CHILD,), _CHILD: (_LEAF,)}


def _completed(known: LinkTargets, tagged: list[str], linked: set[str]) -> dict[str, object]:
    def look(algorithm: str, encoded: str) -> str | Unlinked:
        digest = f"{algorithm}:{encoded}"
        return digest if digest in linked else Unlinked.ABSENT

    complete(known, tagged, lambda digest: _LISTS.get(digest, ()), look)
    return {f"{kind}:{name}": to for kind, links in known.items() for name, to in links.items()}


def test_children_of_children_that_a_listing_did_not_show_are_found() -> None:
    known: LinkTargets = {"sha256": {_INDEX[7:]: _INDEX}}

    found = _completed(known, [], {_CHILD, _LEAF})

    assert found == {each: each for each in (_INDEX, _CHILD, _LEAF)}


def test_a_tags_manifest_that_a_listing_did_not_show_is_found_with_its_children() -> None:
    assert set(_completed({}, [_INDEX], {_INDEX, _CHILD})) == {_INDEX, _CHILD}


def test_what_is_not_there_at_the_second_look_either_is_not_made_up() -> None:
    known: LinkTargets = {"sha256": {_INDEX[7:]: _INDEX}}

    assert set(_completed(known, [_LEAF], set())) == {_INDEX}


def test_links_are_added_in_the_order_of_their_paths() -> None:
    links = LinkBuilder()

    add({"sha256": {"b" * 64: _INDEX, "a" * 64: _INDEX}}, links)

    assert links.paths.rows().tolist() == [b"\xaa" * 32, b"\xbb" * 32]
    assert links.differing == {1: _INDEX}


def test_a_blob_that_came_after_the_listing_is_not_missing() -> None:
    builder = InventoryBuilder(Driver.FILESYSTEM)
    builder.revisions.add("sha256", [_INDEX[7:]])
    builder.close("app", Folder.MANIFESTS | Folder.REVISIONS)
    builder.manifests.add(_INDEX, Body((_CHILD, "../no digest"), is_index=True))
    asked: list[str] = []

    def look(digest: str) -> tuple[int, int] | None:
        asked.append(digest)
        return (5, 7) if digest == _CHILD else None

    inventory = ReadContext(builder).inventory(look)

    number = inventory.digests.number
    assert asked == [_INDEX, _CHILD]
    assert (inventory.sizes[number(_CHILD)], inventory.modified[number(_CHILD)]) == (5, 7)
    assert inventory.sizes[number(_INDEX)] < 0


def test_a_second_look_that_failed_is_a_gap_and_proves_nothing(tmp_path: Path) -> None:
    made = image("app")
    tree.write(tmp_path, "app", made, "v1")
    bucket = tree.data(tmp_path, made.config.digest).parents[1]
    shutil.rmtree(bucket)
    bucket.write_bytes(b"no folder, so nothing in it can be looked at")

    inventory = read(str(tmp_path))

    assert inventory.sizes[inventory.digests.number(made.config.digest)] < 0
    assert [gap.detail for gap in inventory.blind] == ["Not a directory"]


def test_a_text_that_is_no_digest_is_never_looked_for() -> None:
    asked: list[str] = []

    def look(algorithm: str, encoded: str) -> str | Unlinked:
        asked.append(f"{algorithm}:{encoded}")
        return Unlinked.ABSENT

    complete({}, ["..:../etc", _LEAF], lambda _: (), look)

    assert asked == [_LEAF]
