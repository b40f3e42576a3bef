"""Names in a cluster's objects: workloads by their owners, images, Secrets.

Whoever may create an object may use any text.
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
"""Maximum characters of a name: Kubernetes' own have at most 253."""
_LONGEST_REFERENCE: Final = 1_000
"""Maximum characters of an image: a host, a repository, a tag and a digest have fewer."""
_REFERENCES: Final = 16_384
"""Parsed references that are cached: many pods and nodes name the same."""
_SUBDOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_DEEPEST: Final = 8
_NODE: Final = "Node"


def plain(text: str) -> str:
    """Return a name for a report: printable, and not too long.

    Kubernetes accepts control characters in the names of owners and pull secrets, and any length.
    """
    return screen.plain(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


@lru_cache(_REFERENCES)
def reference(text: str) -> Reference:
    """Parse an image's name. Raises `Malformed`, at once for an oversized one.

    Kubernetes accepts any text there, also of a megabyte.
    """
    if len(text) > _LONGEST_REFERENCE:
        raise Malformed(f"not a reference: {len(text)} characters, {text[:80]!r}…")
    return Reference.parse(text)


def is_name(text: str) -> bool:
    """Is it a valid name of an object (RFC 1123 subdomain)? Any other may be a path of the API."""
    return bool(_SUBDOMAIN.fullmatch(text))


class Owners:
    """Owners of the objects of one cluster, as far as the lists show them."""

    def __init__(self, cluster: str) -> None:
        """Begin without owners."""
        self._cluster = cluster
        self._metas: dict[str, ObjectMeta] = {}
        self._tops: dict[tuple[str, str], Workload] = {}

    def know(self, meta: ObjectMeta) -> None:
        """Note an object that may own others."""
        if meta.owner_references:
            self._metas[meta.uid] = meta

    def top(self, kind: str, meta: ObjectMeta) -> Workload:
        """Return the workload of an object: its topmost owner.

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
    """Return the controller of an object, or else its first owner."""
    owners = meta.owner_references
    owner = meta.controller or (owners[0] if owners else None)
    return None if owner is None or owner.kind == _NODE else owner
