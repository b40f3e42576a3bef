from __future__ import annotations

import asyncio
import ssl
import traceback
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httpx
import pytest

from exporter.sources.registry.address import Address
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.transport import (
    ClosedEarly,
    Cut,
    Transport,
    Unresolved,
    Untrusted,
    message,
)
from exporter.sources.registry.trust import Trust
from tests.parts.http import Answer, Asked, serving
from tests.parts.ports import held
from tests.parts.process import PATIENCE
from tests.sources.registry.speaking import RESET, SILENCE, head, speaking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.parts.certificates import Authority

OK = head(Content_Length=2) + b"ok"


@dataclass
class Way:
    """A client over the transport, and the address at which it begins."""

    http: httpx.AsyncClient
    url: str

    @asynccontextmanager
    async def asked(
        self, where: str = "/v2/", body: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        address = Address.parse(where if "://" in where else self.url + where)
        request = message("POST" if body else "GET", address, (), body)
        response = await self.http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def get(self, where: str = "/v2/", body: bytes | None = None) -> bytes:
        async with self.asked(where, body) as response:
            return b"".join([chunk async for chunk in response.aiter_raw()])


@asynccontextmanager
async def client(
    url: str,
    *,
    trust: Trust | None = None,
    proxies: Proxies | None = None,
    patience: float = PATIENCE,
    connections: int = 2,
) -> AsyncIterator[Way]:
    contexts = (trust or Trust()).contexts()
    home = Address.parse(url).origin
    transport = Transport(home, contexts, proxies or Proxies(), connections)
    async with httpx.AsyncClient(transport=transport, timeout=patience) as http:
        yield Way(http, url)


async def failure(url: str, patience: float = PATIENCE) -> httpx.TransportError:
    async with client(url, patience=patience) as http:
        with pytest.raises(httpx.TransportError) as raised:
            await http.get()
    return raised.value


async def test_a_refused_connection_is_a_connect_error() -> None:
    with held() as address:
        error = await failure(f"http://{address}")

    assert type(error) is httpx.ConnectError
    assert "refused" in str(error)


async def test_a_name_without_an_address_is_told_apart() -> None:
    assert isinstance(await failure("http://nowhere.invalid"), Unresolved)


async def test_a_handshake_that_never_ends_is_a_connect_timeout() -> None:
    async with speaking(SILENCE) as server:
        url = server.url.replace("http", "https")

        error = await failure(url, 0.05)

    assert (type(error), str(error)) == (httpx.ConnectTimeout, "no connection in time")


async def test_a_connection_closed_without_an_answer_is_a_protocol_error() -> None:
    async with speaking() as server:
        assert isinstance(await failure(server.url), ClosedEarly)


async def test_a_torn_connection_is_a_read_error() -> None:
    async with speaking(RESET) as server:
        error = await failure(server.url)

    assert (type(error), str(error)) == (httpx.ReadError, "connection reset")


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
        error = await failure(server.url)

    assert (type(error), str(error)) == (httpx.ReadError, "connection reset")


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
            assert await http.get() == b""

    assert trust.contexts()[1].cert_store_stats()["x509_ca"] == system + 1


async def test_nothing_below_tls_1_2_is_spoken() -> None:
    assert {each.minimum_version for each in Trust().contexts()} == {ssl.TLSVersion.TLSv1_2}


async def test_the_clients_certificate_is_shown_to_its_registry_only(authority: Authority) -> None:
    mine = authority.sign("client")
    trust = Trust(authority.certificate, mine.certificate, mine.key)
    demands = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    pair = authority.sign("server")
    demands.load_cert_chain(pair.certificate, pair.key)
    demands.verify_mode = ssl.CERT_REQUIRED

    async with (
        speaking(OK, tls=demands) as home,
        speaking(OK, tls=demands) as abroad,
        client(home.url.replace("http", "https"), trust=trust) as http,
    ):
        assert await http.get() == b"ok"
        with pytest.raises(httpx.TransportError):
            await http.get(abroad.url.replace("http", "https"))
        assert abroad.heard == []


async def test_a_kept_connection_that_was_closed_is_tried_once_more() -> None:
    async with speaking(OK) as server, client(server.url) as http:
        assert await http.get() == b"ok"
        assert await http.get() == b"ok"

    assert server.connections == 2


async def test_a_kept_connection_is_used_again() -> None:
    async with speaking(OK, keep=True) as server, client(server.url) as http:
        for _ in range(3):
            await http.get()

    assert server.connections == 1


async def test_bodies_that_nobody_finishes_give_their_connections_back() -> None:
    said = (head(Content_Length=9), b"part", SILENCE)
    async with speaking(*said) as server, client(server.url, connections=1) as http:
        for _ in range(4):
            async with asyncio.timeout(PATIENCE), http.asked() as response:
                assert response.status_code == 200


async def test_what_is_compressed_stays_compressed() -> None:
    said = head(Content_Length=3, Content_Encoding="gzip") + b"abc"
    async with (
        speaking(said) as server,
        client(server.url) as http,
    ):
        assert await http.get() == b"abc"


async def test_the_target_goes_out_byte_for_byte() -> None:
    async with speaking(OK) as server, client(server.url) as http:
        await http.get("/a%2fb?x=%7E&y=~/+")

    assert server.heard[0].startswith(b"GET /a%2fb?x=%7E&y=~/+ HTTP/1.1")


async def test_a_name_in_punycode_that_httpx_does_not_read_is_asked_as_it_stands() -> None:
    async with speaking(OK) as proxy:
        home = "http://xn--i-7iq.invalid"
        async with client(home, proxies=Proxies(http=proxy.url)) as http:
            assert await http.get() == b"ok"

    assert b"\r\nHost: xn--i-7iq.invalid\r\n" in proxy.heard[0]


async def test_a_form_is_sent_whole() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return Answer(200)

    with serving(answer) as url:
        async with client(url) as http:
            await http.get("/token", b"a=b+c")

    assert asked[0].body == b"a=b+c"


async def test_a_proxy_is_asked_with_its_credentials_and_nobody_else_sees_them() -> None:
    async with speaking(OK) as proxy:
        through = proxy.url.replace("http://", "http://robot:secret@")
        async with client("http://registry.invalid", proxies=Proxies(http=through)) as http:
            assert await http.get() == b"ok"

    assert proxy.heard[0].startswith(b"GET http://registry.invalid/v2/ HTTP/1.1")
    assert b"Proxy-Authorization: Basic cm9ib3Q6c2VjcmV0" in proxy.heard[0]
    assert b"robot:secret@" not in proxy.heard[0]


async def test_tls_goes_through_a_proxy_end_to_end(authority: Authority) -> None:
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        there, onward = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(head("200 Connection established"))
        await asyncio.gather(_pump(reader, onward), _pump(there, writer))

    with serving(lambda _: Answer(200, b"ok"), authority.sign("server")) as url:
        async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy:
            port = proxy.sockets[0].getsockname()[1]
            proxies = cast("Proxies", Always(f"http://robot:secret@127.0.0.1:{port}"))
            home = f"https://localhost:{urlsplit(url).port}"
            trust = Trust(authority.certificate)
            async with client(home, trust=trust, proxies=proxies) as http:
                assert await http.get() == b"ok"

    assert asked[0].startswith(b"CONNECT localhost:")
    assert b"Proxy-Authorization: Basic cm9ib3Q6c2VjcmV0" in asked[0]


@dataclass(frozen=True)
class Always:
    """Leads through a proxy even to the loopback."""

    proxy: str

    def way(self, *_: object) -> str:
        return self.proxy


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(2**16):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def test_a_proxy_that_refuses_is_a_proxy_error_without_credentials() -> None:
    async with speaking(head("407 Proxy Authentication Required", Content_Length=0)) as proxy:
        through = proxy.url.replace("http://", "http://robot:secret@")
        async with client("https://registry.invalid", proxies=Proxies(https=through)) as http:
            with pytest.raises(httpx.ProxyError, match="the proxy refuses") as raised:
                await http.get()

    assert proxy.heard[0].startswith(b"CONNECT registry.invalid:443 HTTP/1.1")
    assert "secret" not in "".join(traceback.format_exception(raised.value))


async def test_a_proxy_that_is_not_there_is_a_proxy_error() -> None:
    with held() as address:
        proxies = Proxies(http=f"http://{address}")
        async with client("http://registry.invalid", proxies=proxies) as http:
            with pytest.raises(httpx.ProxyError, match="the proxy cannot be reached"):
                await http.get()
