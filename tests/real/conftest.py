"""What tests of real parts may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.workloads import Site

if TYPE_CHECKING:
    from tests.parts.kubernetes import Kubernetes


@pytest.fixture
def site(cluster: Kubernetes) -> Site:
    """A namespace in a cluster that has an amd64 node `x1` and an arm64 node `a1`."""
    site = Site(cluster, cluster.namespace(), "registry.example")
    site.node("x1", "amd64")
    site.node("a1", "arm64", "shop/web:2")
    return site
