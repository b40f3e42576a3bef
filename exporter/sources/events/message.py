"""Messages that carry events, and what their readers share."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from exporter.facts.image_event import ImageEvent
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import repository, tag

Body = TypeVar("Body")

_STRUCTURED: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Message:
    """One request. Its body is bounded by whoever received it."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Sender:
    """One kind of software that sends events."""

    name: str
    read: Callable[[Message], tuple[ImageEvent | None, ...] | None]
    """Returns the events of a message, or None where it is another sender's. Raises `Malformed`."""


def decoded(body: bytes | msgspec.Raw, kind: type[Body]) -> Body:
    """Return JSON as a value of this type. Raises `Malformed`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not the JSON that its sender documents: {error}") from error


def image_event(name: str, *references: str, deleted: bool = False) -> ImageEvent | None:
    """Return the event of a repository and what of it is named, each a tag, a digest or empty.

    What is no name is left out; None where nothing is left. Such an event is accepted all the
    same: a sender that repeats it until then would be held up for ever, and the periodic audit
    misses nothing.
    """
    found_tag, found_digest, given = None, None, [each for each in references if each]
    try:
        where = repository(name)
    except Malformed:
        return None
    for each in given:
        with suppress(Malformed):
            if ":" in each:
                found_digest = Digest.parse(each)
            else:
                found_tag = tag(each)
    if given and not (found_tag or found_digest):
        return None
    return ImageEvent(where, found_tag, found_digest, deleted)


class _CloudEvent(msgspec.Struct, gc=False):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


def cloud_event(message: Message) -> tuple[str, bytes | msgspec.Raw] | None:
    """Return type and data of a CloudEvent 1.0, in binary or structured mode; None for another.

    Source: CloudEvents HTTP protocol binding 1.0.2, sections 3.1 and 3.2. Raises `Malformed`.
    """
    if kind := message.headers.get("ce-type"):
        return kind, message.body
    if message.media_type == _STRUCTURED:
        found = decoded(message.body, _CloudEvent)
        return found.type, found.data
    return None
