"""A small real HTTP server in a thread: what it answers, or fails to, is one function."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parts.certificates import Pair


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None
    """The stated length, where it is not the body's: the connection closes short of it."""
    held: threading.Event | None = None
    """The body waits for this: an answer too slow to finish, until the test is over."""
    stream: Iterable[bytes] | None = None
    """Pieces of a body whose length is not known, each sent as it comes."""


RESET: Final = Answer(0)
"""No answer: the connection is reset."""
CLOSED: Final = Answer(-1)
"""No answer: the connection is closed, as by a server whose program failed."""
_ABORT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST."""


@contextmanager
def serving(answer: Callable[[Asked], Answer], tls: Pair | None = None) -> Iterator[str]:
    """Serve a function on the loopback; yield the address `http(s)://127.0.0.1:port`."""
    with _Server(answer) as server:
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """Who connects while the machine is busy waits in line; past its end they would be dropped."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    server: _Server

    def handle_one_request(self) -> None:
        """Take a request of any method; http.server would want one function for each."""
        with suppress(ConnectionError, TimeoutError, ssl.SSLError):
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                self._say(self.server.answer(self._asked()))
                return
        self.close_connection = True

    def _asked(self) -> Asked:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = {name: ", ".join(self.headers.get_all(name, ())) for name in self.headers}
        return Asked(self.command, self.path, given, body)

    def _say(self, said: Answer) -> None:
        if said is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            os.close(self.connection.detach())  # http.server would end it in order first
            self.close_connection = True
            return
        if said is CLOSED:
            self.close_connection = True
            return
        length = len(said.body) if said.announced is None else said.announced
        extent = {"Content-Length": str(length)}
        if said.stream is not None:
            extent = {"Transfer-Encoding": "chunked"}
        self.send_response(said.status)
        for name, value in {**said.headers, **extent}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._deliver(said, length)

    def _deliver(self, said: Answer, length: int) -> None:
        if said.held is not None:
            said.held.wait()
        if said.stream is not None:
            for piece in said.stream:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.wfile.write(said.body)
        self.close_connection |= len(said.body) < length

    def log_message(self, *_: object) -> None:
        """Say nothing: the test asks what it needs to know."""
