"""100,000 series to scrape, served in a process of their own.

    python -m benchmarks.parts.scraped FOLDER

serves them by the product over plain http and over TLS, and by prometheus_client; prints where as
one line of JSON, and ends with its standard input. FOLDER holds the certificates.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from benchmarks.parts.many import many, shell
from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.app import Shell, application
from exporter.publish.web.server import listening
from tests.parts.certificates import authority

if TYPE_CHECKING:
    from collections.abc import Iterator

_REPOSITORIES: Final = 2_000
_TAGS: Final = 10_000
"""As many as have series of their own by default; every tenth has lost a platform."""
_LOOPBACK: Final = "127.0.0.1"


class Served(msgspec.Struct, frozen=True):
    """Where to scrape, and how much there is."""

    plain: int
    tls: int
    peer: int
    """Ports on the loopback."""
    authority: str
    """A PEM file: whom to trust on the TLS port."""
    series: int


@dataclass(frozen=True, eq=False)
class _Ready(Collector):
    """prometheus_client's custom collector, spared the work of collecting."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


async def main(folder: Path) -> None:
    """Serve until nobody wants it any more."""
    shown = many(_TAGS, _REPOSITORIES)
    exposition = render(shown, Limits())
    text = exposition.text.plain.decode()
    trusted = authority(folder)
    config = _web_config(folder, trusted.sign("exporter").certificate.parent)
    async with AsyncExitStack() as stack:
        app = shell(shown, exposition, 0.0)
        plain = await _listen(stack, app, None)
        tls = await _listen(stack, app, config)
        families = tuple(text_string_to_metric_families(text))
        peer = CollectorRegistry()
        peer.register(_Ready(families))
        server, _ = start_http_server(0, _LOOPBACK, peer)
        series = text.count("\npullproof_")
        trust = str(trusted.certificate)
        where = Served(plain, tls, server.server_port, trust, series)
        print(msgspec.json.encode(where).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.shutdown()


async def _listen(stack: AsyncExitStack, shown: Shell, config: Path | None) -> int:
    access = AccessControl({})
    app = application(shown, access)
    web_server = await stack.enter_async_context(listening(app, access, [(_LOOPBACK, 0)], config))
    return web_server.addresses[0][1]


def _web_config(folder: Path, pair: Path) -> Path:
    path = folder / "web.yml"
    files = {"cert_file": str(pair / "tls.crt"), "key_file": str(pair / "tls.key")}
    path.write_bytes(msgspec.json.encode({"tls_server_config": files}))  # JSON is YAML
    return path


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
