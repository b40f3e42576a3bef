"""Events that registries send when something is pushed or deleted: one module for each sender."""

from collections.abc import Mapping
from typing import Final

from exporter.facts.image_event import ImageEvent
from exporter.oci.digest import Malformed
from exporter.sources.events import distribution, gitea, github, harbor, zot
from exporter.sources.events.message import Message, Sender

SENDERS: Final[tuple[Sender, ...]] = (
    distribution.SENDER,
    gitea.SENDER,
    github.SENDER,
    harbor.SENDER,
    zot.SENDER,
)
"""Each knows its own messages: no message is read by two."""


def read(headers: Mapping[str, str], body: bytes) -> tuple[ImageEvent | None, ...]:
    """Return the events of a message; None for one after which nothing is to be audited.

    `headers` must find names in any case. Raises `Malformed` for what no known sender sends.
    """
    message = Message(headers, body)
    if message.media_type == "application/x-www-form-urlencoded":
        raise Malformed("a form: choose application/json as the content type of the webhook")
    for sender in SENDERS:
        found = sender.read(message)
        if found is not None:
            return found
    known = ", ".join(sender.name for sender in SENDERS)
    raise Malformed(f"not an event of a known sender ({known})")
