from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.transport import Cut, Transport, Unresolved, Untrusted
from exporter.sources.registry.trust import Trust
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import RESET, SILENCE, head, speaking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.parts.certificates import Authority

OK = head(Content_Length=2) + b"ok"


@asynccontextmanager
async def client(
    url: str,
    *,
    trust: Trust | None = None,
    proxies: Proxies | None = None,
    timeout: httpx.Timeout | None = None,
    connections: int = 2,
) -> AsyncIterator[httpx.AsyncClient]:
    trust = trust or Trust()
    parts = urlsplit(url)
    home = (parts.scheme, parts.hostname or "", parts.port or 443)
    contexts = (trust.home(), trust.abroad())
    transport = Transport(home, contexts, proxies or Proxies(), connections)
    timeout = timeout or httpx.Timeout(5)
    async with httpx.AsyncClient(transport=transport, base_url=url, timeout=timeout) as opened:
        yield opened


async def failure(url: str, timeout: httpx.Timeout | None = None) -> httpx.TransportError:
    async with client(url, timeout=timeout) as http:
        with pytest.raises(httpx.TransportError) as raised:
            await http.get("/v2/")
    return raised.value


async def test_a_refused_connection_is_a_connect_error() -> None:
    async with speaking() as closed:
        url = closed.url

    error = await failure(url)

    assert type(error) is httpx.ConnectError
    assert "refused" in str(error)


async def test_a_name_without_an_address_is_told_apart() -> None:
    assert isinstance(await failure("http://nowhere.invalid"), Unresolved)


async def test_a_handshake_that_never_ends_is_a_connect_timeout() -> None:
    async with speaking(SILENCE) as server:
        url = server.url.replace("http", "https")

        assert isinstance(
            await failure(url, httpx.Timeout(None, connect=0.05)), httpx.ConnectTimeout
        )


@pytest.mark.parametrize("said", [(), (head(Content_Length=9), b"part")])
async def test_silence_is_a_read_timeout(said: tuple[bytes, ...]) -> None:
    async with speaking(*said, SILENCE) as server:
        error = await failure(server.url, httpx.Timeout(None, read=0.05))

        assert type(error) is httpx.ReadTimeout


async def test_a_connection_closed_without_an_answer_is_a_protocol_error() -> None:
    async with speaking() as server:
        assert type(await failure(server.url)) is httpx.RemoteProtocolError


async def test_a_torn_connection_is_a_read_error() -> None:
    async with speaking(RESET) as server:
        assert type(await failure(server.url)) is httpx.ReadError


async def test_what_is_not_http_is_a_protocol_error() -> None:
    async with speaking(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as server:
        assert type(await failure(server.url)) is httpx.RemoteProtocolError


async def test_a_body_cut_short_says_how_much_of_it_came() -> None:
    async with speaking(head(Content_Length=9), b"part") as server:
        error = await failure(server.url)

    assert isinstance(error, Cut)
    assert error.received == 4


async def test_chunks_without_an_end_are_cut_short() -> None:
    async with speaking(head(Transfer_Encoding="chunked"), b"4\r\npart\r\n") as server:
        assert isinstance(await failure(server.url), Cut)


async def test_a_body_torn_off_is_not_taken_for_a_short_one() -> None:
    async with speaking(head(Content_Length=9), b"part", RESET) as server:
        assert type(await failure(server.url)) is httpx.ReadError


async def test_a_broken_chunk_is_not_taken_for_a_short_body() -> None:
    async with speaking(head(Transfer_Encoding="chunked"), b"zz\r\npart\r\n", SILENCE) as server:
        assert not isinstance(await failure(server.url), Cut)


async def test_an_unknown_authority_is_not_trusted(authority: Authority) -> None:
    with serving(lambda _: Answer(200), authority.sign("server")) as url:
        error = await failure(url)

    assert isinstance(error, Untrusted)
    assert "unable to get local issuer certificate" in str(error)


async def test_an_authority_is_added_to_the_systems(authority: Authority) -> None:
    trust = Trust(ca_file=authority.certificate)
    system = ssl.create_default_context().cert_store_stats()["x509_ca"]

    with serving(lambda _: Answer(200), authority.sign("server")) as url:
        async with client(url, trust=trust) as http:
            assert (await http.get("/v2/")).status_code == 200

    assert trust.abroad().cert_store_stats()["x509_ca"] == system + 1


async def test_nothing_below_tls_1_2_is_spoken() -> None:
    assert Trust().abroad().minimum_version is ssl.TLSVersion.TLSv1_2
