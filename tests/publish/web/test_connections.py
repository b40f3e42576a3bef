"""Clients that do not read, and clients that do not ask, keep nobody else out."""

from __future__ import annotations

import asyncio
import errno
import socket
import tracemalloc
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from exporter.publish.metrics.exposition import Exposition, Rendered
from exporter.publish.web.connections import shortage_told_seldom
from tests.parts.process import PATIENCE
from tests.publish.web.serving import Board, serving
from tests.publish.web.test_server import certify, client, write_tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.parts.certificates import Authority

MEBIBYTE = 1 << 20
LARGE = Rendered.of(b"# HELP of many series\n" * (4 * MEBIBYTE // 22))
MOST = 20
_CONNECTIONS = Path("/proc/net/tcp")
"""The kernel's own list: local end, remote end, state."""
_ESTABLISHED = "01"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let in fewer, so that the test itself has files enough."""
    monkeypatch.setattr("exporter.publish.web.connections._MOST", MOST)


@dataclass
class Large(Board):
    """A board whose metrics are some MiB."""

    @property
    def exposition(self) -> Exposition:
        return Exposition(LARGE, LARGE)


@asynccontextmanager
async def connected(port: int, count: int, sent: bytes = b"") -> AsyncIterator[list[socket.socket]]:
    """Connections that send something and read nothing."""
    loop = asyncio.get_running_loop()
    sockets = []
    try:
        for _ in range(count):
            each = socket.socket()
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
            each.setblocking(False)
            await loop.sock_connect(each, ("127.0.0.1", port))
            await loop.sock_sendall(each, sent)
        yield sockets
    finally:
        for each in sockets:
            each.close()


async def ended(each: socket.socket) -> int:
    """Wait until the server ends a connection; how many bytes it sent until then."""
    loop, taken = asyncio.get_running_loop(), 0
    with suppress(ConnectionResetError):
        async with asyncio.timeout(PATIENCE):
            while read := await loop.sock_recv(each, MEBIBYTE):
                taken += len(read)
    return taken


async def cut(each: socket.socket, port: int) -> None:
    """Wait until the server has closed its end of a connection, and read nothing meanwhile."""
    ends = (f":{port:04X}", f":{each.getsockname()[1]:04X}")

    def is_open() -> bool:
        rows = (line.split() for line in _CONNECTIONS.read_text().splitlines())
        return any((row[1][-5:], row[2][-5:], row[3]) == (*ends, _ESTABLISHED) for row in rows)

    async with asyncio.timeout(PATIENCE):
        while is_open():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def send_on(each: socket.socket, sent: bytes) -> None:
    """Send without end, as long as the connection lasts."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await asyncio.get_running_loop().sock_sendall(each, sent)


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def healthy(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        return (await http.get(f"{url}/-/healthy")).status_code


async def test_readers_that_do_not_read_cost_a_fraction_of_what_they_ask_for() -> None:
    readers = 2 * MOST - 2
    async with serving(board=Large()) as served:
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            async with connected(served.port, readers, request("/metrics")):
                for _ in range(5):
                    assert await healthy(served.url) == 200
                    await asyncio.sleep(0.05)
                after, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert after - before < readers * MEBIBYTE // 2
    assert most - before < readers * MEBIBYTE // 2


@pytest.mark.parametrize("path", ["/metrics", "/report.json"])
async def test_a_large_answer_arrives_whole_and_head_has_its_length_alone(path: str) -> None:
    async with (
        serving(board=Large()) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        plain = await http.get(path, headers={"Accept-Encoding": "identity"})
        packed = await http.get(path, headers={"Accept-Encoding": "gzip"})
        head = await http.head(path, headers={"Accept-Encoding": "identity"})

    assert int(plain.headers["Content-Length"]) == len(plain.content)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert abs(len(packed.content) - len(plain.content)) < 100  # counters move
    assert (head.status_code, head.content) == (200, b"")
    assert abs(int(head.headers["Content-Length"]) - len(plain.content)) < 100


async def test_a_reader_that_does_not_read_is_cut_and_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("exporter.publish.web.app._PATIENCE", 0.01)
    monkeypatch.setattr("exporter.publish.web.sending._SLOWEST", 1 << 30)
    async with (
        serving(board=Large()) as served,
        connected(served.port, 1, request("/metrics")) as (reader,),
    ):
        await cut(reader, served.port)

        taken = await ended(reader)

    assert taken < 4 * MEBIBYTE
    assert not caplog.records


async def test_many_requests_on_one_connection_that_does_not_read_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.publish.web.connections._PATIENCE", 0.05)
    async with serving() as served, connected(served.port, 1) as (reader,):
        with pytest.raises(ConnectionError):
            await send_on(reader, request("/-/healthy") * 100)


async def test_a_new_client_gets_in_however_many_are_idle_and_the_oldest_has_to_go() -> None:
    async with serving() as served, connected(served.port, MOST + 44) as idle:
        assert await healthy(served.url) == 200
        assert [await ended(each) for each in idle[:44]] == [0] * 44
        with pytest.raises(BlockingIOError):
            idle[-1].recv(1)


async def test_a_new_client_gets_in_where_all_others_do_not_read() -> None:
    async with (
        serving(board=Large()) as served,
        connected(served.port, 2 * MOST + 30, request("/metrics")),
    ):
        assert await healthy(served.url) == 200


async def test_a_connection_that_was_used_is_kept_before_one_that_was_not() -> None:
    async with (
        serving() as served,
        connected(served.port, 1) as (used,),
        connected(served.port, MOST - 1) as idle,
    ):
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(used, request("/-/healthy"))
        assert b"200 OK" in await loop.sock_recv(used, MEBIBYTE)
        async with connected(served.port, MOST - 1):
            assert [await ended(each) for each in idle] == [0] * (MOST - 1)
            await loop.sock_sendall(used, request("/-/healthy"))
            assert b"200 OK" in await loop.sock_recv(used, MEBIBYTE)


async def test_clients_that_never_shake_hands_are_counted_too(
    tmp_path: Path, authority: Authority
) -> None:
    certify(authority, tmp_path, "first")
    async with (
        serving(write_tls(tmp_path / "web.yml")) as served,
        client(authority) as http,
        connected(served.port, MOST + 10) as idle,
    ):
        assert (await http.get(f"{served.tls_url}/-/healthy")).status_code == 200
        assert [await ended(each) for each in idle[:10]] == [0] * 10


@pytest.mark.parametrize("sent", [b"", b"GET /metr"])
async def test_a_connection_without_a_first_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("exporter.publish.web.connections._FIRST", 0.01)
    async with serving() as served, connected(served.port, 1, sent) as (silent,):
        assert await ended(silent) == 0


async def test_a_connection_with_a_request_outlives_the_time_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.publish.web.connections._FIRST", 0.3)
    async with serving() as served, connected(served.port, 1, request("/-/healthy")) as (used,):
        await asyncio.sleep(0.6)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(used, request("/-/healthy"))
        said = b""
        async with asyncio.timeout(PATIENCE):
            while said.count(b"200 OK") < 2:
                read = await loop.sock_recv(used, MEBIBYTE)
                assert read, "the connection was ended"
                said += read


async def test_a_shortage_of_files_is_one_line_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    with shortage_told_seldom():
        for _ in range(100):
            error = OSError(errno.EMFILE, "Too many open files")
            message = "socket.accept() out of system resource"
            loop.call_exception_handler({"message": message, "exception": error})
        assert caplog.messages == ["cannot accept connections"]
        assert caplog.records[0].exc_info is None
        loop.call_exception_handler({"message": "another", "exception": ValueError()})
        assert caplog.messages[1:] == ["another"]
