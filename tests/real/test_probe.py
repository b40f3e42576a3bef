"""Does /probe tell of one reference what a real registry really has, and leave others alone?"""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.parts import http
from tests.parts.monitoring import prometheus
from tests.parts.needs import program
from tests.parts.process import until
from tests.parts.product import exporter
from tests.parts.registry import Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.product import Exporter
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

APP = two_platforms("app")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Exporter]]:
    """A registry with a password that lost an image, and an exporter that never looks by itself."""
    folder = tmp_path_factory.mktemp("site")
    password = folder / "password"
    password.write_text(PASSWORD)
    with registry(folder / "registry", Settings(basic=True)) as server:
        server.push("whole", APP, "v1")
        server.push("lost", APP, "v1")
        with server.client("lost") as client:
            client.delete(APP.children[0].digest)
        entry = {
            "url": server.url,
            "plain_http": True,
            "username": USER,
            "password_file": str(password),
            "repositories": {"catalog": False},
        }
        with exporter(folder / "exporter", {"registries": [entry], "interval": "1h"}) as running:
            running.ready()
            yield server, running


def probe(running: Exporter, target: str, more: str = "") -> dict[str, float]:
    answer = running.get(f"/probe?target={target}{more}")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    samples = (sample for family in families for sample in family.samples)
    return {" ".join((each.name, *each.labels.values())): each.value for each in samples}


def test_it_tells_what_is_there_from_what_is_lost_and_what_never_was(
    site: tuple[Registry, Exporter],
) -> None:
    server, running = site
    whole = probe(running, f"{server.host}/whole:v1")
    lost = probe(running, f"{server.host}/lost:v1")
    other = probe(running, f"{server.host}/lost:v1", f"&platform={APP.children[1].platform}")
    never = probe(running, f"{server.host}/whole:never")

    assert (whole["probe_success"], whole["probe_children required present"]) == (1, 2)
    assert (lost["probe_success"], lost["probe_children required missing"]) == (0, 1)
    assert lost["probe_state broken"] == 1
    assert other["probe_success"] == 1
    assert (never["probe_success"], never["probe_state missing"]) == (0, 1)


def test_it_leaves_no_trace_in_what_the_audits_say(site: tuple[Registry, Exporter]) -> None:
    server, running = site
    before = running.report().document["tags"]
    probe(running, f"{server.host}/lost:v1")

    assert running.report().document["tags"] == before == []


def test_promtool_finds_no_fault_in_it(site: tuple[Registry, Exporter]) -> None:
    server, running = site
    answer = running.get(f"/probe?target={server.host}/whole:v1").content
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, check=False, input=answer, capture_output=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_host_that_is_not_configured_is_never_asked(site: tuple[Registry, Exporter]) -> None:
    _, running = site
    asked: list[http.Asked] = []

    def note(request: http.Asked) -> http.Answer:
        asked.append(request)
        return http.Answer(200)

    with http.serving(note) as url:
        host = url.partition("//")[2]
        answer = running.get(f"/probe?target={host}/app:v1")

    assert (answer.status_code, asked) == (400, [])
    assert f"{host}: not a configured registry" in answer.text
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert secret not in answer.text
    assert PASSWORD not in answer.text


def test_a_prometheus_probes_as_the_docs_say(
    site: tuple[Registry, Exporter], tmp_path: Path
) -> None:
    server, running = site
    references = [f"{server.host}/whole:v1", f"{server.host}/lost:v1"]
    job = {
        "metrics_path": "/probe",
        "scrape_interval": "5s",
        "scrape_timeout": "5s",
        "static_configs": [{"targets": references}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": running.address},
        ],
    }
    with prometheus(tmp_path, job, []) as server_of_rules:

        def told() -> bool:
            found = server_of_rules.query("probe_success")
            values = {each["metric"]["instance"]: each["value"][1] for each in found}
            return values == dict(zip(references, "10", strict=True))

        until(told, "both are probed: one is whole, one is lost")
