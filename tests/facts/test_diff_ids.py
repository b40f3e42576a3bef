"""Which images are not what their configurations say, and what may not be held against them?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.facts.diff_ids import DiffIdMismatch, Known, Unpacked
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import HASHED, LAST_BYTE, Sighting
from exporter.facts.scrubbed import with_diff_ids
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.layers import SILENT, Rootfs
from exporter.oci.manifest import parse
from exporter.oci.reference import Place, Repository
from tests import worlds

APP = Repository("app")
ONE, TWO, OTHER = (Digest.of(name) for name in (b"one", b"two", b"other"))
FOREIGN = worlds.layer("base", media_type=worlds.FOREIGN_LAYER)
SECRET = worlds.layer("secret", media_type=f"{worlds.OCI_LAYER}+encrypted")
PLAIN = worlds.layer("plain", media_type="application/vnd.oci.image.layer.v1.tar")
GZIP = replace(PLAIN, media_type=worlds.OCI_LAYER)
IMAGE = worlds.image("app")
FIRST, SECOND = (each.digest for each in IMAGE.layers)
Facts = dict[Digest, Known]


def facts(made: worlds.Made, *found: Unpacked | None, readings: int = 2) -> Facts:
    """The image says ONE, TWO… of its layers, and they were read to be this."""
    stated = (ONE, TWO)[: len(made.layers)]
    known = zip(made.layers, found, strict=True)
    read = {layer.digest: Known(each, readings) for layer, each in known if each}
    return {made.config.digest: Known(Rootfs(stated), readings), **read}


def seen(*images: worlds.Made) -> Snapshot:
    manifests = {each.digest: parse(each.body, each.digest) for each in images}
    return Snapshot("registry", 1.0, manifests=manifests, sightings=places(APP, *images))


def places(repository: Repository, *images: worlds.Made) -> dict[Place, Sighting]:
    blobs = {(repository, blob.digest): LAST_BYTE for each in images for blob in each.blobs}
    return {(repository, each.digest): HASHED for each in images} | blobs


def diff_id_mismatches(
    made: worlds.Made, known: Facts, before: Snapshot | None = None
) -> list[DiffIdMismatch]:
    return list(with_diff_ids(seen(made), before, known).diff_id_mismatches.get(made.digest, ()))


RIGHT = Unpacked(ONE), Unpacked(TWO)


def test_an_image_whose_layers_unpack_to_what_it_says_stays_the_very_same() -> None:
    snapshot = seen(IMAGE)

    assert with_diff_ids(snapshot, None, facts(IMAGE, *RIGHT)) is snapshot


def test_a_layer_that_unpacks_to_another_diff_id_is_named_with_both() -> None:
    found = diff_id_mismatches(IMAGE, facts(IMAGE, Unpacked(ONE), Unpacked(OTHER)))

    assert found == [DiffIdMismatch(SECOND, f"unpacks to {OTHER}, its configuration says {TWO}")]


def test_layers_in_another_order_are_other_layers() -> None:
    assert len(diff_id_mismatches(IMAGE, facts(IMAGE, Unpacked(TWO), Unpacked(ONE)))) == 2


def test_a_layer_that_no_node_can_unpack_is_named_with_why() -> None:
    found = diff_id_mismatches(
        IMAGE, facts(IMAGE, Unpacked(None, "it ends within x"), Unpacked(TWO))
    )

    assert found == [DiffIdMismatch(FIRST, "cannot be unpacked: it ends within x")]


def test_one_reading_holds_nothing_against_an_image() -> None:
    assert (
        diff_id_mismatches(IMAGE, facts(IMAGE, Unpacked(OTHER), Unpacked(OTHER), readings=1)) == []
    )


def test_a_layer_without_a_diff_id_is_refused_by_every_node() -> None:
    known = facts(IMAGE, *RIGHT) | {IMAGE.config.digest: Known(Rootfs((ONE,)), 2)}

    found = diff_id_mismatches(IMAGE, known)

    assert found == [DiffIdMismatch(IMAGE.config.digest, "has 1 diff ids for 2 layers")]


def test_more_diff_ids_than_layers_are_not_judged_as_some_nodes_take_them() -> None:
    known = facts(IMAGE, *RIGHT) | {IMAGE.config.digest: Known(Rootfs((ONE, TWO, ONE)), 2)}

    after = with_diff_ids(seen(IMAGE), None, known)

    detail = "not compared: has 3 diff ids for 2 layers: nodes differ"
    subject = f"app@{IMAGE.config.digest}"
    assert after.gaps == (Gap(Scope.CONTENT, subject, Reason.UNSUPPORTED, detail),)
    assert after.diff_id_mismatches == {}


@pytest.mark.parametrize(
    "known",
    [
        {},
        facts(IMAGE, None, None),
        {**facts(IMAGE, Unpacked(OTHER), None), IMAGE.config.digest: Known(SILENT, 2)},
        {**facts(IMAGE, Unpacked(OTHER), None), IMAGE.config.digest: Known(Rootfs(()), 2)},
    ],
    ids=["nothing", "no layer", "says nothing", "says none"],
)
def test_what_was_not_read_or_says_nothing_is_no_misfit(known: Facts) -> None:
    assert diff_id_mismatches(IMAGE, known) == []


@pytest.mark.parametrize("layer", [FOREIGN, SECRET], ids=["foreign", "encrypted"])
def test_a_layer_that_is_not_known_to_be_unpacked_so_counts_and_is_not_judged(
    layer: worlds.Blob,
) -> None:
    made = worlds.image("odd", layers=(layer, IMAGE.layers[1]))

    assert diff_id_mismatches(made, facts(made, Unpacked(OTHER), Unpacked(TWO))) == []
    assert len(diff_id_mismatches(made, facts(made, Unpacked(OTHER), Unpacked(OTHER)))) == 1


@pytest.mark.parametrize(
    "made",
    [
        worlds.attestation(IMAGE),
        worlds.signature(IMAGE),
        worlds.chart("chart"),
        worlds.image("wasm", layers=(worlds.layer("x", media_type="application/wasm"),)),
        worlds.image("odd", layers=(worlds.layer("x", media_type=f"{worlds.DOCKER_LAYER}.xz"),)),
    ],
    ids=["attestation", "signature", "chart", "wasm", "no layer of docker's"],
)
def test_what_is_no_image_of_layers_is_not_compared(made: worlds.Made) -> None:
    known = {blob.digest: Known(Unpacked(OTHER), 2) for blob in made.blobs}
    known[made.config.digest] = Known(Rootfs((ONE,)), 2)

    assert diff_id_mismatches(made, known) == []


def test_what_could_not_be_unpacked_is_a_gap_and_no_verdict() -> None:
    bomb = Unpacked(None, "it unpacks to more than 9 bytes", Reason.TOO_LARGE)

    after = with_diff_ids(seen(IMAGE), None, facts(IMAGE, bomb, Unpacked(TWO)))

    detail = "not compared: it unpacks to more than 9 bytes"
    assert after.gaps == (Gap(Scope.CONTENT, f"app@{FIRST}", Reason.TOO_LARGE, detail),)
    assert after.diff_id_mismatches == {}


def test_a_packed_layer_that_is_said_to_be_plain_is_not_judged() -> None:
    made = worlds.image("plain", layers=(PLAIN,))

    assert diff_id_mismatches(made, facts(made, Unpacked(OTHER, packed=False))) != []
    after = with_diff_ids(seen(made), None, facts(made, Unpacked(OTHER)))
    assert (after.diff_id_mismatches, [gap.reason for gap in after.gaps]) == (
        {},
        [Reason.UNSUPPORTED],
    )


def test_what_was_not_compared_is_told_of_the_places_of_that_image_alone() -> None:
    plain, packed = (worlds.image(each.media_type, layers=(each,)) for each in (PLAIN, GZIP))
    both = seen(plain, packed)
    apart = replace(both, sightings=places(APP, plain) | places(Repository("other"), packed))
    known = facts(plain, Unpacked(ONE)) | facts(packed, Unpacked(ONE))

    (gap,) = with_diff_ids(apart, None, known).gaps

    assert gap.subject == f"app@{PLAIN.digest}"


WRONG = facts(IMAGE, Unpacked(OTHER), Unpacked(TWO))
HELD = with_diff_ids(seen(IMAGE), None, WRONG)


@pytest.mark.parametrize(
    "known",
    [{}, facts(IMAGE, None, None), facts(IMAGE, Unpacked(OTHER), Unpacked(TWO), readings=1)],
    ids=["forgotten", "the layer", "read once"],
)
def test_a_misfit_outlives_the_loss_of_the_scrubs_memory(known: Facts) -> None:
    assert diff_id_mismatches(IMAGE, known, HELD) == list(HELD.diff_id_mismatches[IMAGE.digest])


def test_a_misfit_ends_with_a_reading_that_fits() -> None:
    assert diff_id_mismatches(IMAGE, facts(IMAGE, *RIGHT, readings=1), HELD) == []


def test_a_misfit_ends_with_the_last_tag_on_its_image() -> None:
    other = worlds.image("other")

    assert with_diff_ids(seen(other), HELD, WRONG).diff_id_mismatches == {}
    assert replace(HELD, diff_id_mismatches={}) == seen(IMAGE)
