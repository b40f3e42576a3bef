"""Notifications of distribution 2.8 and 3.1.1 (run), which GitLab's registry sends as well (read).

An endpoint gets one event after the other, and each again and again until the answer is 2xx or 3xx
(`notifications/http.go`).
"""

from typing import Final

import msgspec

from exporter.facts.image_event import ImageEvent
from exporter.sources.events.message import Message, Sender, decoded, image_event

_MEDIA_TYPE: Final = "application/vnd.docker.distribution.events."
"""`v1+json` from 2.8, `v2+json` from 3.x."""
_UNCHANGED: Final = frozenset({"pull", "mount"})
"""Actions after which everything is as before. An audit causes pulls itself."""
_BLOB: Final = "application/octet-stream"
"""The media type of a pushed blob: the manifest that needs it is pushed after it."""


class _Target(msgspec.Struct, gc=False):
    repository: str = ""
    tag: str = ""
    digest: str = ""
    mediaType: str = ""  # noqa: N815 - as distribution spells it


class _Notification(msgspec.Struct, gc=False):
    action: str
    target: _Target


class _Envelope(msgspec.Struct, gc=False):
    events: list[_Notification]


def _read(message: Message) -> tuple[ImageEvent | None, ...] | None:
    if not message.media_type.startswith(_MEDIA_TYPE):
        return None
    return tuple(map(_event, decoded(message.body, _Envelope).events))


def _event(found: _Notification) -> ImageEvent | None:
    target = found.target
    if found.action in _UNCHANGED or (found.action == "push" and target.mediaType == _BLOB):
        return None
    deleted = found.action == "delete"
    return image_event(target.repository, target.tag, target.digest, deleted=deleted)


SENDER: Final = Sender("distribution", _read)
