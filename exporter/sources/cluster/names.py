"""Names in a cluster's objects: workloads by their owners, images, Secrets.

Whoever may create an object may write anything there.
"""

import re
from functools import lru_cache
from typing import Final

from exporter import screen
from exporter.facts.use import Workload
from exporter.oci.digest import Malformed
from exporter.oci.reference import Reference
from exporter.sources.cluster.objects import ObjectMeta, OwnerReference

_LONGEST: Final = 300
"""Characters of a name: Kubernetes' own have at most 253."""
_LONGEST_REFERENCE: Final = 1_000
"""Characters of an image's name: a host, a repository, a tag and a digest have fewer."""
_REFERENCES: Final = 16_384
"""References that are kept read: many pods and nodes name the same."""
_SUBDOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_DEEPEST: Final = 8
_NODE: Final = "Node"


def plain(text: str) -> str:
    """Return a name as it may stand in a report: printable, and not too long.

    Kubernetes takes control characters in the names of owners and pull secrets, and any length.
    """
    return screen.plain(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


@lru_cache(_REFERENCES)
def reference(text: str) -> Reference:
    """Read an image's name; raise `Malformed` for what is none, at once where it is far too long.

    Kubernetes takes any text there, of a megabyte too.
    """
    if len(text) > _LONGEST_REFERENCE:
        raise Malformed(f"not a reference: {len(text)} characters, {text[:80]!r}…")
    return Reference.parse(text)


def is_name(text: str) -> bool:
    """May an object have this name (RFC 1123 subdomain)? What may not is a path of its own."""
    return bool(_SUBDOMAIN.fullmatch(text))


class Owners:
    """Who made what in one cluster, as far as the lists show it."""

    def __init__(self, cluster: str) -> None:
        """Begin with nothing known of a cluster."""
        self._cluster = cluster
        self._metas: dict[str, ObjectMeta] = {}
        self._tops: dict[tuple[str, str], Workload] = {}

    def know(self, meta: ObjectMeta) -> None:
        """Take note of an object that may own others."""
        if meta.owner_references:
            self._metas[meta.uid] = meta

    def top(self, kind: str, meta: ObjectMeta) -> Workload:
        """Return the workload that an object belongs to: the last owner that anything names.

        A static pod is owned by its node, which is no workload.
        """
        owner = _owner(meta)
        if owner is None:
            return self._workload(meta.namespace, kind, meta.name)
        key = (owner.uid, meta.namespace)
        if key not in self._tops:
            self._tops[key] = self._follow(owner, meta.namespace)
        return self._tops[key]

    def _follow(self, owner: OwnerReference, namespace: str) -> Workload:
        for _ in range(_DEEPEST):
            meta = self._metas.get(owner.uid)
            above = _owner(meta) if meta else None
            if above is None:
                break
            owner = above
        return self._workload(namespace, owner.kind, owner.name)

    def _workload(self, namespace: str, kind: str, name: str) -> Workload:
        return Workload(self._cluster, plain(namespace), plain(kind), plain(name))


def _owner(meta: ObjectMeta) -> OwnerReference | None:
    """Return who made it: its controller, or else the first that it names."""
    owners = meta.owner_references
    owner = meta.controller or (owners[0] if owners else None)
    return None if owner is None or owner.kind == _NODE else owner
