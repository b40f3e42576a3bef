"""Do audits end while somebody has the configuration read again and again?"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.parts.process import until
from tests.parts.product import exporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDED = "pullproof_audit_last_attempt_timestamp_seconds"
NEVER = threading.Event()


class Slow(BaseHTTPRequestHandler):
    """A registry that answers late, and then that it is not there."""

    pause = 1.5

    def do_GET(self) -> None:
        NEVER.wait(self.pause)
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


class Hung(Slow):
    """A registry that does not answer."""

    pause = 600.0


@contextmanager
def registry(kind: type[Slow]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_audits_end_under_reloads_of_an_unchanged_file(tmp_path: Path) -> None:
    with (
        registry(Slow) as url,
        exporter(tmp_path / "e", {"registries": [{"url": url, "plain_http": True}]}) as running,
    ):

        def again() -> bool:
            assert running.post("/-/reload").is_success
            return running.value(ENDED) > 0

        until(again, "an audit ends")


def test_a_changed_file_waits_for_no_audit(tmp_path: Path) -> None:
    with (
        registry(Hung) as hung,
        registry(Slow) as slow,
        exporter(tmp_path / "e", {"registries": [{"url": hung, "plain_http": True}]}) as running,
    ):
        assert running.post("/-/reload").is_success  # unchanged: it waits
        running.configure({"registries": [{"url": slow, "plain_http": True}]})
        assert running.post("/-/reload").is_success

        until(lambda: running.value(ENDED) > 0, "the other registry is audited")
