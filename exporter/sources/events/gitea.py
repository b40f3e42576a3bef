"""Webhooks of Gitea (1.26.0, run), which Forgejo sends too (read): the event `package`."""

from typing import Final

import msgspec

from exporter.facts.image_event import ImageEvent
from exporter.sources.events.message import Message, Sender, decoded, image_event

EVENT_HEADERS: Final = ("X-Gitea-Event", "X-Forgejo-Event")
"""Gitea sends GitHub's header as well, for receivers that know GitHub only."""


class _GiteaOwner(msgspec.Struct, gc=False):
    login: str


class _GiteaVersion(msgspec.Struct, gc=False):
    type: str
    name: str
    version: str
    """A tag, or the digest of a manifest without one."""
    owner: _GiteaOwner


class _GiteaPackageEvent(msgspec.Struct, gc=False):
    action: str
    package: _GiteaVersion


def _read(message: Message) -> tuple[ImageEvent | None, ...] | None:
    events = {message.headers.get(name) for name in EVENT_HEADERS} - {None}
    if not events:
        return None
    if events != {"package"}:
        return (None,)
    event = decoded(message.body, _GiteaPackageEvent)
    found = event.package
    if found.type != "container":
        return (None,)
    name, deleted = f"{found.owner.login}/{found.name}".lower(), event.action == "deleted"
    return (image_event(name, found.version, deleted=deleted),)


SENDER: Final = Sender("Gitea", _read)
