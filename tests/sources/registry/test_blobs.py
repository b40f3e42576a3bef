from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, BlobRead, Unseen, Wrong
from exporter.sources.registry.credentials import FixedLogin, Login
from exporter.sources.registry.messages import Response as Received
from exporter.sources.registry.responses import check_content, check_transfer, check_whole
from tests.parts.http import CLOSED, RESET, Answer, Asked, serving
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Final = Repository("app")
BODY: Final = bytes(range(250)) * 4
SIZE: Final = len(BODY)
BLOB: Final = Descriptor("application/octet-stream", Digest.of(BODY), SIZE)
UNSIZED: Final = replace(BLOB, size=None)
DENIED: Final = Answer(404, json.dumps({"errors": [{"code": "BLOB_UNKNOWN"}]}).encode())

Server = "Callable[[Asked], Answer]"


LAST: Final = f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE}"


def part(body: bytes = BODY[-1:], said: str = LAST, encoded: str = "identity") -> Answer:
    headers = {"Content-Range": said, "Content-Encoding": encoded}
    return Answer(206, body, headers, announced=1)


def content(read: BlobRead | Absent | Wrong) -> bytes | Absent | Wrong:
    return read.content if isinstance(read, BlobRead) else read


async def last_byte(answer: Answer, blob: Descriptor = BLOB) -> bytes | Absent | Wrong:
    with serving(lambda _: answer) as url:
        async with registry_at(url) as registry:
            return content(await registry.read(APP, blob))


async def suspected(
    first: Answer, whole: Answer, blob: Descriptor = BLOB
) -> bytes | Absent | Wrong:
    """Read a last byte where the ranged request gets the first answer, a plain one the second."""
    with serving(lambda asked: first if "Range" in asked.headers else whole) as url:
        async with registry_at(url) as registry:
            return content(await registry.read(APP, blob))


async def whole(answer: Answer, blob: Descriptor = BLOB) -> bytes | Absent | Wrong:
    with serving(lambda _: answer) as url:
        async with registry_at(url) as registry:
            return content(await registry.read(APP, blob, whole=True))


async def test_the_last_byte_is_asked_for_by_range_and_uncompressed() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return part()

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.read(APP, BLOB) == BlobRead(BODY[-1:])

    (only,) = asked
    assert (only.method, only.target) == ("GET", f"/v2/app/blobs/{BLOB.digest}")
    assert only.headers["Range"] == "bytes=999-999"
    assert only.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("came", [0, 1, SIZE - 1])
async def test_a_206_that_delivers_nothing_is_wrong_where_the_whole_is_cut_too(came: int) -> None:
    cut = Answer(200, BODY[:came], announced=SIZE)

    assert await suspected(part(b""), cut) == Wrong(f"{came} of 1000 bytes")


SUSPECT: Final = {
    "206 without a byte": part(b""),
    "206 of a shorter blob": part(said=f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE - 1}"),
    "206 of a longer blob": part(said=f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE + 1}"),
    "416 of a shorter blob": Answer(416, b"", {"Content-Range": "bytes */7"}),
    "200 for the part": Answer(200, BODY[-1:]),
    "200 of no length": Answer(200, b""),
    "404 for the part": DENIED,
}
"""Answers to a request for the last byte that suggest a loss, and prove none."""


@pytest.mark.parametrize("first", SUSPECT.values(), ids=SUSPECT)
async def test_what_headers_suggest_the_bytes_disprove(first: Answer) -> None:
    assert await suspected(first, Answer(200, BODY)) == BODY[-1:]
    assert await suspected(first, Answer(200, BODY, announced=SIZE + 9)) == BODY[-1:]


async def test_where_a_ranged_request_may_restore_a_blob_a_denial_is_left_to_the_next_look() -> (
    None
):
    """zot links a lost blob from another repository when a part of it is requested."""
    asked: list[str] = []

    def answer(request: Asked) -> Answer:
        if request.target == "/v2/":
            return Answer(200, headers={"Access-Control-Allow-Headers": "X-ZOT-API-CLIENT"})
        asked.append(request.method)
        return DENIED if "Range" in request.headers else Answer(200, BODY)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.ping()
            assert await registry.read(APP, BLOB) == Absent("BLOB_UNKNOWN")
    assert asked == ["GET"]


@pytest.mark.parametrize("first", SUSPECT.values(), ids=SUSPECT)
async def test_what_headers_suggest_the_bytes_prove(first: Answer) -> None:
    other = BODY[:-1] + b"!"

    assert await suspected(first, Answer(200, BODY[:7])) == Wrong("7 of 1000 bytes")
    assert await suspected(first, Answer(200, BODY + b"!")) == Wrong("more than 1000 bytes")
    assert await suspected(first, Answer(200, other)) == Wrong(
        f"hashes to {Digest.of(other)}", mismatch=True
    )
    assert await suspected(first, DENIED) == Absent("BLOB_UNKNOWN")


@pytest.mark.parametrize("first", SUSPECT.values(), ids=SUSPECT)
@pytest.mark.parametrize("second", [Answer(500), Answer(206, BODY), Answer(404), RESET], ids=repr)
async def test_what_headers_suggest_is_unknown_where_no_bytes_come(
    first: Answer, second: Answer
) -> None:
    with pytest.raises(Unseen):
        await suspected(first, second)


@pytest.mark.parametrize("stated", [0, 1, SIZE - 1])
async def test_a_body_that_goes_on_past_its_content_length_is_not_short(stated: int) -> None:
    for blob in (BLOB, UNSIZED):
        with pytest.raises(Unseen):
            await last_byte(Answer(200, BODY, announced=stated), blob)
        with pytest.raises(Unseen):
            await whole(Answer(200, BODY, announced=stated), blob)


async def test_a_206_that_announces_no_byte_proves_nothing() -> None:
    with pytest.raises(Unseen):
        await suspected(replace(part(b""), announced=0), Answer(200, b"", announced=SIZE))


async def test_a_content_length_that_is_too_large_proves_nothing() -> None:
    large = Answer(200, BODY, announced=2**50)

    assert await last_byte(large) == BODY[-1:]
    assert await whole(large) == BODY


async def test_a_200_that_delivers_nothing_is_wrong() -> None:
    assert await last_byte(Answer(200, b"", announced=SIZE)) == Wrong("0 of 1000 bytes")


async def test_a_server_that_ignores_ranges_is_counted() -> None:
    answer = await last_byte(Answer(200, BODY))

    assert isinstance(answer, bytes)
    assert answer[-1:] == BODY[-1:]


async def test_a_denial_that_comes_as_success_is_no_short_blob() -> None:
    with pytest.raises(Unseen) as raised:
        await last_byte(replace(DENIED, status=200))

    assert raised.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("announced", [SIZE, SIZE - 1])
async def test_a_whole_answer_that_is_shorter_is_wrong(announced: int) -> None:
    assert await last_byte(Answer(200, BODY[:-1], announced=announced)) == Wrong(
        "999 of 1000 bytes"
    )


@pytest.mark.parametrize("announced", [SIZE + 1, SIZE + 9])
async def test_a_whole_answer_that_is_longer_is_wrong(announced: int) -> None:
    longer = Answer(200, BODY + b"!", announced=announced)

    assert await last_byte(longer) == Wrong("more than 1000 bytes")


async def test_bytes_that_all_came_are_hashed() -> None:
    other = BODY[:-1] + b"!"

    assert await last_byte(Answer(200, other)) == Wrong(
        f"hashes to {Digest.of(other)}", mismatch=True
    )
    assert await last_byte(Answer(200, other), UNSIZED) == Wrong(
        f"hashes to {Digest.of(other)}", mismatch=True
    )
    assert await last_byte(Answer(200, BODY), UNSIZED) == BODY[-1:]


async def test_an_unknown_total_still_proves_the_last_byte() -> None:
    assert await last_byte(part(said=f"bytes {SIZE - 1}-{SIZE - 1}/*")) == BODY[-1:]


@pytest.mark.parametrize(
    "answer",
    [
        part(said=f"bytes 0-0/{SIZE}"),
        part(said=f"bytes 0-{SIZE - 1}/{SIZE}"),
        part(said="bytes 5-5/*"),
        part(said="items 1-1/1"),
        Answer(206, b"x"),
        Answer(206, b"xx", {"Content-Range": f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE}"}),
        Answer(206, b"--x", {"Content-Type": "multipart/byteranges; boundary=x"}),
        replace(part(), announced=SIZE + 1),
        part(said=f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE + 9}", encoded="gzip"),
    ],
)
async def test_another_part_than_the_one_asked_for_proves_nothing(answer: Answer) -> None:
    with pytest.raises(Unseen) as raised:
        await last_byte(answer)

    assert raised.value.reason is Reason.NOT_A_REGISTRY


@pytest.mark.parametrize("said", ["", "bytes */7", f"bytes */{SIZE}", "bytes */x"])
async def test_a_range_refused_is_asked_for_whole(said: str) -> None:
    def answer(request: Asked) -> Answer:
        if "Range" in request.headers:
            return Answer(416, b"", {"Content-Range": said})
        return Answer(200, BODY)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert isinstance(await registry.read(APP, BLOB), BlobRead)


async def test_a_range_refused_for_somebodys_page_is_asked_for_whole() -> None:
    page = {"Content-Range": "bytes */7", "Content-Type": "text/html"}

    with pytest.raises(Unseen) as raised:
        await last_byte(Answer(416, b"<html>!", page))

    assert raised.value.reason is Reason.NOT_A_REGISTRY


async def test_a_last_byte_that_a_store_keeps_encoded_is_there() -> None:
    assert await last_byte(part(encoded="aws-chunked")) == BODY[-1:]


async def test_a_registrys_denial_is_absence() -> None:
    assert await last_byte(DENIED) == Absent("BLOB_UNKNOWN")
    assert await whole(DENIED) == Absent("BLOB_UNKNOWN")


@pytest.mark.parametrize(("size", "word"), [(None, "-1"), (1, "0-0")])
async def test_without_a_size_the_last_byte_is_asked_for_from_the_end(
    size: int | None, word: str
) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return part(b"x", "bytes 0-0/1")

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert content(await registry.read(APP, replace(BLOB, size=size))) == b"x"

    assert asked[0].headers["Range"] == f"bytes={word}"


async def test_without_a_size_nothing_delivered_is_wrong() -> None:
    cut = Answer(200, b"", announced=5)

    assert await suspected(part(b""), cut, UNSIZED) == Wrong("0 of some bytes")
    assert await last_byte(cut, UNSIZED) == Wrong("0 of some bytes")


async def test_without_a_size_another_part_than_the_last_proves_nothing() -> None:
    with pytest.raises(Unseen):
        await last_byte(part(b"x", "bytes 3-3/10"), UNSIZED)


async def test_a_blob_of_no_bytes_is_there_when_the_registry_says_so() -> None:
    empty = Descriptor("application/octet-stream", Digest.of(b""), 0)

    assert await last_byte(Answer(200, b""), empty) == b""
    assert await last_byte(DENIED, empty) == Absent("BLOB_UNKNOWN")
    assert await last_byte(Answer(200, b"!"), empty) == Wrong("more than 0 bytes")


async def test_only_the_digest_of_nothing_may_name_no_bytes() -> None:
    assert await last_byte(Answer(200, b""), replace(BLOB, size=0)) == Wrong(
        "no content of 0 bytes has this digest"
    )


async def test_a_configuration_is_read_to_the_end_and_hashed() -> None:
    assert await whole(Answer(200, BODY)) == BODY
    assert await whole(Answer(200, BODY), UNSIZED) == BODY


async def test_a_configuration_with_other_bytes_is_wrong() -> None:
    other = BODY[:-1] + b"!"

    assert await whole(Answer(200, other)) == Wrong(f"hashes to {Digest.of(other)}", mismatch=True)
    assert await whole(Answer(200, BODY[:9])) == Wrong("9 of 1000 bytes")
    assert await whole(Answer(200, BODY[:9], announced=SIZE)) == Wrong("9 of 1000 bytes")


async def test_a_large_blob_is_not_read_whole() -> None:
    with pytest.raises(Unseen) as raised:
        await whole(Answer(200, BODY), replace(BLOB, size=2**40))

    assert raised.value.reason is Reason.TOO_LARGE


async def test_a_heads_claim_is_repeated_as_a_claim() -> None:
    with serving(lambda _: Answer(200, announced=SIZE)) as url:
        async with registry_at(url) as registry:
            assert await registry.stat(APP, BLOB) == SIZE


async def test_a_404_to_head_is_absent_only_when_get_signs_it() -> None:
    def answer(request: Asked) -> Answer:
        return Answer(404) if request.method == "HEAD" else DENIED

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.stat(APP, BLOB) == Absent("BLOB_UNKNOWN")


async def test_a_registry_without_head_claims_nothing() -> None:
    def answer(request: Asked) -> Answer:
        return Answer(405) if request.method == "HEAD" else part()

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.stat(APP, BLOB) is None


def store(answer: Callable[[Asked], Answer], asked: list[Asked]) -> Callable[[Asked], Answer]:
    def kept(request: Asked) -> Answer:
        asked.append(request)
        return answer(request)

    return kept


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (part(), BODY[-1:]),
        (Answer(200, b"", announced=SIZE), Wrong("0 of 1000 bytes")),
        (Answer(404, b"<Error><Code>NoSuchKey</Code></Error>"), Absent("NoSuchKey")),
        (Answer(404, b"<Error><Code>BlobNotFound</Code></Error>"), Absent("BlobNotFound")),
        (DENIED, Absent("BLOB_UNKNOWN")),
    ],
)
async def test_an_object_stores_word_counts_after_a_redirect(
    answer: Answer, verdict: bytes | Absent | Wrong
) -> None:
    with serving(lambda _: answer) as there:
        elsewhere = there.replace("127.0.0.1", "localhost")
        assert await last_byte(Answer(307, headers={"Location": elsewhere})) == verdict


async def test_an_object_stores_word_from_the_registrys_own_address_does_not_count() -> None:
    def answer(request: Asked) -> Answer:
        if request.target == "/there":
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return Answer(307, headers={"Location": "/there"})

    with serving(answer) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.read(APP, BLOB)

    assert raised.value.reason is Reason.NOT_A_REGISTRY


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), Reason.DENIED),
        (Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>"), Reason.NOT_A_REGISTRY),
        (Answer(404), Reason.NOT_A_REGISTRY),
        (Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}), Reason.UNAUTHORIZED),
        (Answer(503), Reason.SERVER_ERROR),
    ],
)
async def test_what_an_object_store_leaves_open_stays_open(answer: Answer, reason: Reason) -> None:
    with serving(lambda _: answer) as there, pytest.raises(Unseen) as raised:
        await last_byte(Answer(307, headers={"Location": there}))

    assert raised.value.reason is reason


async def test_a_signed_address_is_followed_to_the_byte_and_never_told() -> None:
    asked: list[Asked] = []
    signed = "/data%2Fsha256?X-Sig=a%2Bb%3D&t=~x/+"
    with serving(store(lambda _: Answer(403), asked)) as there, pytest.raises(Unseen) as raised:
        await last_byte(Answer(307, headers={"Location": there + signed}))

    assert asked[0].target == signed
    assert asked[0].headers["Range"] == "bytes=999-999"
    assert not re.search("X-Sig|127.0.0.1", str(raised.value))


BUSY: Final = json.dumps({"errors": [{"code": "TOOMANYREQUESTS"}]}).encode()
SMALL: Final = Descriptor("application/octet-stream", Digest.of(b"{}"), 2)


@pytest.mark.parametrize("blob", [SMALL, BLOB, UNSIZED], ids=["small", "large", "unsized"])
async def test_a_denial_under_200_is_no_blob_whether_shorter_or_longer(blob: Descriptor) -> None:
    for read in (last_byte, whole):
        with pytest.raises(Unseen) as caught:
            await read(Answer(200, BUSY), blob)
        assert caught.value.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize("size", [3, 300, 70_000])
async def test_what_is_longer_than_a_small_blob_and_no_denial_is_wrong(size: int) -> None:
    longer = Wrong("more than 2 bytes")

    assert await last_byte(Answer(200, b"x" * size), SMALL) == longer
    assert await last_byte(Answer(200, b"x" * size, announced=99_000), SMALL) == longer


@pytest.mark.parametrize("kind", ["text/plain", "text/xml; charset=utf-8", "Text/HTML"])
@pytest.mark.parametrize("body", [b"", b"busy", b"x" * SIZE, b"x" * (SIZE + 1)])
async def test_text_proves_no_loss(body: bytes, kind: str) -> None:
    for read in (last_byte, whole):
        with pytest.raises(Unseen) as caught:
            await read(Answer(200, body, {"Content-Type": kind}))
        assert caught.value.reason is Reason.NOT_A_REGISTRY


async def test_right_bytes_are_present_also_as_text() -> None:
    plain = {"Content-Type": "text/plain"}

    assert await last_byte(Answer(200, BODY, plain)) == BODY[-1:]
    assert await whole(Answer(200, BODY, plain)) == BODY
    assert await last_byte(replace(part(), headers={**part().headers, **plain})) == BODY[-1:]


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate", "chunked, GZIP", "x-unheard"])
@pytest.mark.parametrize("check", [check_content, check_whole, check_transfer])
def test_what_is_coded_on_its_way_proves_nothing(
    check: Callable[[Received, str], None], coding: str
) -> None:
    with pytest.raises(Unseen) as caught:
        check(Received(200, {"transfer-encoding": coding}), "app")
    assert caught.value.reason is Reason.NOT_A_REGISTRY

    check(Received(200, {"transfer-encoding": "Chunked"}), "app")


async def test_a_server_without_ranges_is_noticed_and_what_it_sends_is_hashed() -> None:
    with serving(lambda _: Answer(200, BODY)) as url:
        async with registry_at(url) as registry:
            assert registry.ranges is None
            assert await registry.read(APP, BLOB) == BlobRead(BODY[-1:], hashed=True)
            assert registry.ranges is False
            assert registry.tally.received == {"blob": SIZE}
    with serving(lambda _: part()) as url:
        async with registry_at(url) as registry:
            assert await registry.read(APP, BLOB) == BlobRead(BODY[-1:])
            assert registry.ranges is True


@pytest.mark.parametrize("at", [0, SIZE // 2, SIZE - 1])
async def test_a_flipped_byte_of_what_came_whole_is_a_mismatch(at: int) -> None:
    flipped = bytearray(BODY)
    flipped[at] ^= 1

    assert await last_byte(Answer(200, bytes(flipped))) == Wrong(
        f"hashes to {Digest.of(bytes(flipped))}", mismatch=True
    )


OTHER: Final = Descriptor("application/octet-stream", Digest.of(b"config"), 6)
GATEWAY: Final = Answer(502, b"<html>Quay Loading</html>", {"Content-Type": "text/html"})


@dataclass
class Quay:
    """Quay with local storage: it knows blobs from its database, and has lost the file of one."""

    lost: Answer
    service: str = "quay"
    other: Answer = field(default_factory=lambda: Answer(200, b"config"))
    url: str = ""
    fresh: list[bool] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        if asked.target == "/v2/":
            host = self.url.partition("//")[2]
            how = f'Bearer realm="{self.url}/v2/auth",service="{host}"'
            return Answer(401, headers={"WWW-Authenticate": how} if self.service == "quay" else {})
        if asked.target.startswith("/v2/auth"):
            return Answer(200, b'{"token":"a"}')
        if asked.target.endswith(str(OTHER.digest)):
            self.fresh.append("Cache-Control" in asked.headers)
            return self.other
        return Answer(200, announced=SIZE) if asked.method == "HEAD" else self.lost

    async def read(self, *before: Descriptor) -> BlobRead | Absent | Wrong:
        with serving(self) as self.url:
            async with registry_at(self.url, logins=FixedLogin(Login("a", "b"))) as registry:
                with suppress(Unseen):
                    await registry.ping()
                for each in before:
                    await registry.read(APP, each)
                return await registry.read(APP, BLOB)


@pytest.mark.parametrize("lost", [CLOSED, GATEWAY], ids=["no answer", "502 of nginx"])
async def test_a_blob_that_quay_knows_and_never_sends_is_lost_while_it_sends_others(
    lost: Answer,
) -> None:
    stated = f"0 of {SIZE} bytes: HEAD states them, and GET has no answer"

    server = Quay(lost)
    assert await server.read(OTHER) == Wrong(stated)
    assert server.fresh == [False, True], "no cache on the way answers for it"


@pytest.mark.parametrize(
    ("server", "before"),
    [
        (Quay(CLOSED), ()),
        (Quay(RESET), (OTHER,)),
        (Quay(Answer(503)), (OTHER,)),
        (Quay(CLOSED, "unknown"), (OTHER,)),
    ],
    ids=["no other blob was read", "reset on the way", "away", "of a kind that is not known so"],
)
async def test_no_answer_proves_nothing_by_itself(
    server: Quay, before: tuple[Descriptor, ...]
) -> None:
    with pytest.raises(Unseen):
        await server.read(*before)


THIRD: Final = Descriptor("application/octet-stream", Digest.of(b"layer!"), 6)


@pytest.mark.parametrize("before", [(OTHER,), (OTHER, THIRD)], ids=["one", "two"])
async def test_no_answer_proves_nothing_where_other_blobs_have_none_either(
    before: tuple[Descriptor, ...],
) -> None:
    bodies = {OTHER.digest: b"config", THIRD.digest: b"layer!"}
    asked: Counter[str] = Counter()

    class Away(Quay):
        def __call__(self, request: Asked) -> Answer:
            name = request.target.rpartition("/")[2]
            asked[f"{request.method} {name}"] += 1
            if name in bodies and asked[f"GET {name}"] <= 1:
                return Answer(200, bodies[Digest(name)])
            self.other = CLOSED
            return super().__call__(request) if name != THIRD.digest else CLOSED

    with pytest.raises(Unseen) as unseen:
        await Away(CLOSED).read(*before)

    assert unseen.value.subject == f"app@{BLOB.digest}"
    assert asked[f"HEAD {BLOB.digest}"] == 1
