"""A snapshot comes back as it went, and nothing else is taken for one."""

from __future__ import annotations

import base64
import gc
import gzip
from dataclasses import fields
from io import BytesIO, UnsupportedOperation
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import HEADER
from exporter.facts.snapshot import Sealed, Snapshot
from exporter.facts.use import Use
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Repository, Tag
from exporter.store import snapshot_file
from exporter.store.snapshot_file import VERSION
from tests.publish.reports import incident
from tests.store.layout import decode, encode, laid_out, packed, start
from tests.store.random_snapshots import snapshots, uses

OLDER = """
H4sIAAAAAAAEA5u8qaA0J6egKD8/TaE4L7GgOCO/hOkOg8iGotT0zOKSokq91IrE3IKc1NOOt6rU
ORgYGJbml+elpiwvzcvOA7IOHWlQn3p081PZhc8i7twxKEr2SZzDcb1jwdXFadf03U7PWnth+67S
2pYjSYudNTwilMQif0gfFUpPWsTmHcnz/9s1i4DrAXprcuQWr3+eod6w4sPCc2c3brJ4/TrQ5dle
y8vHJ5f9N0tn4RO4qb5VfKeeWt+eCbME78R2MZxOm/pEZ8kUo98afGLcDRMnL83JzCutWJqYm2Jm
smDy1OUFRanFqXklSzJSE1MOLDiAJJBYnIEssDInsbhEN6myJBUoOmHi9MWJBQWLygwZGJbkZJal
TmSYMHEqA8NZJu3J05cl5+elZaYzMp55f+DAoelLcxIrU4uYmM4yRSJxmc8yRQG5hyZOBhk0hYGR
iXkKIxMTUyMjA9CVILGJDBMnAi2YOG9VUWpasV5lbo6VIUZYQ11xAOaIAxMYDiyYMGHyTS2gCTmZ
yYklmfl5+mV5KXr5yZl6mbmJ6al6uYl5mWmpxSV6ZYbaWcX5eTc1cKuFeAWuUhu3SrAvgQr1ShKL
tNOrMgsmAABt+NtuMQIAAA==
"""
"""As version 2 wrote one."""


@given(snapshots)
def test_every_snapshot_comes_back_as_it_went(snapshot: Snapshot) -> None:
    assert decode(encode(snapshot)) == snapshot


@pytest.mark.parametrize(("strategy", "kind"), [(snapshots, Snapshot), (uses, Use)])
def test_the_property_varies_every_field(strategy: Any, kind: type) -> None:
    varied = strategy.wrapped_strategy.kwargs

    assert set(varied) == {field.name for field in fields(kind)}


def test_what_comes_back_are_digests_and_not_mere_text() -> None:
    snapshot = decode(encode(incident().snapshot))

    assert all(isinstance(digest, Digest) for digest in snapshot.manifests)
    assert all(isinstance(digest, Digest) for _, digest in snapshot.sightings)


def test_a_digest_that_many_facts_name_comes_back_once() -> None:
    snapshot = decode(encode(incident().snapshot))
    own = {digest: digest for digest in snapshot.manifests}

    named = [root.digest for root in snapshot.roots]
    assert all(own.get(digest, digest) is digest for digest in named)
    assert all(root.digest is own[root.digest] for root in snapshot.roots if root.digest in own)


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert encode(incident().snapshot) == encode(incident().snapshot)


def test_rows_that_would_be_too_long_are_cut_and_come_back_whole() -> None:
    repository, digest = Repository("app"), Digest.of(b"")
    tags = tuple(Tag(f"v{number}") for number in range(30_001))
    seen = {(repository, Digest.of(tag.encode())): HEADER for tag in tags}
    snapshot = Snapshot("r", 1.0, sightings=seen, sealed={repository: Sealed({digest: tags})})

    assert decode(encode(snapshot)) == snapshot


def test_what_packs_far_better_than_a_reader_would_believe_is_stored_unpacked() -> None:
    gap = Gap(Scope.REGISTRY, "r", Reason.DNS, "x" * 10_000_000)
    snapshot = Snapshot("r", 1.0, gaps=(gap, gap))

    assert decode(encode(snapshot)) == snapshot


def test_a_large_snapshot_is_written_and_read_in_pieces() -> None:
    random = Random(0)  # noqa: S311 - no secret
    texts = (random.randbytes(5_000).hex() for _ in range(600))
    gaps = tuple(Gap(Scope.REGISTRY, "r", Reason.DNS, text) for text in texts)
    snapshot = Snapshot("r", 1.0, gaps=gaps)
    pieces = list(snapshot_file.encode(snapshot))
    stream = Piecemeal(pieces)

    assert len(pieces) > 5
    assert max(len(gzip.decompress(each)) for each in pieces) < 2 * 2**20
    assert snapshot_file.decode(stream) == snapshot
    assert stream.longest < 2**20


class Piecemeal(BytesIO):
    """A file that nobody can seek in, such as a pipe, and how much of it was asked for at once."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__(b"".join(pieces))
        self.longest = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0, "it is read as a whole"
        self.longest = max(self.longest, size)
        return super().read(size)

    def seek(self, *_: int) -> int:
        raise UnsupportedOperation


def test_what_unpacks_to_far_more_than_any_snapshot_is_refused_in_the_middle() -> None:
    gap = ("gaps", {"scope": "registry", "subject": "r", "reason": "dns", "detail": "x" * 10**6})

    with pytest.raises(Malformed, match="unpacks to more than 8 times its size"):
        decode(packed([*ROWS, *[gap] * 100]))


def test_an_older_version_is_refused_by_its_number_and_with_the_way_out() -> None:
    said = f"^a pullproof snapshot of version 2, but this release reads version {VERSION}: take"

    with pytest.raises(Malformed, match=said):
        decode(base64.b64decode(OLDER))


def test_a_later_version_is_refused_likewise() -> None:
    later = gzip.compress(start(VERSION + 1) + b"layout of tomorrow")

    with pytest.raises(Malformed, match=rf"version {VERSION + 1}, .*version {VERSION}: .*new one"):
        decode(later)


ROWS = laid_out(encode(incident().snapshot))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not a pullproof snapshot"),
        (b"not gzip at all", "Not a gzipped file"),
        (gzip.compress(b"[1, 2]", mtime=0), "not a pullproof snapshot"),
        (gzip.compress(b"", mtime=0), "not a pullproof snapshot"),
        (packed(ROWS)[:-20], "ended before"),
        (packed(ROWS) + b"more", "Not a gzipped file"),
        (gzip.compress(start() + b"\x00\x00", mtime=0), "0 bytes"),
        (gzip.compress(start() + b"\x00\x00\x00\x09\x92", mtime=0), "truncated"),
        (packed([]), "registry is missing"),
        (packed([("registry", "r")]), "taken_at is missing"),
        (packed([*ROWS, ("recipe", "soup")]), "field 'recipe'"),
        (packed([*ROWS, "gaps"]), "Expected `array`"),
    ],
)
def test_what_is_no_snapshot_is_refused_with_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        decode(body)


DIGEST = b"\x00" * 32
DESCRIPTOR = {"media_type": "m", "digest": DIGEST, "size": 1}
MANIFEST = {"digest": DIGEST, "media_type": "m", "size": 1, "links": []}
ROOT = {"repository": "app", "tag": "v1", "digest": None, "reference_class": "live"} | {
    "sighting": {"state": "present"}
}
REFERENCE = {"registry": "r.example", "repository": "app"}
USE = {"owner": "me", "reference": REFERENCE, "reference_class": "live"}
NOWHERE = {"os": "linux", "architecture": "\x1b[31m"}


@pytest.mark.parametrize(
    ("field", "row", "message"),
    [
        ("registry", "red\x1b[31m", "registry: not a registry's name"),
        ("registry", "moc.elpmaxe\u202e", "not a registry's name"),
        ("registry", "", "not a registry's name"),
        ("taken_at", float("nan"), "taken_at: not a time: nan"),
        ("taken_at", float("inf"), "not a time"),
        ("taken_at", 1e12, "not a time"),
        ("taken_at", -1e18, "not a time"),
        ("collector", "distribution-4", "Invalid enum value"),
        ("platforms", [NOWHERE], "not a platform"),
        ("platforms", [{"os": "linux", "architecture": "x86_64"}], "not a normalized platform"),
        ("roots", ROOT | {"repository": "Not A Repository"}, "roots: not a repository name"),
        ("roots", ROOT | {"tag": "-"}, "not a tag"),
        ("roots", ROOT | {"digest": b"\x00" * 33}, "not a sha256 or sha512 digest"),
        ("roots", ROOT | {"digest": ["sha256"]}, "digest"),
        ("roots", ROOT | {"digest": "sha256:" + "0" * 64}, "digest"),
        ("roots", ROOT | {"sighting": {"state": "present", "seen_at": 1e300}}, "not a time"),
        ("roots", ROOT | {"admitted": [NOWHERE]}, "not a platform"),
        ("manifests", MANIFEST | {"size": -1}, "not a count"),
        ("manifests", MANIFEST | {"size": 2**63}, "not a count"),
        ("manifests", MANIFEST | {"links": [{"kind": "layer", "target": {}}]}, "required field"),
        (
            "manifests",
            MANIFEST | {"links": [{"kind": "layer", "target": DESCRIPTOR | {"size": -2}}]},
            "not a count",
        ),
        ("sightings", [{"state": "present"}, "UPPER", [DIGEST]], "not a repository"),
        ("sightings", [{"state": "present"}, "app", [b""]], "digest"),
        ("sealed", ["app", DIGEST, ["a b"]], "not a tag"),
        ("listed", ["app", -1], "not a count"),
        ("listed", ["app\n", 1], "not a repository"),
        ("config_platforms", [DIGEST, NOWHERE], "not a platform"),
        ("uses", USE | {"reference": REFERENCE | {"registry": "r.example/x"}}, "registry host"),
        ("uses", USE | {"next_run": float("-inf")}, "not a time"),
        ("uses", USE | {"alive": 2**64 - 1}, "not a count"),
        ("admissions", {"login": "l", "repository": "..", "admitted": None}, "not a repository"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_field(
    field: str, row: object, message: str
) -> None:
    with pytest.raises(Malformed, match=message):
        decode(packed([*ROWS, (field, row)]))


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_malformed(body: bytes) -> None:
    for each in (body, gzip.compress(body), gzip.compress(start() + body)):
        with pytest.raises(Malformed):
            decode(each)


@pytest.mark.parametrize("name", ["gaps", "roots", "nothing"])
def test_what_is_nested_too_deep_is_refused(name: str) -> None:
    deep = msgspec.Raw(b"\x91" * 500_000 + b"\xc0")
    hidden = msgspec.Raw(b"\x81\xa1x" + deep)

    for row in (deep, hidden):
        with pytest.raises(Malformed):
            decode(packed([*ROWS, (name, row)]))


def test_the_search_for_cycles_goes_on_afterwards() -> None:
    decode(encode(incident().snapshot))
    assert gc.isenabled()

    with pytest.raises(Malformed):
        decode(packed([]))
    assert gc.isenabled()
