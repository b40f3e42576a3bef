"""Messages of every sender, as they were recorded or documented, and what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multidict import CIMultiDict

from exporter.facts.focus import ImageEvent
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from tests import worlds

FOLDER: Final = Path(__file__).with_name("messages")
MADE: Final = worlds.two_platforms("event")
"""What was pushed to the registries whose messages were recorded."""
_BUSYBOX: Final = "sha256:dde8e930c7b6a490f728e66292bc9bce42efc9bbb5278bae40e4f30f6e00fe8c"
_HELLO: Final = "sha256:3da1996a8115d7616457760d9920b815241d0a03b34cf5f04e9a0e9d8de37498"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message."""

    sender: str
    headers: Mapping[str, str]
    body: bytes


def recorded(name: str) -> list[Recorded]:
    """The messages of a file."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    return [
        Recorded(SENDERS[name], CIMultiDict(each["headers"]), each["body"].encode())
        for each in found
    ]


def _event(
    repository: str, tag: str = "", digest: str = "", *, deleted: bool = False
) -> ImageEvent:
    named = Digest.parse(digest) if digest else None
    return ImageEvent(Repository(repository), Tag(tag) if tag else None, named, deleted)


_CHILD: Final = MADE.children[0].digest
_BY_DISTRIBUTION: Final = (
    None,  # a blob
    _event("shop/app", digest=_CHILD),
    _event("shop/app", digest=MADE.digest),
    _event("shop/app", "v1", MADE.digest),
    None,  # a pull
    _event("shop/app", digest=_CHILD, deleted=True),
)
SENDERS: Final = {
    "distribution-2.8": "distribution",
    "distribution-3.1.1": "distribution",
    "gitea-1.26.0": "Gitea",
    "github": "GitHub",
    "harbor-default": "Harbor",
    "harbor-cloudevents": "Harbor",
    "zot-2.1": "zot",
}
SAID: Final = {
    "distribution-2.8": _BY_DISTRIBUTION,
    "distribution-3.1.1": (*_BY_DISTRIBUTION, _event("shop/app", "v2", deleted=True)),
    "gitea-1.26.0": (
        _event("shop/app/web", digest=_CHILD),
        _event("shop/app/web", "v1"),
        _event("shop/app/web", digest=_CHILD, deleted=True),
        _event("shop/app/web", "v1", deleted=True),
    ),
    "github": (
        _event("codertocat/hello-world-npm", digest=_HELLO),
        _event("codertocat/hello-world-npm", "v1", _HELLO),
        _event("codertocat/hello-world-npm", "v1", _HELLO),
        None,
        None,
    ),
    "harbor-default": (
        _event("library/busybox", "latest", _BUSYBOX),
        _event("library/busybox", "latest", _BUSYBOX, deleted=True),
        _event("library/busybox", digest=_BUSYBOX, deleted=True),
        None,
        None,
    ),
    "harbor-cloudevents": (
        _event("library/busybox", "latest", _BUSYBOX),
        _event("library/busybox", digest=_BUSYBOX, deleted=True),
        None,
    ),
    "zot-2.1": (
        None,
        _event("shop/app", digest=_CHILD),
        _event("shop/app", digest=MADE.digest),
        _event("shop/app", "v1", MADE.digest),
        _event("shop/app", "v2", MADE.digest, deleted=True),
    ),
}
"""By file: the event of each message, in order; None where nothing is to be audited for it."""
