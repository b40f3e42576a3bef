"""A cluster's pods, listed by the official client's typed API in a process of its own.

python -m benchmarks.parts.typed_lister KUBECONFIG
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kubernetes import client, config

from benchmarks.parts.listed import measure


def _typed(path: Path) -> int:
    config.load_kube_config(str(path))
    core = client.CoreV1Api()
    found: list[Any] = []
    further = None
    while True:
        page = core.list_pod_for_all_namespaces(limit=500, _continue=further)
        found += page.items
        further = page.metadata._continue  # noqa: SLF001 - so the client calls the field
        if not further:
            return len(found)


if __name__ == "__main__":
    measure(_typed, Path(sys.argv[1]))
