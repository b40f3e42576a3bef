"""Webhooks of Harbor, in both of its formats, `Default` and `CloudEvents`.

Source: goharbor/harbor, src/pkg/notifier/formats, src/pkg/notifier/model/event.go (2.15, read).
"""

from typing import Final

import msgspec

from exporter.facts.image_event import ImageEvent
from exporter.sources.events.message import Message, Sender, cloud_event, decoded, image_event

_DELETIONS: Final = frozenset({"DELETE_ARTIFACT", "harbor.artifact.deleted"})
_CHANGES: Final = _DELETIONS | {"PUSH_ARTIFACT", "harbor.artifact.pushed", "harbor.tag.created"}


class _Resource(msgspec.Struct, gc=False):
    digest: str = ""
    tag: str = ""
    """The digest again, where it has none."""


class _HarborPlace(msgspec.Struct, gc=False):
    repo_full_name: str


class _HarborData(msgspec.Struct, frozen=True, gc=False):
    resources: tuple[_Resource, ...] = ()
    repository: _HarborPlace | None = None


class _HarborEvent(msgspec.Struct, gc=False):
    type: str
    event_data: _HarborData


def _read(message: Message) -> tuple[ImageEvent | None, ...] | None:
    if found := cloud_event(message):
        kind, data = found
        if not kind.startswith("harbor."):
            return None
        return _events(kind, decoded(data, _HarborData))
    if message.media_type != "application/json" or "X-GitHub-Event" in message.headers:
        return None
    event = decoded(message.body, _HarborEvent)
    return _events(event.type, event.event_data)


def _events(kind: str, data: _HarborData) -> tuple[ImageEvent | None, ...]:
    if kind not in _CHANGES or data.repository is None:
        return (None,)
    name, deleted = data.repository.repo_full_name, kind in _DELETIONS
    return tuple(
        image_event(name, each.tag, each.digest, deleted=deleted) for each in data.resources
    )


SENDER: Final = Sender("Harbor", _read)
