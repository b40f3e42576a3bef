"""One list of a cluster's objects, at one of its versions."""

import threading
import time
from collections.abc import Iterable
from typing import Any

from exporter.sources.cluster.api import ListEvent
from exporter.sources.cluster.custom import meta_of

Key = tuple[str, str]
"""Namespace and name: unique in a list."""


class KeptList:
    """Objects of a list: listed completely, then updated by the events of a watch.

    Any thread may call it.
    """

    def __init__(self) -> None:
        """Begin without a list."""
        self._lock = threading.Lock()
        self._objects: dict[Key, Any] = {}
        self._version = ""
        self._listings = 0
        self.listed: float | None = None
        """Time of the last list, on the monotonic clock."""

    @property
    def objects(self) -> list[Any]:
        """All objects, in a stable order."""
        with self._lock:
            return [each for _, each in sorted(self._objects.items(), key=lambda item: item[0])]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self._objects)

    @property
    def position(self) -> tuple[int, str]:
        """Number of the list, and the version from which a watch continues.

        The version is empty if no event can be applied.
        """
        with self._lock:
            return self._listings, self._version

    def replace(self, objects: Iterable[Any], version: str) -> bool:
        """Replace the list; return whether it changed."""
        given = list(objects)
        keyed = {_key(each): each for each in given}
        if len(keyed) < len(given) or any(not name for _, name in keyed):
            # A server of its own may tell no names: then no event tells which object it is about.
            keyed, version = {("", f"{n:09}"): each for n, each in enumerate(given)}, ""
        with self._lock:
            # A watch that is open goes on: its events up to the new version are passed over.
            self._listings += not _precedes(self._version, version)
            before, self._objects, self._version = self._objects, keyed, version
            self.listed = time.monotonic()
            return before != keyed

    def apply(self, event: ListEvent, listing: int) -> bool | None:
        """Apply an event that follows a list; return whether anything changed.

        None if another list replaced that one meanwhile. An event older than the list changes
        nothing.
        """
        with self._lock:
            if listing != self._listings:
                return None
            if _precedes(event.version, self._version):
                return False
            self._version = event.version
            if event.object is None:
                return False
            key = _key(event.object)
            before = self._objects.pop(key, None)
            if event.gone:
                return before is not None
            self._objects[key] = event.object
            return bool(before != event.object)


def _key(found: Any) -> Key:
    meta = meta_of(found) if isinstance(found, dict) else found.metadata
    return meta.namespace, meta.name


def _precedes(version: str, other: str) -> bool:
    """Is a version equal to another, or older?

    Versions of one list are increasing numbers (Kubernetes, API concepts, "Resource versions").
    """
    numbers = version.isdecimal() and other.isdecimal()
    return (bool(version) and version == other) or (numbers and int(version) <= int(other))
