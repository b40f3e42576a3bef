"""Which port is nobody else's? Held for a server that cannot say which one it was given."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held() -> Iterator[str]:
    """Hold an address of the loopback; nobody else is given it, and who connects is refused.

    A server that is told of it binds it beside us, as often as it is started, since both reuse
    addresses; it alone listens.
    """
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("127.0.0.1", 0))
        host, port = ours.getsockname()
        yield f"{host}:{port}"
