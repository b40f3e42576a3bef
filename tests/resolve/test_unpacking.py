"""Is what a layer unpacks to told as a node would see it, and nothing where nodes differ?"""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.diff_ids import Unpacked
from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.resolve.unpacking import Unpacker, library
from tests.worlds import noise

zstd = library()
MIB = 1 << 20
SKIPPED = b"\x53\x2a\x4d\x18\x04\x00\x00\x00toc!"
"""A zstd frame that readers skip: zstd:chunked ends with one."""
TAR = noise("tar", 5_000)
SUMMED = {zstd.CompressionParameter.checksum_flag: 1}
PACKED = {"gzip": gzip.compress(TAR), "zstd": zstd.compress(TAR, options=SUMMED)}


def unpacked(*chunks: bytes, limit: int = 64 * MIB) -> Unpacked:
    unpacker = Unpacker(limit, lambda _: None)
    for chunk in chunks:
        more = unpacker.feed(chunk)
        while more:
            more = unpacker.feed(b"")
    return unpacker.end()


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd", "none"]), st.integers(1, 50))
def test_a_layer_unpacks_to_what_was_packed_however_it_comes(
    tar: bytes, kind: str, step: int
) -> None:
    tar = b"tar" + tar
    data = {"gzip": gzip.compress, "zstd": zstd.compress, "none": bytes}[kind](tar)

    assert unpacked(*cut(data, step)) == Unpacked(Digest.of(tar), packed=kind != "none")


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(TAR[:99]) + gzip.compress(b"") + gzip.compress(TAR[99:]),
        zstd.compress(TAR[:99]) + SKIPPED + zstd.compress(b"") + zstd.compress(TAR[99:]) + SKIPPED,
    ],
    ids=["members", "frames"],
)
def test_members_and_frames_are_read_one_after_the_other(data: bytes, step: int) -> None:
    assert unpacked(*cut(data, step)) == Unpacked(Digest.of(TAR))


@pytest.mark.parametrize("data", [b"", b"tar", b"\x1f\x8b\x07 method 7 is no gzip"])
def test_what_begins_as_neither_gzip_nor_zstd_is_taken_as_it_is(data: bytes) -> None:
    assert unpacked(data) == Unpacked(Digest.of(data), packed=False)


def member(flags: int, fields: bytes) -> bytes:
    """A gzip member with more in its header."""
    return PACKED["gzip"][:3] + bytes([flags]) + PACKED["gzip"][4:10] + fields + PACKED["gzip"][10:]


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    "data",
    [
        member(0x01, b""),
        member(0x04, b"\x03\x00SG\x00"),
        member(0x08, b"n" * 600 + b"\x00"),
        member(0x09, b"layer.tar\x00"),
    ],
    ids=["text", "extra", "name", "text and name"],
)
def test_what_the_header_of_a_member_may_hold_is_passed_over(data: bytes, step: int) -> None:
    assert unpacked(*cut(data, step)) == Unpacked(Digest.of(TAR))


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    "data",
    [
        member(0x10, b"c\x00"),
        member(0x0C, b"\x03\x00SG\x00name\x00"),
        member(0x02, (zlib.crc32(member(0x02, b"")[:10]) & 0xFFFF).to_bytes(2, "little")),
        member(0x80, b""),
        SKIPPED + zstd.compress(TAR),
    ],
    ids=["comment", "extra and name", "checksum", "reserved", "skipped first"],
)
def test_what_begins_as_only_some_nodes_read_it_is_not_judged(data: bytes, step: int) -> None:
    found = unpacked(*cut(data, step))

    assert (found.diff_id, found.reason) == (None, Reason.UNSUPPORTED)


@pytest.mark.parametrize(
    "data",
    [
        PACKED["gzip"][:-8],
        PACKED["gzip"][:-1],
        PACKED["gzip"][:-9],
        PACKED["gzip"][:9],
        PACKED["gzip"] + member(0x08, b"name\x00")[:13],
    ],
    ids=["no trailer", "half a trailer", "too close to it", "half a header", "half a name"],
)
def test_a_member_that_is_not_surely_cut_within_its_content_is_not_judged(data: bytes) -> None:
    for step in (1, 100_000):
        found = unpacked(*cut(data, step))
        assert (found.diff_id, found.reason) == (None, Reason.UNSUPPORTED)


@pytest.mark.parametrize("lost", range(1, 9))
def test_a_wrong_checksum_of_which_a_part_is_lost_is_not_judged(lost: int) -> None:
    data = PACKED["gzip"][:-8] + bytes(8)

    assert unpacked(data).reason is None
    for step in (1, 100_000):
        assert unpacked(*cut(data[:-lost], step)).reason is Reason.UNSUPPORTED


def frame(head: bytes, *blocks: bytes) -> bytes:
    """A zstd frame made by hand."""
    return b"\x28\xb5\x2f\xfd" + head + b"".join(blocks)


def block(kind: int, size: int, content: bytes, *, last: bool = False) -> bytes:
    """A block of a frame: 0 is plain, 1 is one byte repeated."""
    return (size << 3 | kind << 1 | last).to_bytes(3, "little") + content


def test_a_frame_is_read_the_same_however_it_comes() -> None:
    large = block(1, 5_000, b"x", last=True)
    data = frame(b"\x80\x10" + (5_000).to_bytes(4, "little"), large)

    for step in (1, 5, 6, 100_000):
        found = unpacked(*cut(data, step))
        assert (found.diff_id, found.reason) == (None, None), "a block larger than the window"


@pytest.mark.parametrize(
    ("kind", "lost"), [("gzip", 17), ("gzip", 2_000), ("zstd", 1), ("zstd", 4), ("zstd", 2_000)]
)
def test_what_is_cut_off_within_its_content_cannot_be_unpacked(kind: str, lost: int) -> None:
    for step in (13, 100_000):
        found = unpacked(*cut(PACKED[kind][:-lost], step))
        assert (found.diff_id, found.reason) == (None, None)
        assert found.detail == f"it ends within its {kind} stream"


@pytest.mark.parametrize("kind", PACKED)
def test_what_was_damaged_before_it_was_pushed_cannot_be_unpacked(kind: str) -> None:
    data = bytearray(PACKED[kind])
    data[-6] ^= 1
    data[-2] ^= 1

    found = unpacked(bytes(data))

    assert (found.diff_id, found.reason) == (None, None)
    assert found.detail


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("tail", [b"\x00", bytes(512), b"\x1f\x8b", b"and more"])
def test_after_the_last_member_or_frame_nodes_differ(kind: str, tail: bytes) -> None:
    for step in (1, 100_000):
        found = unpacked(*cut(PACKED[kind] + tail, step))
        assert (found.diff_id, found.reason) == (None, Reason.UNSUPPORTED)


@pytest.mark.parametrize(
    "data",
    [
        b"BZh91AY&SY and so on",
        b"\xfd7zXZ\x00\x00\x04 and so on",
        PACKED["gzip"][:3] + b"\xe0" + PACKED["gzip"][4:],
        b"".join(
            (wide := zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 30}))
            and (wide.compress(TAR), wide.flush())
        ),
    ],
    ids=["bzip2", "xz", "reserved flags", "window of a gigabyte"],
)
def test_what_some_readers_take_and_others_do_not_is_not_judged(data: bytes) -> None:
    found = unpacked(data)

    assert (found.diff_id, found.reason) == (None, Reason.UNSUPPORTED)


@pytest.mark.parametrize("kind", PACKED)
def test_a_bomb_is_not_judged_and_takes_neither_memory_nor_time_past_the_limit(kind: str) -> None:
    zeros = bytes(64 * MIB)
    bomb = gzip.compress(zeros, 9) if kind == "gzip" else zstd.compress(zeros)
    del zeros
    seen = 0

    def counted(size: int) -> None:
        nonlocal seen
        seen += size

    unpacker = Unpacker(20 * MIB, counted)
    tracemalloc.start()
    more = unpacker.feed(bomb)
    rounds = 1
    while more:
        more = unpacker.feed(b"")
        rounds += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    found = unpacker.end()
    assert (found.diff_id, found.reason) == (None, Reason.TOO_LARGE)
    assert found.detail == f"it unpacks to more than {20 * MIB} bytes"
    assert 20 * MIB < seen <= 22 * MIB
    assert rounds > 1, "others have a turn"
    assert peak < 8 * MIB


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (b"BZh9 and so on", Reason.UNSUPPORTED),
        (PACKED["gzip"] + bytes(9), Reason.UNSUPPORTED),
        (PACKED["zstd"][:-1] + bytes(9), None),
        (bytes(3 * MIB), Reason.TOO_LARGE),
    ],
    ids=["strange", "trailing", "damaged", "too large"],
)
def test_nothing_is_kept_of_a_layer_once_it_is_decided(begin: bytes, reason: Reason | None) -> None:
    unpacker = Unpacker(2 * MIB, lambda _: None)
    unpacker.feed(begin)
    piece = bytes(MIB)
    tracemalloc.start()
    assert not any(unpacker.feed(piece) for _ in range(32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * MIB
    assert (unpacker.end().diff_id, unpacker.end().reason) == (None, reason)


def test_a_layer_of_exactly_the_limit_is_told() -> None:
    assert unpacked(PACKED["gzip"], limit=len(TAR)).diff_id == Digest.of(TAR)
    assert unpacked(PACKED["gzip"], limit=len(TAR) - 1).reason is Reason.TOO_LARGE


def test_one_that_was_cut_off_leaves_nothing_for_the_next() -> None:
    unpacker = Unpacker(MIB, lambda _: None)
    unpacker.feed(PACKED["gzip"][:100])
    unpacker.begin()
    unpacker.feed(PACKED["zstd"])

    assert unpacker.end().diff_id == Digest.of(TAR)


def test_many_small_members_are_read_in_one_go() -> None:
    parts = [noise(f"file {n}", 50) for n in range(2_000)]
    data = b"".join(gzip.compress(part, 1) for part in parts)

    expected = hashlib.sha256(b"".join(parts)).hexdigest()
    assert unpacked(*cut(data, 262_144)).diff_id == f"sha256:{expected}"


def test_a_raw_deflate_stream_is_no_gzip() -> None:
    data = zlib.compress(TAR)

    assert unpacked(data) == Unpacked(Digest.of(data), packed=False)


@given(
    st.sampled_from([0, 1, 9]),
    st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY]),
    st.lists(st.sampled_from([b"tar", noise("some", 40), bytes(90)]), min_size=1, max_size=9),
    st.integers(1, 8),
)
def test_a_member_of_which_a_part_of_the_trailer_is_lost_is_never_called_broken(
    level: int, strategy: int, parts: list[bytes], lost: int
) -> None:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31, strategy=strategy)
    data = packer.compress(b"".join(parts)) + packer.flush()

    assert unpacked(data[:-lost]).reason is Reason.UNSUPPORTED
