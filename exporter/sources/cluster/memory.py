"""Nodes that were there lately, and the platforms on which workloads ran.

In a cluster whose nodes come and go, the nodes of one moment do not tell where pods may be started.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from exporter.facts.use import Use
from exporter.oci.platform import Platform
from exporter.sources.cluster.objects import Node, NodeSpec, NodeStatus

_HOSTNAME: Final = "kubernetes.io/hostname"
_MOST: Final = 1_000
"""Kinds of nodes that are remembered; a cluster has a few."""
_LONGEST_STEP: Final = 0.25
"""The part of the time that one reading may make pass: an outage of the cluster ages nothing."""


@dataclass(slots=True)
class ClusterMemory:
    """What one cluster showed lately."""

    keep: float
    """Seconds for which what is not there any more still counts."""
    _now: float = 0.0
    """Seconds for which the cluster was watched."""
    _read: float | None = None
    _nodes: dict[bytes, tuple[float, Node]] = field(default_factory=dict)
    _ran: dict[tuple[str, str], dict[Platform, float]] = field(default_factory=dict)
    _before: dict[tuple[str, str], frozenset[Platform]] = field(default_factory=dict)

    def begin(self, now: float) -> None:
        """Note that the cluster is read now, in seconds since the epoch."""
        passed = now - self._read if self._read is not None else 0.0
        self._now += min(max(passed, 0.0), self.keep * _LONGEST_STEP)
        self._read = now
        if not self.keep:
            self._nodes, self._ran, self._before = {}, {}, {}
        if self._now > self.keep:
            self._before = {}
        oldest = self._now - self.keep
        self._nodes = {key: each for key, each in self._nodes.items() if each[0] >= oldest}
        for ran in self._ran.values():
            for platform in [each for each, seen in ran.items() if seen < oldest]:
                del ran[platform]
        self._ran = {key: ran for key, ran in self._ran.items() if ran}

    def absent(self, nodes: Sequence[Node]) -> list[Node]:
        """Take the nodes that are there; return one of each kind that was there lately and is not.

        Nodes are of a kind where the same pods may be started on them.
        """
        there = {_kind(each): each for each in nodes}
        for kind, node in there.items():
            if kind in self._nodes or len(self._nodes) < _MOST:
                known = self._nodes.get(kind)
                self._nodes[kind] = (self._now, known[1] if known else _bare(node))
        return [node for kind, (_, node) in self._nodes.items() if kind not in there]

    def ran(self, owner: str, image: str, now: frozenset[Platform]) -> frozenset[Platform]:
        """Return where a workload runs an image, and where it did lately."""
        known = self._ran.setdefault((owner, image), {})
        known.update(dict.fromkeys(now, self._now))
        return frozenset(known)

    def recall(self, uses: Iterable[Use]) -> None:
        """Take for lately what was known before a restart."""
        for use in uses:
            key = (use.owner, str(use.reference))
            self._before[key] = self._before.get(key, frozenset()) | use.platforms

    def before(self, owner: str, image: str) -> frozenset[Platform]:
        """Return where a workload ran before a restart; which nodes there were is not known."""
        return self._before.get((owner, image), frozenset())


def _kind(node: Node) -> bytes:
    labels = {key: value for key, value in node.metadata.labels.items() if key != _HOSTNAME}
    info = node.status.node_info
    taints = sorted((each.key, each.value, each.effect) for each in node.spec.taints)
    return msgspec.json.encode((labels, taints, info), order="sorted")


def _bare(node: Node) -> Node:
    """Return a node without the images that it held and its own name."""
    labels = {key: value for key, value in node.metadata.labels.items() if key != _HOSTNAME}
    meta = msgspec.structs.replace(node.metadata, name="", labels=labels)
    return Node(meta, NodeSpec(node.spec.taints), NodeStatus(node.status.node_info))
