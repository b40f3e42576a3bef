"""The tree follows the manifests themselves, however they nest, and ends."""

from __future__ import annotations

from dataclasses import replace

from exporter.facts.proof import HEADER, LAST_BYTE, Proof, Sighting, State
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository, Tag
from exporter.publish.answers.inspect import tree as inspected
from exporter.publish.blocks import TreeNode
from tests.publish.reports import AMD64, digest

APP = Repository("app")
LAYER = Descriptor("application/vnd.oci.image.layer.v1.tar", digest("layer"), 2048)
FOREIGN = Descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar", digest("f"), 9)


def index(name: str, *below: Manifest) -> Manifest:
    links = tuple(
        Link(Kind.CHILD, Descriptor(each.media_type, each.digest, each.size, AMD64))
        for each in below
    )
    return Manifest(digest(name), OCI_INDEX, 300, links)


IMAGE = Manifest(
    digest("image"), OCI_MANIFEST, 400, (Link(Kind.LAYER, LAYER), Link(Kind.LAYER, FOREIGN))
)


def tree(
    top: Manifest, *manifests: Manifest, layer: Sighting = LAST_BYTE, sealed: bool = True
) -> TreeNode:
    root = Root(APP, Tag("v1"), top.digest, HEADER, ReferenceClass.LIVE)
    known = {each.digest: each for each in (top, *manifests)}
    sightings = {(APP, own): HEADER for own in known} | {(APP, LAYER.digest): layer}
    seals = {APP: Sealed({top.digest: (Tag("v1"),)})} if sealed else {}
    snapshot = Snapshot("r", 0.0, roots=(root,), manifests=known, sightings=sightings, sealed=seals)
    report = judge(snapshot, {})
    return inspected(report, report.tags[0]).root


def notes(node: TreeNode) -> tuple[str, ...]:
    return tuple(each.text for each in node.notes)


def count(node: TreeNode) -> int:
    return 1 + sum(map(count, node.below))


def test_a_tag_of_one_image_is_that_image_with_its_blobs() -> None:
    top = tree(IMAGE)

    assert (top.label, top.code, top.size) == ("image", IMAGE.digest, "400 B")
    assert [(each.label, each.cell.text, each.size) for each in top.below] == [
        ("layer", "ok", "2.0 KiB"),
        ("layer", "-", "9 B"),
    ]
    assert notes(top.below[1]) == ("not audited",)


def test_a_nested_index_hangs_between_the_tag_and_its_images() -> None:
    nested = index("nested", IMAGE)
    top = tree(index("top", nested), nested, IMAGE)

    (middle,) = top.below
    assert (top.label, middle.label, middle.below[0].label) == (
        "index",
        "index",
        "linux/amd64 image",
    )
    assert "not tagged directly" in notes(middle)
    assert notes(top) == ("tagged v1",)


def test_a_missing_nested_index_is_one_node_and_not_one_for_each_platform() -> None:
    nested = index("nested", IMAGE)

    assert count(tree(index("top", nested))) == 2


def test_an_index_that_lists_another_twice_at_every_level_does_not_grow_without_end() -> None:
    levels = [IMAGE]
    for depth in range(40):
        levels.append(index(f"level {depth}", levels[-1], levels[-1]))

    assert count(tree(levels[-1], *levels[:-1])) < 200


def test_what_an_index_lists_without_a_manifest_hangs_there_too() -> None:
    """BuildKit's cache: an index over blobs."""
    cache = Manifest(digest("cache"), OCI_INDEX, 300, (Link(Kind.BLOB, LAYER),))

    (blob,) = tree(cache).below
    assert (blob.label, blob.cell.text, blob.code) == ("blob", "ok", LAYER.digest)


def test_a_subject_is_no_part_of_the_tree() -> None:
    image = replace(IMAGE, links=(*IMAGE.links, Link(Kind.SUBJECT, LAYER)))

    assert [each.label for each in tree(image).below] == ["layer", "layer"]


def test_where_not_all_tags_are_known_nothing_is_said_of_protection() -> None:
    nested = index("nested", IMAGE)
    top = tree(index("top", nested), nested, IMAGE, sealed=False)

    (middle,) = top.below
    assert notes(middle) == ()
    assert not any("tag points" in note for note in notes(middle.below[0]))


def test_a_gone_layer_says_what_was_seen() -> None:
    lost = Sighting(State.BROKEN, Proof.CONFIRMED, None, "0 of 2048 bytes")

    (layer, _) = tree(IMAGE, layer=lost).below
    assert (layer.cell.text, notes(layer)) == ("BROKEN", ("0 of 2048 bytes", "confirmed twice"))
