"""What does it take the server to answer a scrape of 100,000 series?

Prints one run on this machine: the product over plain http and TLS, then with idle connections on
its TLS port, beside prometheus_client with a custom collector that has nothing left to collect.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.parts.access import cpu_seconds
from benchmarks.parts.scraped import Served
from exporter.publish.metrics.exposition import Format

_LOOPBACK: Final = "127.0.0.1"
_IDLE: Final = 50
_OURS: Final = 40
_PEERS: Final = 5
"""Scrapes of each kind: one takes prometheus_client about a second."""
_TEXT: Final = {"Accept": Format.TEXT.value}
_OPENMETRICS: Final = {"Accept": Format.OPENMETRICS.value}
_GZIP: Final = {"Accept-Encoding": "gzip"}
_COLUMNS: Final = "{:38}{:>8}{:>10}{:>10}{:>10}"


def main() -> None:
    """Print a line for every way to scrape."""
    command = [sys.executable, "-m", "benchmarks.parts.scraped"]
    pipe = subprocess.PIPE
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen([*command, folder], stdin=pipe, stdout=pipe) as server,
    ):
        assert server.stdout
        served = msgspec.json.decode(server.stdout.readline(), type=Served)
        print(f"{served.series:,} series; milliseconds for each scrape")
        print(_COLUMNS.format("", "MB", "CPU", "median", "worst"))
        _ours(served, server.pid)
        peer = http.client.HTTPConnection(_LOOPBACK, served.peer)
        _print("prometheus_client, text", server.pid, peer, _TEXT, _PEERS)
        _print("prometheus_client, text, gzip", server.pid, peer, _TEXT | _GZIP, _PEERS)


def _ours(served: Served, server: int) -> None:
    plain = http.client.HTTPConnection(_LOOPBACK, served.plain)
    context = ssl.create_default_context(cafile=served.authority)
    secure = http.client.HTTPSConnection(_LOOPBACK, served.tls, context=context)
    _print("text", server, plain, _TEXT)
    _print("text, gzip", server, plain, _TEXT | _GZIP)
    _print("OpenMetrics, gzip", server, plain, _OPENMETRICS | _GZIP)
    _print("TLS, text", server, secure, _TEXT)
    _print("TLS, text, gzip", server, secure, _TEXT | _GZIP)
    with ExitStack() as idle:
        for _ in range(_IDLE):
            idle.enter_context(socket.create_connection((_LOOPBACK, served.tls)))
        late = http.client.HTTPSConnection(_LOOPBACK, served.tls, context=context)
        _print(f"TLS, text, gzip, {_IDLE} idle connections", server, late, _TEXT | _GZIP)


def _print(
    name: str,
    server: int,
    connection: http.client.HTTPConnection,
    headers: dict[str, str],
    times: int = _OURS,
) -> None:
    """Scrape again and again over one connection, as Prometheus does."""
    before, took, size = cpu_seconds(server), [], 0
    for _ in range(times):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "identity"} | headers)
        size = len(connection.getresponse().read())
        took.append(1000 * (time.perf_counter() - began))
    cpu = 1000 * (cpu_seconds(server) - before) / times
    print(
        _COLUMNS.format(
            name,
            f"{size / 1e6:.1f}",
            *(f"{each:.1f}" for each in (cpu, statistics.median(took), max(took))),
        )
    )


if __name__ == "__main__":
    main()
