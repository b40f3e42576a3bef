"""Recent nodes, and the platforms on which workloads ran.

In a cluster whose nodes come and go, the current nodes do not show where pods may be started.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from exporter.facts.use import Use
from exporter.oci.platform import Platform
from exporter.sources.cluster.objects import Node, NodeSpec, NodeStatus

_HOSTNAME: Final = "kubernetes.io/hostname"
_MOST: Final = 1_000
"""Maximum kinds of nodes of one platform; a cluster has a few, unless each node has a label of its
own (`alpha.eksctl.io/instance-id`). Nodes of other platforms still count then."""
_LONGEST_STEP: Final = 0.25
"""Maximum share of the time that one read adds: an outage of the cluster ages nothing."""


@dataclass(slots=True)
class ClusterMemory:
    """Recent observations of one cluster."""

    keep: float
    """Seconds for which deleted nodes and placements still count."""
    _now: float = 0.0
    """Seconds for which the cluster was watched."""
    _read: float | None = None
    _nodes: dict[bytes, tuple[float, Node]] = field(default_factory=dict)
    _ran: dict[tuple[str, str], dict[Platform, float]] = field(default_factory=dict)
    _before: dict[tuple[str, str], frozenset[Platform]] = field(default_factory=dict)

    def begin(self, now: float) -> None:
        """Note a read of the cluster, in seconds since the epoch."""
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
        """Note the current nodes; return one of each kind that existed lately and does not now.

        Nodes are of one kind if the same pods may be started on them.
        """
        there = {_kind(each): each for each in nodes}
        many = Counter(node.status.node_info for _, node in self._nodes.values())
        for kind, node in there.items():
            info = node.status.node_info
            if kind in self._nodes or many[info] < _MOST:
                many[info] += kind not in self._nodes
                known = self._nodes.get(kind)
                self._nodes[kind] = (self._now, known[1] if known else _bare(node))
        return [node for kind, (_, node) in self._nodes.items() if kind not in there]

    def ran(self, owner: str, image: str, now: frozenset[Platform]) -> frozenset[Platform]:
        """Return the platforms on which a workload runs an image now, or did lately."""
        known = self._ran.setdefault((owner, image), {})
        known.update(dict.fromkeys(now, self._now))
        return frozenset(known)

    def recall(self, uses: Iterable[Use]) -> None:
        """Restore what was known before a restart."""
        for use in uses:
            key = (use.owner, str(use.reference))
            self._before[key] = self._before.get(key, frozenset()) | use.platforms

    def before(self, owner: str, image: str) -> frozenset[Platform]:
        """Return where a workload ran before a restart; the nodes themselves are unknown."""
        return self._before.get((owner, image), frozenset())


def _kind(node: Node) -> bytes:
    labels = {key: value for key, value in node.metadata.labels.items() if key != _HOSTNAME}
    info = node.status.node_info
    taints = sorted((each.key, each.value, each.effect) for each in node.spec.taints)
    return msgspec.json.encode((labels, taints, info), order="sorted")


def _bare(node: Node) -> Node:
    """Return a node without its cached images and its name."""
    labels = {key: value for key, value in node.metadata.labels.items() if key != _HOSTNAME}
    meta = msgspec.structs.replace(node.metadata, name="", labels=labels)
    return Node(meta, NodeSpec(node.spec.taints), NodeStatus(node.status.node_info))
