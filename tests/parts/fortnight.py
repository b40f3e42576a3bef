"""Two weeks with the incident in them, in a real Prometheus that still scrapes the exporter.

The demonstration's content lies in real registries. One cannot be reached for a while, then a
cleanup takes what no tag protects; the exporter says so, each time in a scrape of its own.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from shutil import rmtree
from typing import TYPE_CHECKING, Final

import httpx

from exporter.demo.content import chart, multi_platform
from exporter.demo.storage_tree import CHART, CHECKOUT, FRONTEND, PAYMENTS, mirror, stock, suffer
from exporter.oci.reference import Repository
from exporter.store.ledger import Ledger
from tests.parts import monitoring, past
from tests.parts.front import front
from tests.parts.http import Answer
from tests.parts.needs import program
from tests.parts.past import TARGET, Phase
from tests.parts.process import PATIENCE, until
from tests.parts.product import exporter
from tests.parts.registry import registry
from tests.parts.workloads import Site, owned
from tests.shipped.rules import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from exporter.demo.storage_tree import StorageTree
    from tests.parts.http import Asked
    from tests.parts.kubernetes import Kubernetes
    from tests.parts.monitoring import Prometheus
    from tests.parts.past import Key
    from tests.parts.product import Exporter, Json

DAY: Final = 86400.0
OWNED: Final = "registry.example.com"
MIRROR: Final = "mirror.example.com"
REGISTRIES: Final = (OWNED, MIRROR)
_FORMER: Final = chart("shop", "1.3.0").digest
"""A tag still points at it, and somebody has removed its folder."""
_HURT: Final = 2
"""Live tags that are broken in the end."""
REPLICA: Final = "pullproof-1:10470"
_PINNED: Final = f"{FRONTEND}@{multi_platform(FRONTEND, '1.7.0').digest}"
_GIVEN_UP: Final = Repository("shop/legacy")
_SCRUB: Final = {"bytes_per_day": "4MiB"}
_TOKEN: Final = "a-token-of-the-registry-for-its-events"
_DENIED: Final = "/v2/infra/toolbox/"
"""A repository that the exporter's account may not read."""


@dataclass(slots=True)
class _Door:
    """What stands before the registry that the exporter watches."""

    shut: bool = False

    def __call__(self, asked: Asked) -> Answer | None:
        if self.shut:
            return Answer(503)
        return Answer(403) if asked.target.startswith(_DENIED) else None


@contextmanager
def fortnight(folder: Path, cluster: Kubernetes) -> Iterator[Prometheus]:
    """Live through the incident, and yield the Prometheus that remembers two weeks of it."""
    folder.mkdir(parents=True, exist_ok=True)
    door = _Door()
    with ExitStack() as stack:
        tree = _filled(folder)
        owned = stack.enter_context(registry(folder / "owned"))
        cache = stack.enter_context(registry(folder / "mirror"))
        before = stack.enter_context(front(owned, door))
        _deploy(cluster, before.host)
        stack.callback(cluster.forget)
        settings = _settings(folder, before.host, cache.host)
        settings["clusters"] = [
            {"name": "prod", "kubeconfig": str(cluster.kubeconfig(folder / "kubeconfig"))}
        ]
        well = _scrape(folder, settings)
        door.shut = True
        blind = _scrape(folder, settings)
        door.shut = False
        suffer(tree)
        tree.point(CHART, _FORMER, "1.3.0")
        _scrape(folder, settings)
        now = time.time()  # noqa: TID251 - the past ends where the live scrape begins
        broken_at = now - 2.2 * DAY
        _known_for(folder / "ledger.db", now - broken_at)
        running = stack.enter_context(exporter(folder / "exporter", settings))
        proof = "pullproof_scrub_oldest_live_proof_timestamp_seconds"
        until(lambda: running.value(proof), "it knows what was read whole")
        _said(running)
        _notify(running)
        broken = past.samples(running.get("/metrics").raise_for_status().text)
        _remember(folder, _phases(now, broken_at, well, blind, broken), broken_at)
        yield stack.enter_context(_watching(folder, running))


def _filled(folder: Path) -> StorageTree:
    """Write the storages, old enough for the exporter to say what is left over in them.

    Left over are two versions without a tag (one is pinned by digest), a repository that was
    removed by hand, and an upload.
    """
    tree = stock(folder / "owned" / "storage")
    mirror(folder / "mirror" / "storage")
    for version in ("1.6.0", "1.7.0"):
        tree.push(FRONTEND, multi_platform(FRONTEND, version))
    tree.push(_GIVEN_UP, multi_platform(_GIVEN_UP, "1.0"))
    rmtree(tree.repositories / _GIVEN_UP)
    upload = tree.repositories / "shop/frontend/_uploads/0b7e"
    upload.mkdir(parents=True)
    (upload / "data").write_bytes(b"half" * 2000)
    old = time.time() - 30 * DAY  # noqa: TID251 - ages of files are told by the machine's clock
    for path in folder.rglob("*"):
        os.utime(path, (old, old))
    return tree


def _deploy(cluster: Kubernetes, host: str) -> None:
    """Let a cluster with nodes of both platforms run what will be hit, one of it on a schedule."""
    site = Site(cluster, cluster.namespace("shop"), host)
    nodes = {"x1": "amd64", "a1": "arm64"}
    for name, architecture in nodes.items():
        site.node(name, architecture)
    for repository, version in ((CHECKOUT, "2.4.1"), (PAYMENTS, "3.0.7")):
        name, image = repository.rpartition("/")[2], f"{repository}:{version}"
        owner = site.controller("Deployment", name, image, replicas=len(nodes))
        running = f"{site.image(repository)}@{multi_platform(repository, version).digest}"
        told = {"name": "c", "image": site.image(image), "imageID": running, "ready": True}
        told |= {"restartCount": 0, "state": {"running": {}}}
        status = {"phase": "Running", "containerStatuses": [told]}
        for node in nodes:
            site.pod(f"{name}-{node}", image, node, metadata=owned(owner), status=status)
    site.schedule("reports", f"{CHECKOUT}:2.4.1", "30 4 * * *")


def _settings(folder: Path, owned: str, cache: str) -> Json:
    live = folder / "live.txt"
    names = ("shop/frontend:1.9.0", "platform/search:5.2.0", "infra/toolbox:2026.10", _PINNED)
    live.write_text("".join(f"{owned}/{name}\n" for name in names))
    common: Json = {"plain_http": True, "tags": {"select": ["*"]}}
    kept = {"path": str(folder / "owned" / "storage")}
    (folder / "events-token").write_text(_TOKEN)
    told = {"token_file": str(folder / "events-token")}
    return {
        "interval": "15m",
        "external_url": "https://audit.example.com",
        "ledger": str(folder / "ledger.db"),
        "references": [{"file": str(live), "platforms": ["linux/amd64", "linux/arm64"]}],
        "registries": [
            {"name": OWNED, "url": f"http://{owned}", "storage": kept, "scrub": _SCRUB}
            | {"events": told}
            | common,
            {"name": MIRROR, "url": f"http://{cache}", "role": "proxy"} | common,
        ],
    }


def _scrape(folder: Path, settings: Json) -> Mapping[Key, float]:
    """Let an exporter audit once, and scrape it."""
    with exporter(folder / "exporter", settings) as running:
        return _said(running)


def _said(running: Exporter) -> Mapping[Key, float]:
    """Scrape it once both registries were audited; until then it serves what was kept."""
    until(lambda: running.value("pullproof_audits_total") == len(REGISTRIES), "both are audited")
    return past.samples(running.get("/metrics").raise_for_status().text)


def _notify(running: Exporter) -> None:
    """Let the registry tell of a push, and wait for its verdict."""
    target = {"repository": "platform/search", "tag": "5.2.0", "digest": f"sha256:{'0' * 64}"}
    body = {"events": [{"id": "1", "action": "push", "target": target}]}
    headers = {
        "Authorization": f"Bearer {_TOKEN}",
        "Content-Type": "application/vnd.docker.distribution.events.v2+json",
    }
    where = f"{running.url}/-/events/{OWNED}"
    answer = httpx.post(where, json=body, headers=headers, trust_env=False, timeout=PATIENCE)
    answer.raise_for_status()
    counted = "pullproof_event_to_verdict_seconds_count"
    until(lambda: running.value(counted), "the event is audited")


def _known_for(path: Path, seconds: float) -> None:
    """Let what is known already be known for longer."""
    with Ledger(path, time.time) as ledger:  # noqa: TID251 - as the exporter itself opens it
        kept = ledger.last(OWNED)
        assert kept is not None
        since = {finding: first - seconds for finding, first in kept.since.items()}
        with kept.snapshot as file:
            ledger.keep(OWNED, file, since)


def _phases(
    now: float,
    broken_at: float,
    well: Mapping[Key, float],
    blind: Mapping[Key, float],
    broken: Mapping[Key, float],
) -> tuple[Phase, ...]:
    unseen = now - 9 * DAY
    return (
        Phase(now - 14 * DAY, unseen, well),
        Phase(unseen, unseen + 5 * 3600, blind),
        Phase(unseen + 5 * 3600, broken_at, well),
        Phase(broken_at, now, broken),
    )


def _remember(folder: Path, phases: tuple[Phase, ...], broken_at: float) -> None:
    """Write the past where Prometheus will look for it; in large blocks, which are made faster."""
    source, data = folder / "past.txt", folder / "prometheus" / "data"
    data.mkdir(parents=True)
    with source.open("w") as file:
        file.writelines(past.written(phases, broken_at))
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    command += ["--max-block-duration=360h", str(source), str(data)]
    subprocess.run(command, check=True, capture_output=True)


def _settled(server: Prometheus) -> bool:
    """Has it looked at the rules with what it scraped, after what it only remembered?"""
    pages = server.firing("RegistryLiveTagBroken")
    return len(pages) == _HURT and not server.firing("RegistryNeverAudited")


@contextmanager
def _watching(folder: Path, running: Exporter) -> Iterator[Prometheus]:
    """Scrape it under two names, as if it had a replica: one has the past, one is new."""
    names = [
        {"cluster": TARGET["cluster"], "instance": each} for each in (TARGET["instance"], REPLICA)
    ]
    scrape: Json = {
        "static_configs": [{"targets": [running.address], "labels": each} for each in names],
        "metric_relabel_configs": [past.NAMED],
    }
    rules = [monitoring.impatient(path, folder / "rules") for path in FILES]
    believed = f"{2 * past.INTERVAL:.0f}s"
    with monitoring.prometheus(folder / "prometheus", scrape, rules, believed=believed) as server:
        until(lambda: len(server.query('up{job="pullproof"} == 1')) == len(names), "two scrapes")
        until(lambda: _settled(server), "the alerts")
        yield server
