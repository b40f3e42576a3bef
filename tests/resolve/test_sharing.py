from __future__ import annotations

from dataclasses import replace

from exporter.oci.manifest import Descriptor, Kind, Link, Manifest, parse
from exporter.ports import Listing
from exporter.resolve.look import look
from exporter.resolve.sharing import Sharing
from tests.fakes import Fake, Notes, target
from tests.worlds import Made, image, layer, two_platforms


def read(made: Made) -> Manifest:
    return parse(made.body, made.digest)


def test_what_two_audits_read_alike_is_kept_once() -> None:
    before = read(image("app"))
    sharing = Sharing({before.digest: before})

    assert sharing.share(read(image("app"))) is before


def test_what_is_read_now_wins_over_what_was_read_before() -> None:
    now = read(image("app"))
    stale = replace(now, links=())

    assert Sharing({now.digest: stale}).share(now) == now


def test_a_layer_that_two_manifests_name_is_kept_once() -> None:
    base = layer("base")
    sharing = Sharing()

    first, second = (
        sharing.share(read(image(name, layers=(base, layer(name))))) for name in ("one", "two")
    )

    assert first.links[1] is second.links[1]
    assert second == read(image("two", layers=(base, layer("two"))))


def test_a_layer_that_the_audit_before_knew_is_shared_with_a_new_manifest() -> None:
    base = layer("base")
    old = read(image("old", layers=(base,)))
    sharing = Sharing({old.digest: old})
    sharing.share(read(image("old", layers=(base,))))

    new = sharing.share(read(image("new", layers=(base,))))

    assert new.links[1] is old.links[1]


def test_the_same_blob_as_something_else_stays_something_else() -> None:
    blob = layer("base").digest
    links = [Link(Kind.LAYER, Descriptor("layer", blob, size)) for size in (700, 7)]
    made = [replace(read(image(str(link.target.size))), links=(link,)) for link in links]
    sharing = Sharing()

    assert [sharing.share(each).links[0] for each in made] == links


async def test_a_second_look_holds_the_manifests_of_the_first() -> None:
    fake, notes = Fake(), Notes()
    fake.push(two_platforms("app"), "v1")
    first = await look(target(fake, notes), Listing(()), None, 1.0)

    second = await look(target(fake, notes), Listing(()), first, 2.0)

    assert len(first.manifests) == 3
    assert all(second.manifests[digest] is read for digest, read in first.manifests.items())


async def test_one_look_keeps_a_shared_layer_once() -> None:
    fake, base = Fake(), layer("base")
    for name in ("one", "two"):
        fake.push(image(name, layers=(base,)), name)

    seen = await look(target(fake), Listing(()), None, 1.0)

    one, two = seen.manifests.values()
    assert one.links[1] is two.links[1]
