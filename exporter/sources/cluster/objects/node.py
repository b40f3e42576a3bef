"""On what does a node run, what keeps pods off it, and which images does it hold?"""

from __future__ import annotations

from exporter.sources.cluster.objects.meta import Labelled, Shape


class NodeInfo(Shape, frozen=True):
    """What a node is."""

    architecture: str = ""
    operating_system: str = ""


class Held(Shape, frozen=True):
    """An image that a node holds."""

    names: tuple[str, ...] | None = ()


class NodeStatus(Shape, frozen=True):
    """What a kubelet says of its node."""

    node_info: NodeInfo = NodeInfo()
    images: tuple[Held, ...] = ()


class Taint(Shape, frozen=True):
    """What keeps pods off a node."""

    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(Shape, frozen=True):
    """What is set for a node."""

    taints: tuple[Taint, ...] = ()


class Node(Shape, frozen=True):
    """A node."""

    metadata: Labelled
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
