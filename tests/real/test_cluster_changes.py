"""Do verdicts stand while nodes of a real cluster come and go, and is what is missing told once?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from tests.parts.process import PATIENCE
from tests.parts.product import exporter, run
from tests.parts.registry import registry
from tests.parts.workloads import SHIPPED, Site
from tests.placements import TOLERATES_ALL, Placement, node

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real

ARM = "linux/arm64"
FLAPPING = (
    Placement("may", "arm64", f"live warning may {ARM}", {}, ("x1",)),
    Placement("both", "arm64", f"live critical must {ARM}", {}, ("x1", "a1")),
    Placement("all", "arm64", f"live critical must {ARM}", {}, ("x1",), kind="DaemonSet"),
    Placement("asked", "windows", "live critical", {}, ("x1",), require=("windows/amd64",)),
    Placement("tolerant", "amd64", "live critical must linux/amd64", TOLERATES_ALL, ("x1",)),
)
"""Five images; a report of 2dbdf97 calls the first four critical, or not, as the node is there."""


def test_no_verdict_follows_a_node_that_leaves_and_comes_back(
    cluster: Kubernetes, tmp_path: Path
) -> None:
    namespace, arm = cluster.namespace(), node("a1", "arm64")
    cluster.create(node("x1", "amd64"))
    cluster.create(arm)
    for case in FLAPPING:
        case.documents(namespace, cluster.create)
    access = Access("prod", {}, kubeconfig=cluster.kubeconfig(tmp_path / "a"), timeout=PATIENCE)
    lasting = Cluster(access, ClusterOptions(memory=86_400.0), lambda: 0.0)
    fleeting = Cluster(access, ClusterOptions(), lambda: 0.0)

    def said(source: Cluster) -> dict[str, str]:
        uses = source.uses().entries
        return {case.name: case.outcome(uses) for case in FLAPPING}

    meant = {case.name: case.means for case in FLAPPING}
    assert said(lasting) == said(fleeting) == meant
    cluster.delete("/api/v1/nodes/a1")
    assert said(lasting) == meant
    assert said(fleeting) != meant, "without memory the node would show"
    cluster.create(arm)
    assert said(lasting) == said(fleeting) == meant


def test_what_cannot_be_read_is_told_once_for_several_registries(
    cluster: Kubernetes, tmp_path: Path
) -> None:
    site = Site(cluster, cluster.namespace(), "registry.example")
    token = site.account("pullproof", *SHIPPED[1:], everywhere=True)
    kubeconfig = str(cluster.kubeconfig(tmp_path / "kubeconfig", token))
    with registry(tmp_path / "registry") as server:
        addresses = server.url, server.url.replace("127.0.0.1", "localhost")
        registries = [{"url": each, "plain_http": True} for each in addresses]
        clusters = [{"kubeconfig": kubeconfig, "name": "prod"}]
        settings = {"registries": registries, "clusters": clusters}
        with exporter(tmp_path / "exporter", settings) as running:
            running.ready()
            assert running.value("pullproof_reference_gaps", kind="pods", reason="denied") == 1
            served = running.report().document["gaps"]
            config = str(running.config)
            log = running.server.log.read_text()
        told = run("check", "--config", config, "--output", "json")
        text = run("check", "--config", config)

    for gaps in (served, told.said.document["gaps"]):
        told_of = sorted(each["subject"] for each in gaps)
        assert told_of == ["prod: pods", "prod: replicationcontrollers"]
    assert text.output.count("prod: pods") == 1, text.output
    assert "apscheduler" not in log
