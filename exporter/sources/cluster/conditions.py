"""Conditions on the labels of nodes, as the scheduler evaluates them."""

import re
from collections.abc import Mapping
from typing import Final

from exporter.sources.cluster.objects import NodeSelectorRequirement

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
"""Integers of Go's `ParseInt`, without underscores."""


def matches(condition: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """Do labels fulfil a condition?

    Source: Kubernetes `component-helpers/scheduling/corev1/nodeaffinity`.
    """
    value = labels.get(condition.key)
    match condition.operator:
        case "In":
            return value in condition.values
        case "NotIn":
            return value not in condition.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            # Whole numbers; what is none matches nothing.
            texts = (value or "", *condition.values[:1])
            numbers = [int(text) for text in texts if _NUMBER.fullmatch(text)]
            ordered = numbers if condition.operator == "Lt" else numbers[::-1]
            return len(ordered) == len(texts) == 2 and ordered[0] < ordered[1]  # noqa: PLR2004 - both of them
    return False
