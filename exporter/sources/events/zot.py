"""CloudEvents of zot.

Source: project-zot/zot, pkg/extensions/events (common.go, events.go, http_sink.go; 2.1, read).
"""

from typing import Final

import msgspec

from exporter.facts.image_event import ImageEvent
from exporter.sources.events.message import Message, Sender, cloud_event, decoded, image_event

_DELETION: Final = ".image.deleted"
_CHANGES: Final = (".image.updated", _DELETION)
_OTHERS: Final = (".image.lint_failed", ".repository.created")
"""How the types of events end; what stands before is `zotregistry`, or set by `typePrefix`."""


class _ZotImage(msgspec.Struct, gc=False):
    name: str
    reference: str = ""
    """A tag or a digest."""
    digest: str = ""


def _read(message: Message) -> tuple[ImageEvent | None, ...] | None:
    found = cloud_event(message)
    if found is None:
        return None
    kind, data = found
    if kind.endswith(_OTHERS):
        return (None,)
    if not kind.endswith(_CHANGES):
        return None
    image = decoded(data, _ZotImage)
    deleted = kind.endswith(_DELETION)
    return (image_event(image.name, image.reference, image.digest, deleted=deleted),)


SENDER: Final = Sender("zot", _read)
