"""Is a pod admitted to exactly those nodes to which the scheduler would admit it?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.cluster.nodes import admits
from exporter.sources.cluster.objects import Node, PodSpec

LABELS = {"kubernetes.io/arch": "arm64", "pool": "a", "cores": "8", "grouped": "1_000"}


def node(*taints: dict[str, str], os: str = "linux", **labels: str) -> Node:
    document = {
        "metadata": {"name": "n1", "labels": LABELS | labels},
        "spec": {"taints": taints},
        "status": {"nodeInfo": {"operatingSystem": os, "architecture": "arm64"}},
    }
    return msgspec.convert(document, Node)


def pod(**spec: Any) -> PodSpec:
    return msgspec.convert(spec, PodSpec)


def drawn(*terms: list[dict[str, Any]], fields: list[dict[str, Any]] | None = None) -> PodSpec:
    """A pod whose required node affinity has these terms."""
    made: list[dict[str, Any]] = [{"matchExpressions": term} for term in terms]
    made += [{"matchFields": fields}] if fields is not None else []
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": made}}
    return pod(affinity={"nodeAffinity": required})


def term(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": values}


def test_a_selector_must_match_in_every_label() -> None:
    assert admits(node(), pod(nodeSelector={"pool": "a"}))
    assert not admits(node(), pod(nodeSelector={"pool": "a", "kubernetes.io/arch": "amd64"}))
    assert not admits(node(), pod(nodeSelector={"absent": ""}))


@pytest.mark.parametrize(
    ("condition", "admitted"),
    [
        (term("pool", "In", "b", "a"), True),
        (term("pool", "In", "b"), False),
        (term("absent", "In", "b"), False),
        (term("pool", "NotIn", "b"), True),
        (term("pool", "NotIn", "a"), False),
        (term("absent", "NotIn", "a"), True),
        (term("pool", "Exists"), True),
        (term("absent", "Exists"), False),
        (term("absent", "DoesNotExist"), True),
        (term("pool", "DoesNotExist"), False),
        (term("cores", "Gt", "7"), True),
        (term("cores", "Gt", "8"), False),
        (term("cores", "Lt", "9"), True),
        (term("cores", "Lt", "8"), False),
        (term("absent", "Lt", "9"), False),
        (term("pool", "Gt", "1"), False),
        (term("cores", "Gt"), False),
        (term("grouped", "Gt", "1"), False),
        (term("pool", "Unheard", "a"), False),
    ],
)
def test_each_operator_means_what_it_means_to_the_scheduler(
    condition: dict[str, Any], *, admitted: bool
) -> None:
    assert admits(node(), drawn([condition])) is admitted


def test_one_term_is_enough_and_in_it_every_condition_must_hold() -> None:
    good, bad = term("pool", "Exists"), term("pool", "In", "b")

    assert admits(node(), drawn([bad], [good]))
    assert not admits(node(), drawn([good, bad]))


def test_a_term_without_conditions_and_no_terms_match_no_node() -> None:
    assert not admits(node(), drawn([]))
    assert not admits(node(), drawn())


def test_a_field_selects_a_node_by_its_name() -> None:
    assert admits(node(), drawn(fields=[term("metadata.name", "In", "n1")]))
    assert not admits(node(), drawn(fields=[term("metadata.name", "In", "n2")]))
    assert not admits(node(), drawn(fields=[term("metadata.name", "NotIn", "n1")]))


GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "admitted"),
    [
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "value": "yes", "effect": "NoExecute"}, False),
        ({"key": "cpu", "operator": "Exists"}, False),
        ({}, False),
    ],
)
def test_a_taint_keeps_off_whoever_does_not_tolerate_it(
    toleration: dict[str, str], *, admitted: bool
) -> None:
    assert not admits(node(GPU), pod())
    assert admits(node(GPU), pod(tolerations=[toleration])) is admitted


@pytest.mark.parametrize(
    ("operator", "value", "admitted"),
    [
        ("Gt", "750", True),
        ("Gt", "950", False),
        ("Lt", "1000", True),
        ("Lt", "800", False),
        ("Gt", "many", False),
    ],
)
def test_a_taint_may_be_tolerated_by_its_number(
    operator: str, value: str, *, admitted: bool
) -> None:
    taint = {"key": "example.com/sla", "value": "950", "effect": "NoSchedule"}
    toleration = {"key": "example.com/sla", "operator": operator, "value": value}

    assert admits(node(taint), pod(tolerations=[toleration])) is admitted


def test_a_preference_keeps_nobody_off() -> None:
    assert admits(node(GPU | {"effect": "PreferNoSchedule"}), pod())


@pytest.mark.parametrize("state", ["not-ready", "unschedulable", "disk-pressure"])
def test_how_a_node_does_right_now_does_not_matter(state: str) -> None:
    taint = {"key": f"node.kubernetes.io/{state}", "effect": "NoSchedule"}

    assert admits(node(taint), pod())


def test_a_windows_node_takes_no_pod_that_says_linux() -> None:
    assert not admits(node(os="windows"), pod(os={"name": "linux"}))
    assert admits(node(os="windows"), pod(os={"name": "windows"}))
    assert admits(node(os="windows"), pod())


@given(key=st.sampled_from(sorted(LABELS)), value=st.text(max_size=3), with_own=st.booleans())
def test_in_and_not_in_are_opposites_wherever_the_label_is(
    key: str, value: str, *, with_own: bool
) -> None:
    values = (value, *((LABELS[key],) if with_own else ()))
    within = admits(node(), drawn([term(key, "In", *values)]))

    assert within is (LABELS[key] in values)
    assert within is not admits(node(), drawn([term(key, "NotIn", *values)]))
