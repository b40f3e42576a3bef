"""A real Prometheus reads what is served, and the shipped rules fire on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts.monitoring import Prometheus, impatient, prometheus
from tests.parts.process import until
from tests.publish.reports import digest, incident
from tests.publish.web.serving import HASHED, SECRET, Served, serving
from tests.publish.web.test_server import certify, users, write_tls
from tests.shipped.rules import FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.parts.certificates import Authority

pytestmark = pytest.mark.real


async def ask(folder: Path, scrape: dict[str, Any], look: Callable[[Prometheus], Any]) -> Any:
    """Run Prometheus beside the server of this test until a look finds something."""

    def run() -> Any:
        rules = [impatient(path, folder / "rules") for path in FILES]
        with prometheus(folder / "prometheus", scrape, rules) as server:
            return until(lambda: look(server), "Prometheus has seen it")

    return await asyncio.to_thread(run)


def targets(served: Served) -> dict[str, Any]:
    return {"static_configs": [{"targets": [f"localhost:{served.port}"]}]}


async def test_a_broken_live_tag_fires_once_and_names_platforms_and_digests(tmp_path: Path) -> None:
    async with serving() as served:
        firing = await ask(
            tmp_path, targets(served), lambda server: server.firing("RegistryLiveTagBroken")
        )

    broken = {(each.root.repository, each.root.tag) for each in incident().verdicts[:2]}
    found = [(each["labels"]["repository"], each["labels"]["tag"]) for each in firing]
    assert sorted(found) == sorted(broken)
    (app,) = (each for each in firing if each["labels"]["repository"] == "shop/app")
    text = app["annotations"]["description"]
    assert f"linux/amd64 {digest('amd64')} missing; linux/arm64 {digest('arm64')} missing." in text
    assert str(digest("attestation")) not in text


async def test_the_live_metrics_at_the_end_of_a_compressed_scrape_arrive(tmp_path: Path) -> None:
    async with serving() as served:
        found = await ask(
            tmp_path,
            targets(served),
            lambda server: server.query("process_cpu_seconds_total and on () pullproof_build_info"),
        )

    assert len(found) == 1


async def test_prometheus_comes_in_over_tls_and_with_a_password(
    tmp_path: Path, authority: Authority
) -> None:
    certify(authority, tmp_path, "server")
    config = write_tls(tmp_path / "web.yml")
    with_users = users(tmp_path, prom=HASHED).read_text()
    config.write_text(config.read_text() + with_users)
    async with serving(config) as served:
        scrape = targets(served) | {
            "scheme": "https",
            "tls_config": {"ca_file": str(authority.certificate)},
            "basic_auth": {"username": "prom", "password": SECRET},
        }
        found = await ask(tmp_path, scrape, lambda server: server.query('up{job="pullproof"} == 1'))

    assert len(found) == 1
