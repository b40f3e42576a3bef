"""Which platforms have a cluster's nodes, whom do they admit, and which images do they hold?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from exporter.facts.use import Holder
from exporter.oci.digest import Digest, Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, Repository, Tag
from exporter.sources.cluster.objects.node import Node
from exporter.sources.cluster.objects.pod import PodSpec
from exporter.sources.cluster.placement import admits
from exporter.sources.cluster.text import plain
from exporter.sources.cluster.text import reference as read

_FEW: Final = 3
"""Nodes that are named for one image."""

Name = tuple[str, "Repository", "Tag | Digest"]


class Fleet:
    """The nodes of one cluster. Where none can be seen, nothing is known of platforms."""

    def __init__(self, nodes: Sequence[Node], *, whole: bool) -> None:
        """Take the nodes; `whole` says that one that is not among them is not there."""
        self.whole = whole
        self._nodes = [(node, _platform(node)) for node in nodes]
        self._platforms = {node.metadata.name: platform for node, platform in self._nodes}
        self._held = _held(self._nodes)
        self._admitted: dict[bytes, frozenset[Platform]] = {}

    def bound(self, names: Iterable[str]) -> frozenset[Platform] | None:
        """Return the platforms of these nodes; None where one of them is not known.

        A node that has left the cluster needs nothing any more.
        """
        found: set[Platform] = set()
        for name in names:
            platform = self._platforms.get(name)
            if platform is not None:
                found.add(platform)
            elif name in self._platforms or not self.whole:
                return None
        return frozenset(found)

    def admitted(self, pod: PodSpec) -> frozenset[Platform]:
        """Return the platforms of all nodes on which a pod may be started."""
        system = pod.os.name if pod.os else ""
        terms = (pod.node_selector, pod.affinity, pod.tolerations, system)
        key = msgspec.json.encode(terms)
        if key not in self._admitted:
            self._admitted[key] = frozenset(self._admitting(pod))
        return self._admitted[key]

    def nowhere(self, pod: PodSpec) -> bool:
        """Is it sure that no node admits a pod? One need not say what it runs on to admit it."""
        return (
            self.whole
            and not self.admitted(pod)
            and not any(admits(node, pod) for node, platform in self._nodes if platform is None)
        )

    def _admitting(self, pod: PodSpec) -> set[Platform]:
        found: set[Platform] = set()
        for node, platform in self._nodes:
            if platform is not None and platform not in found and admits(node, pod):
                found.add(platform)
        return found

    def holders(self, reference: Reference, running: frozenset[Digest]) -> tuple[Holder, ...]:
        """Return the first few nodes that say they hold an image: by its name, or its content."""
        named = reference.digest or reference.tag
        names = {*running, *((named,) if named else ())}
        where = (reference.registry, reference.repository)
        found = {
            node: holder
            for name in names
            for node, holder in self._held.get((*where, name), {}).items()
        }
        return tuple(found[node] for node in sorted(found)[:_FEW])


def _platform(node: Node) -> Platform | None:
    """Return on what a node runs; None where it says half of that, or nothing, as virtual ones."""
    told = node.status.node_info
    try:
        platform = Platform.of(told.operating_system, told.architecture)
    except Malformed:
        return None
    return platform if platform.os and platform.architecture else None


def _held(nodes: Iterable[tuple[Node, Platform | None]]) -> dict[Name, dict[str, Holder]]:
    held: dict[Name, dict[str, Holder]] = {}
    names: dict[str, Name | None] = {}
    for node, platform in nodes:
        if platform is None:
            continue
        holder = Holder(plain(node.metadata.name), platform)
        for text in (text for image in node.status.images for text in image.names or ()):
            if text not in names:
                names[text] = _name(text)
            if name := names[text]:
                held.setdefault(name, {})[holder.node] = holder
    return held


def _name(text: str) -> Name | None:
    """Read one of `status.images[].names`; some runtimes write `<none>` there."""
    try:
        reference = read(text)
    except Malformed:
        return None
    name = reference.digest or reference.tag
    return (reference.registry, reference.repository, name) if name else None
