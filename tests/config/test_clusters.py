"""Is a cluster's section read as it is meant, and every mistake in it told with the way out?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.config.loading import Misconfigured, parse
from exporter.facts.use import ReferenceClass

if TYPE_CHECKING:
    from exporter.config.cluster import ClusterSettings

HEAD = "registries: [{url: https://a}]\nclusters:\n"


def clusters(text: str) -> tuple[ClusterSettings, ...]:
    return parse(f"{HEAD}{text}".encode(), {}).clusters


def faults(text: str) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        parse(f"{HEAD}{text}".encode(), {}, Path("/etc/p.yml"))
    return [line.removeprefix("/etc/p.yml: ") for line in str(caught.value).splitlines()]


def test_a_cluster_needs_nothing_and_is_named_after_how_it_is_reached() -> None:
    named = "- {}\n- {context: prod}\n- {in_cluster: true}\n- {name: edge, context: other}"

    assert [each.label for each in clusters(named)] == ["kubernetes", "prod", "in-cluster", "edge"]


def test_everything_that_can_be_said_of_a_cluster_is_read() -> None:
    (found,) = clusters(
        """
- name: prod
  context: p
  namespaces: [shop, default]
  leave_out: [jobs, nodes]
  rollback_depth: 0
  helm_history: true
  timeout: 5s
  custom_resources:
    - group: argoproj.io
      version: v1alpha1
      resource: workflows
      images: ["spec.templates[*].container.image"]
      class: idle
      idle: spec.suspend
      finished: {path: status.phase, values: [Succeeded]}
"""
    )

    assert (found.namespaces, found.leave_out) == (("shop", "default"), ("jobs", "nodes"))
    assert (found.rollback_depth, found.timeout) == (0, timedelta(seconds=5))
    (resource,) = found.custom_resources
    assert resource.images[0].steps == ("spec", "templates", "[*]", "container", "image")
    assert resource.reference_class is ReferenceClass.IDLE
    assert resource.finished
    assert resource.finished.values == ("Succeeded",)


RUN = "group: x.example, version: v1, resource: runs"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "- {in_cluster: true, context: prod}",
            "line 3: clusters[0].context: has no effect with in_cluster",
        ),
        (
            "- {in_cluster: true, kubeconfig: /dev/null}",
            "line 3: clusters[0].kubeconfig: has no effect with in_cluster",
        ),
        (
            "- {kubeconfig: /nonexistent/config}",
            "line 3: clusters[0].kubeconfig: no such file: /nonexistent/config",
        ),
        (
            "- {context: a}\n- {name: a}",
            "line 4: clusters[1].name: a already names another cluster",
        ),
        (
            "- {namespaces: [Shop]}",
            "line 3: clusters[0].namespaces[0]: not a namespace: 'Shop'",
        ),
        (
            "- {leave_out: [job]}",
            ("line 3: clusters[0].leave_out[0]: not a supported kind: 'job'; did you mean jobs?"),
        ),
        (
            "- {rollback_depth: -1}",
            "line 3: clusters[0].rollback_depth: must be at least 0",
        ),
        (
            "- {contexts: prod}",
            "line 3: clusters[0].contexts: unknown key; did you mean context?",
        ),
        (
            f"- {{custom_resources: [{{{RUN}, images: [a]}}, {{{RUN}, images: ['a[0]']}}]}}",
            (
                "line 3: clusters[0].custom_resources[1].images[0]: not a path such as"
                " spec.containers[*].image: 'a[0]'"
            ),
        ),
        (
            f"- {{custom_resources: [{{{RUN}, images: []}}]}}",
            "line 3: clusters[0].custom_resources[0].images: at least one is needed",
        ),
        (
            "- {custom_resources: [{group: apps, version: v1, resource: a/b, images: [a]}]}",
            "line 3: clusters[0].custom_resources[0].group: not an API group: 'apps'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_way_out(text: str, told: str) -> None:
    assert faults(text)[0] == told
