"""One fault at a time: never absent, never wrong, never there; and the reason is the right one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import UNKNOWN_KIND
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.ports import BlobRead, Listing, ManifestBody, Unseen
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.trust import Trust
from tests.parts.http import Answer, serving
from tests.parts.ports import held
from tests.sources.registry.speaking import QUICK, RESET, SILENCE, head, registry_at, speaking

if TYPE_CHECKING:
    from tests.parts.certificates import Authority

APP: Final = Repository("app")
BODY: Final = b'{"schemaVersion":2}'
DIGEST: Final = Digest.of(BODY)
BLOB: Final = Descriptor("application/octet-stream", DIGEST, len(BODY))

Question = Callable[[Distribution], Awaitable[object]]

QUESTIONS: Final[dict[str, Question]] = {
    "head": lambda registry: registry.head(APP, Tag("v1")),
    "pinned": lambda registry: registry.head(APP, DIGEST),
    "manifest": lambda registry: registry.manifest(APP, DIGEST),
    "last byte": lambda registry: registry.read(APP, BLOB),
    "whole": lambda registry: registry.read(APP, BLOB, whole=True),
    "stat": lambda registry: registry.stat(APP, BLOB),
    "tags": lambda registry: registry.tags(APP),
    "catalogue": lambda registry: registry.repositories(),
}
CONTENT: Final = tuple(name for name in QUESTIONS if name not in ("stat", "catalogue"))

HTML: Final = b"<html><body>Please log in</body></html>"


def page(status: str, body: bytes = HTML, kind: str = "text/html", **headers: object) -> bytes:
    return head(status, Content_Type=kind, Content_Length=len(body), **headers) + body


def error(status: str, code: str) -> bytes:
    return page(status, b'{"errors":[{"code":"%s"}]}' % code.encode(), "application/json")


FAULTS: Final[dict[str, tuple[Reason, tuple[bytes | object, ...]]]] = {
    "401": (Reason.UNAUTHORIZED, (error("401 Unauthorized", "UNAUTHORIZED"),)),
    "403": (Reason.DENIED, (error("403 Forbidden", "DENIED"),)),
    "403 of a proxy": (Reason.DENIED, (page("403 Forbidden"),)),
    "412 of a policy": (
        Reason.DENIED,
        (error("412 Precondition Failed", "PROJECTPOLICYVIOLATION"),),
    ),
    "429": (Reason.RATE_LIMITED, (error("429 Too Many Requests", "TOOMANYREQUESTS"),)),
    "429 with Retry-After": (Reason.RATE_LIMITED, (page("429 Too Many", Retry_After=1),)),
    "500": (Reason.SERVER_ERROR, (error("500 Internal Server Error", "UNKNOWN"),)),
    "502 HTML": (Reason.SERVER_ERROR, (page("502 Bad Gateway"),)),
    "503 with Retry-After": (Reason.SERVER_ERROR, (page("503 Unavailable", Retry_After=1),)),
    "200 HTML": (Reason.NOT_A_REGISTRY, (page("200 OK"),)),
    "206 HTML": (Reason.NOT_A_REGISTRY, (page("206 Partial Content"),)),
    "slow": (Reason.TIMEOUT, (head(Content_Length=len(BODY)), b"{", SILENCE)),
    "silent": (Reason.TIMEOUT, (SILENCE,)),
    "reset": (Reason.RESET, (RESET,)),
    "reset within the body": (Reason.RESET, (head(Content_Length=len(BODY)), b"{", RESET)),
    "dropped": (Reason.RESET, ()),
    "not HTTP": (Reason.RESET, (b"SSH-2.0-OpenSSH_9.2\r\n\r\n",)),
    "redirect loop": (Reason.REDIRECT, (head("307 Temporary", Location="/v2/", Content_Length=0),)),
    "redirect to nowhere": (Reason.REDIRECT, (head("302 Found", Content_Length=0),)),
    "redirect to no address": (
        Reason.REDIRECT,
        (head("302 Found", Location="http://[", Content_Length=0),),
    ),
    "redirect to a bad port": (
        Reason.REDIRECT,
        (head("302 Found", Location="http://other:99999/", Content_Length=0),),
    ),
    "redirect to a file": (
        Reason.REDIRECT,
        (head("302 Found", Location="file:///etc/passwd", Content_Length=0),),
    ),
    "redirect with credentials": (
        Reason.REDIRECT,
        (head("302 Found", Location="http://a:b@127.0.0.1/", Content_Length=0),),
    ),
}


MET: Final = [
    (fault, name)
    for fault, name in product(FAULTS, QUESTIONS)
    if name != "stat" or fault not in ("slow", "reset within the body")  # a HEAD has no body
]


@pytest.mark.parametrize(("fault", "name"), MET)
async def test_a_fault_is_unseen_for_its_own_reason(fault: str, name: str) -> None:
    reason, sayings = FAULTS[fault]
    patience = 0.1 if reason is Reason.TIMEOUT else QUICK.deadline
    limits = replace(QUICK, deadline=patience, list_deadline=patience)

    async with speaking(*sayings) as server, registry_at(server.url, limits) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is reason, raised.value


async def test_a_list_may_take_longer_than_content() -> None:
    limits = replace(QUICK, deadline=0.01, list_deadline=QUICK.deadline)
    said = page("200 OK", b'{"tags":["v1"]}', "application/json")

    async with speaking(said, late=0.03) as server, registry_at(server.url, limits) as registry:
        with pytest.raises(Unseen, match=r"0\.01 seconds"):
            await registry.head(APP, Tag("v1"))
        assert await registry.tags(APP) == Listing((Tag("v1"),))


CUT: Final = (
    head("404 Not Found", Content_Length=99),
    b'{"errors":[{"code":"BLOB_UNKNOWN"}]}',
)


ODD_HOSTS: Final = ("a..b", "xn--", "256.1.1.1", "ex\\ample", "\x7f", "a" * 64 + ".test")


@pytest.mark.parametrize("host", ODD_HOSTS, ids=ascii)
async def test_a_host_that_can_have_no_such_name_is_no_fault_of_ours(host: str) -> None:
    url = f"http://{host}/"
    onward = head("307 Temporary", Location=url, Content_Length=0)
    asks = head("401 Who", WWW_Authenticate=f'Bearer realm="{url}"', Content_Length=0)

    for said in (onward, asks):
        async with speaking(said) as server, registry_at(server.url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.manifest(APP, DIGEST)
            assert raised.value.reason in (Reason.DNS, Reason.REDIRECT)


@pytest.mark.parametrize("name", CONTENT)
async def test_a_denial_cut_short_is_truncated(name: str) -> None:
    async with speaking(*CUT) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("fault", ["412 of a policy", "200 HTML"])
async def test_no_fault_tells_a_collector(fault: str) -> None:
    async with speaking(*FAULTS[fault][1]) as server, registry_at(server.url) as registry:
        assert await registry.kind(APP) == UNKNOWN_KIND


async def test_a_cut_off_denial_of_the_catalogue_says_that_there_is_none() -> None:
    async with speaking(*CUT) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await registry.repositories()

    assert raised.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_an_unused_port_is_no_connection(question: Question) -> None:
    with held() as address:
        async with registry_at(f"http://{address}") as registry:
            with pytest.raises(Unseen) as raised:
                await question(registry)

    assert raised.value.reason is Reason.CONNECT


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_name_without_an_address_is_dns(question: Question) -> None:
    async with registry_at("http://registry.invalid") as registry:
        with pytest.raises(Unseen) as raised:
            await question(registry)

    assert raised.value.reason is Reason.DNS


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_an_unknown_authority_is_tls(question: Question, authority: Authority) -> None:
    with serving(lambda _: Answer(200, BODY), authority.sign("server")) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen) as raised:
                await question(registry)

    assert raised.value.reason is Reason.TLS
    assert "certificate" in raised.value.detail


async def test_a_registry_of_plain_http_asked_over_tls_is_tls_and_says_why() -> None:
    def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(page("400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with registry_at(f"https://127.0.0.1:{port}") as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(APP, Tag("v1"))

    assert raised.value.reason is Reason.TLS
    assert raised.value.detail == "it does not speak TLS"


async def test_a_redirect_down_to_plain_http_is_not_followed(authority: Authority) -> None:
    async with speaking(page("200 OK")) as plain:
        answer = Answer(307, headers={"Location": plain.url})
        with serving(lambda _: answer, authority.sign("server")) as url:
            async with registry_at(url, tls=Trust(authority.certificate)) as registry:
                with pytest.raises(Unseen) as raised:
                    await registry.read(APP, BLOB)

    assert raised.value.reason is Reason.REDIRECT
    assert plain.heard == []


@pytest.mark.parametrize("name", ["head", "pinned", "manifest"])
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/octet-stream", ""], ids=str
)
async def test_a_manifest_under_a_wrong_content_type_is_not_a_registrys(
    kind: str, name: str
) -> None:
    said = page("200 OK", BODY, kind, Docker_Content_Digest=DIGEST)

    async with speaking(said) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.NOT_A_REGISTRY


@pytest.mark.parametrize("name", ["pinned", "manifest", "last byte", "whole", "stat"])
@pytest.mark.parametrize("body", [b"other", b"nothing of the kind", b"-" * len(BODY)])
async def test_what_says_that_it_is_something_else_proves_nothing(name: str, body: bytes) -> None:
    said = page("200 OK", body, OCI_MANIFEST, Docker_Content_Digest=Digest.of(b"other"))

    async with speaking(said) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.WRONG_DIGEST


@pytest.mark.parametrize("name", ["pinned", "manifest", "last byte", "whole"])
async def test_right_bytes_are_right_whatever_digest_a_header_claims(name: str) -> None:
    said = page("200 OK", BODY, OCI_MANIFEST, Docker_Content_Digest=Digest.of(b"other"))

    async with speaking(said) as server, registry_at(server.url) as registry:
        assert await QUESTIONS[name](registry) in (
            DIGEST,
            ManifestBody(DIGEST, BODY),
            BlobRead(BODY[-1:], hashed=True),
            BlobRead(BODY, hashed=True),
        )


@pytest.mark.parametrize("name", ["head", "pinned", "manifest", "last byte", "whole"])
async def test_a_body_that_goes_on_past_its_content_length_proves_nothing(name: str) -> None:
    said = head(Content_Type=OCI_MANIFEST, Content_Length=5)

    async with speaking(said, BODY) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen):
            await QUESTIONS[name](registry)


@pytest.mark.parametrize("name", ["manifest", "tags", "catalogue"])
async def test_a_document_cut_short_is_truncated(name: str) -> None:
    said = head(Content_Type=OCI_MANIFEST, Content_Length=99)

    async with speaking(said, BODY) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.TRUNCATED
    assert len(server.heard) == QUICK.tries


@pytest.mark.parametrize("name", ["manifest", "last byte"])
async def test_a_short_body_whose_length_was_never_stated_proves_nothing(name: str) -> None:
    said = head(Content_Type=OCI_MANIFEST) + BODY[:5]

    async with speaking(said) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("name", ["manifest", "tags", "catalogue"])
async def test_what_is_longer_than_is_read_is_too_large(name: str) -> None:
    said = head(Content_Type=OCI_MANIFEST, Content_Length=2**40)

    async with speaking(said, SILENCE) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.TOO_LARGE


async def test_a_manifest_without_end_is_too_large() -> None:
    endless = head(Content_Type=OCI_MANIFEST) + b"x" * (QUICK.manifest_bytes + 1)

    async with speaking(endless, SILENCE) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await registry.manifest(APP, DIGEST)

    assert raised.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("name", CONTENT)
async def test_what_is_compressed_unasked_is_not_a_registrys(name: str) -> None:
    said = page("200 OK", BODY, OCI_MANIFEST, Content_Encoding="gzip")

    async with speaking(said) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason is Reason.NOT_A_REGISTRY


@pytest.mark.parametrize("name", CONTENT)
@pytest.mark.parametrize(
    "said",
    [
        page("404 Not Found"),
        page("404 Not Found", b"404 page not found\n", "text/plain"),
        page("404 Not Found", b"", "application/json"),
        page("404 Not Found", b"{}", "application/json"),
        page("404 Not Found", b'{"errors":[]}', "application/json"),
        page("404 Not Found", b'{"errors":["MANIFEST_UNKNOWN"]}', "application/json"),
        page("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", "application/xml"),
        error("404 Not Found", "UNKNOWN"),
        error("404 Not Found", "NOT_FOUND"),
        error("400 Bad Request", "MANIFEST_UNKNOWN"),
        error("410 Gone", "BLOB_UNKNOWN"),
    ],
)
async def test_a_404_that_no_registry_signs_is_no_absence(said: bytes, name: str) -> None:
    async with speaking(said) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await QUESTIONS[name](registry)

    assert raised.value.reason in (Reason.NOT_A_REGISTRY, Reason.UNSUPPORTED)


async def test_a_proxy_that_drops_our_accept_header_makes_nothing_absent() -> None:
    message = "OCI index found, but accept header does not support OCI indexes"
    body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"%s"}]}' % message.encode()
    said = page("404 Not Found", body, "application/json")

    async with speaking(said) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await registry.head(APP, Tag("v1"))

    assert raised.value.reason is Reason.NOT_A_REGISTRY
