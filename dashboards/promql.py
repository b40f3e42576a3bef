"""How is a metric asked for, so that nothing is counted twice and every choice is obeyed?

Names and labels come from the catalogue. Every selector obeys the variables `cluster`, `job`,
`instance` and, where the metric has that label, `registry`. A registry is one of its cluster: two
clusters may each have one of the same name.
"""

from __future__ import annotations

from typing import Final

from exporter.publish.metrics import catalogue
from exporter.publish.metrics.family import Family

TARGET: Final = 'cluster=~"$cluster",job=~"$job",instance=~"$instance"'
NAMED: Final = ("registry", "instance", "source")
"""Labels whose values are names within one cluster."""
_CLUSTER: Final = "cluster, "
_TAG: Final = "registry, repository, tag, class"


ONE_REGISTRY: Final = 'registry="$registry"'
"""For a choice of one: Grafana escapes regular expressions only where several may be chosen, and
else the dots of a host would stand for any character."""


def series(family: Family, *where: str, suffix: str = "") -> str:
    """Which series of a family are chosen? `where` holds further matchers."""
    several = "registry" in family.labels and ONE_REGISTRY not in where
    chosen = (TARGET, *(('registry=~"$registry"',) if several else ()), *where)
    return f"{family.name}{suffix}{{{','.join(chosen)}}}"


def within(labels: str) -> str:
    """Return labels to group or join by: with the cluster, where one of them is a name in it."""
    return f"{_CLUSTER}{labels}" if {*NAMED} & {*labels.split(", ")} else labels


def each(by: str, family: Family, *where: str) -> str:
    """What is said of each object? Once, however many exporters say it."""
    return f"max by ({within(by)}) ({series(family, *where)})"


def earliest(by: str, family: Family, *where: str) -> str:
    """When is the first of them? Of moments in time, or of yes and no: is it so for all?"""
    return f"min by ({within(by)}) ({series(family, *where)})"


def least(by: str, family: Family, *where: str) -> str:
    """What holds of all parts of it? The least of what shards say; replicas of one are one."""
    return f"min by ({within(by)}) ({each(', '.join(family.labels), family, *where)})"


def total(by: str, family: Family, *where: str) -> str:
    """How many are there of all objects? Each counted once, and those of all shards added."""
    labels = f"{_CLUSTER}{', '.join(family.labels)}".removesuffix(", ")
    inner = f"max by ({labels}) ({series(family, *where)})"
    return f"sum by ({within(by)}) ({inner})" if by else f"sum({inner})"


def rate(by: str, family: Family, *where: str, suffix: str = "") -> str:
    """How much happens in a second? Each exporter's own doing, so all of it is added."""
    return (
        f"sum by ({within(by)}) (rate({series(family, *where, suffix=suffix)}[$__rate_interval]))"
    )


def age(family: Family) -> str:
    """How many seconds ago was it, in each registry? Of shards, the one where it was first."""
    return f"time() - {least('registry', family)}"


def owned(expression: str, *where: str) -> str:
    """What remains without pull-through caches, which are partial by design?"""
    caches = series(catalogue.REGISTRY_INFO, *where, PROXY)
    return f"(({expression}) unless on (cluster, registry) {caches})"


PROXY: Final = 'role="proxy"'
REQUIRED: Final = 'need="required"'
GONE: Final = 'state=~"missing|broken"'


def losses(*where: str) -> str:
    """How much of what a pull needs is proven not to be there, for each tag? As the alerts ask."""
    return owned(
        f"{each(_TAG, catalogue.TAG_MISSING_CHILDREN, REQUIRED, *where)}"
        f" + {each(_TAG, catalogue.TAG_BROKEN_CHILDREN, REQUIRED, *where)}"
        f" + {each(_TAG, catalogue.TAG_LACKING_PLATFORMS, *where)}",
        *(matcher for matcher in where if matcher == ONE_REGISTRY),
    )


def flag(expression: str, value: int) -> str:
    """Where the expression has a series: this number, to be told apart by a value mapping."""
    return f"({expression}) * 0 + {value}"
