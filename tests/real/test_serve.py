"""Does the exporter keep its word through kills, reloads and stops, before a real registry?"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.parts.front import front
from tests.parts.needs import program
from tests.parts.process import PATIENCE, until
from tests.parts.product import Json, exporter, run
from tests.parts.registry import Registry, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.http import Answer, Asked
    from tests.parts.product import Exporter

pytestmark = pytest.mark.real

SOUND, HURT = two_platforms("sound"), two_platforms("hurt")
LOST: Final = HURT.children[0]


@dataclass(frozen=True, slots=True)
class Valve:
    """Holds requests for content back, so that an audit stays where it is."""

    open: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    """Is a request waiting?"""

    def __call__(self, asked: Asked) -> Answer | None:
        if "/manifests/" in asked.target and not self.open.is_set():
            self.held.set()
            self.open.wait()
        return None

    def close(self) -> None:
        """Hold back from now on."""
        self.held.clear()
        self.open.clear()


@dataclass(frozen=True, slots=True)
class Site:
    """A registry with a broken tag, behind a valve, and how to watch it."""

    registry: Registry
    valve: Valve
    settings: Json
    folder: Path

    @contextmanager
    def watched(self, *words: str, **more: Any) -> Iterator[Exporter]:
        """Run an exporter, each time with the same ledger."""
        with exporter(self.folder / "exporter", self.settings | more, None, *words) as running:
            yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    valve = Valve()
    valve.open.set()
    with registry(tmp_path / "registry") as server, front(server, valve) as before:
        server.push("sound", SOUND, "latest")
        server.push("hurt", HURT, "latest")
        with server.client("hurt") as client:
            client.delete(LOST.digest)
        # What is held back is never given up by itself.
        entry = {"url": before.url, "name": "main", "plain_http": True, "timeout": "1h"}
        settings = {"ledger": str(tmp_path / "ledger.db"), "registries": [entry]}
        try:
            yield Site(server, valve, settings, tmp_path)
        finally:
            valve.open.set()


WORDS: Final = {"watch": ("--watch-config",)}
"""As the chart runs it, where the configuration is reloaded when its file changes."""


def test_killed_within_an_audit_it_serves_the_last_truth_at_once(site: Site) -> None:
    since = "pullproof_tag_broken_since_timestamp_seconds"
    with site.watched() as first:
        until(lambda: first.ready().state("hurt:latest") == "broken", "the loss is known")
        first.audited()  # since when is older than the last audit
        site.valve.close()
        until(site.valve.held.is_set, "an audit is under way")
        known, broken_since = first.report(), first.value(since)
        first.server.kill()

    with site.watched() as second:
        said = second.ready()  # though no audit can end

        assert said.document["tags"] == known.document["tags"]
        assert said.document["findings"] == known.document["findings"]
        assert said.registry["taken_at"] == known.registry["taken_at"]
        assert second.value(since) == broken_since > 0
        assert second.value("pullproof_audits_total") == 0

        site.valve.open.set()
        later = second.audited()
        assert later.tag("hurt:latest")["since"] == known.tag("hurt:latest")["since"]
        assert second.value(since) == broken_since


def test_it_is_healthy_at_once_and_ready_after_the_first_audit(site: Site) -> None:
    site.valve.close()
    with site.watched() as running:
        assert running.get("/-/healthy").is_success
        assert running.get("/-/ready").status_code == 503
        waiting = "not audited yet: main\n"
        until(lambda: running.get("/-/ready").text == waiting, "it says what it waits for")
        assert running.report().document["tags"] == []
        assert running.get("/metrics").is_success

        site.valve.open.set()

        assert running.ready().state("sound:latest") == "present"


def test_a_registry_that_is_away_from_the_start_leaves_it_ready_and_empty(tmp_path: Path) -> None:
    entry = {"url": "http://127.0.0.1:1", "name": "away", "plain_http": True, "tries": 1}
    with exporter(tmp_path, {"registries": [entry]}) as running:
        said = running.ready()

        assert (said.registry["up"], said.registry["taken_at"]) == (False, None)
        assert running.value("pullproof_registry_up", registry="away") == 0
        assert "pullproof_tags{" not in running.get("/metrics").text


@pytest.mark.parametrize("by", ["signal", "request", "watch"])
def test_a_changed_configuration_is_taken_over(site: Site, by: str) -> None:
    with site.watched(*WORDS.get(by, ())) as running:
        assert set(names(running)) == {"hurt:latest", "sound:latest"}
        before = running.value("pullproof_config_hash")
        entry = site.settings["registries"][0] | {"repositories": {"only": ["sound"]}}
        running.configure(site.settings | {"registries": [entry]})

        reload(running, by)

        until(lambda: names(running) == ["sound:latest"], "the new scope is in force")
        assert running.value("pullproof_config_last_reload_successful") == 1
        assert running.value("pullproof_config_hash") != before


@pytest.mark.parametrize("by", ["signal", "request", "watch"])
def test_a_broken_configuration_is_refused_and_the_old_one_stays(site: Site, by: str) -> None:
    success = "pullproof_config_last_reload_successful"
    with site.watched(*WORDS.get(by, ())) as running:
        assert set(names(running)) == {"hurt:latest", "sound:latest"}
        before = running.value("pullproof_config_hash")
        running.configure(site.settings | {"intervall": "2s"})

        refused = reload(running, by)

        until(lambda: running.value(success) == 0, "the refusal is marked")
        assert "intervall" in refused
        running.audited()
        assert set(names(running)) == {"hurt:latest", "sound:latest"}
        assert running.value("pullproof_config_hash") == before

        running.configure(site.settings)
        reload(running, by)
        until(lambda: running.value(success) == 1, "the mended one is taken")


def test_a_reload_to_a_ledger_of_no_use_is_refused_and_the_process_lives(site: Site) -> None:
    with site.watched() as running:
        running.ready()
        running.configure(site.settings | {"ledger": "/no/such/folder/ledger.sqlite"})

        refused = running.post("/-/reload")

        assert refused.status_code == 500
        assert "the ledger's folder does not exist" in refused.text
        running.audited()
        assert running.value("pullproof_config_last_reload_successful") == 0


def names(running: Exporter) -> list[str]:
    return [f"{each['repository']}:{each['tag']}" for each in running.ready().document["tags"]]


def reload(running: Exporter, by: str) -> str:
    """Have the configuration loaded again; return what was answered, or logged by now."""
    if by == "request":
        return running.post("/-/reload").text
    log, said = running.server.log, "configuration reload"  # it was reloaded, or that failed
    before = log.read_text().count(said)
    if by == "signal":
        running.server.process.send_signal(signal.SIGHUP)
    until(lambda: log.read_text().rpartition("\n")[0].count(said) > before, "it is heard")
    return log.read_text()


def test_told_to_stop_within_an_audit_it_finishes_and_keeps_it(site: Site) -> None:
    with site.watched(interval="1h") as running:
        running.ready()
        site.valve.close()
        running.post("/-/reload")
        until(site.valve.held.is_set, "an audit is under way")
        site.registry.push("hurt", HURT, "latest")  # the loss is repaired meanwhile
        running.server.process.send_signal(signal.SIGTERM)
        until(lambda: '"stopping"' in running.server.log.read_text(), "the signal is heard")

        site.valve.open.set()

        assert running.server.process.wait(PATIENCE) == 0
        assert "Traceback" not in running.server.log.read_text()

    site.valve.close()
    with site.watched() as again:
        assert again.ready().state("hurt:latest") == "present"


def test_promtool_finds_no_fault_in_a_real_scrape(site: Site) -> None:
    with site.watched() as running:
        running.ready()
        scrape = running.get("/metrics").content

    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, check=False, input=scrape, capture_output=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_cannot_be_served_is_refused_in_one_line(site: Site) -> None:
    with site.watched() as running:
        taken = {"listen": [running.address]}
        config = site.folder / "second.yml"
        running.config.rename(config)
        running.configure(site.settings | taken)

        told = run("serve", "--config", str(running.config))

    assert (told.code, told.output) == (3, "")
    assert "Address already in use" in told.errors
    assert "Traceback" not in told.errors


def test_an_audit_that_is_asked_for_is_made_before_its_interval_ends(site: Site) -> None:
    with site.watched(interval="1h", shard="0/2") as running:
        running.ready()

        unknown = running.post("/-/audit?registry=typo")
        answers = [
            running.post(f"/-/audit?repository={each}") for each in ("sound", "hurt", "more", "app")
        ]
        (asked, *_) = [each for each in answers if each.status_code == 202]

        assert (unknown.status_code, unknown.text) == (
            404,
            "no such registry: typo; known are main\n",
        )
        assert asked.text.startswith("main: begins ")
        elsewhere = {each.text for each in answers if each.status_code == 404}
        assert all("shard 0/2 does not audit" in each for each in elsewhere)
        running.post("/-/audit?registry=main")
        until(lambda: running.value("pullproof_audits_total") == 2, "it was audited again")


def test_a_repository_that_is_asked_for_is_audited_alone(site: Site) -> None:
    entry = site.settings["registries"][0] | {"tags": {"select": ["*"]}}
    with site.watched(interval="1h", registries=[entry]) as running:
        before = running.ready()
        site.registry.push("sound", SOUND, "second")
        site.registry.push("hurt", SOUND, "second")

        running.post("/-/audit?repository=sound").raise_for_status()

        names = {f"{each['repository']}:{each['tag']}" for each in before.document["tags"]}
        until(lambda: len(running.report().document["tags"]) > len(names), "it was audited")
        seen = running.report().document["tags"]
        assert {f"{each['repository']}:{each['tag']}" for each in seen} - names == {"sound:second"}
        assert running.value("pullproof_audits_total") == 1


LACKS: Final[dict[str, Json]] = {
    "password": {"username": "reader", "password_file": "late/password"},
    "variable": {"username": "reader", "password_env": "NOT_SET_ANYWHERE"},
    "login": {"docker_config": "late/config.json"},
    "authority": {"ca_file": "late/ca.crt"},
    "client": {"certificate_file": "late/tls.crt"},
}
"""What a registry may name that is not there."""
REASONS: Final = dict.fromkeys(LACKS, "credentials") | dict.fromkeys(
    ("authority", "client"), "unreadable"
)
"""The reason of the gap for each lack."""


def test_what_one_registry_lacks_is_its_own_gap_and_stops_no_other(site: Site) -> None:
    (entry,) = site.settings["registries"]
    other = site.registry.url
    near = [other, *(each.replace("127.0.0.1", "localhost") for each in (other, entry["url"]))]
    far = [f"https://127.0.0.{index}:1" for index in (2, 3)]
    lacking = [
        {"url": url, "plain_http": url.startswith("http:"), "name": name, "tries": 1} | lacks
        for url, (name, lacks) in zip([*near, *far], LACKS.items(), strict=True)
    ]
    cluster = {"name": "away", "kubeconfig": "late/kubeconfig"}
    more: Json = {"registries": [entry, *lacking], "clusters": [cluster], "interval": "1s"}

    with site.watched(**more) as served:
        checked = run("serve", "--check-config", "--config", str(served.config))
        until(lambda: served.value("pullproof_registry_up", registry="main") == 1, "main is seen")
        until(lambda: all(REASONS[name] in seen(served, name) for name in LACKS), "each is a gap")
        until(lambda: unread(served) == {"credentials"}, "the cluster cannot be read")
        seen_tags = served.report().document["tags"]

        served.config.write_text(
            json.dumps(json.loads(served.config.read_text()) | {"interval": "2s"})
        )
        same = served.post("/-/reload")
        worse = json.loads(served.config.read_text())
        worse["registries"][0] |= LACKS["password"]
        served.config.write_text(json.dumps(worse))
        refused = served.post("/-/reload")

    assert checked.code == 2
    assert all(f"registries[{index}]." in checked.errors for index in range(1, 1 + len(LACKS)))
    assert "clusters[0].kubeconfig: no such file" in checked.errors
    assert ("main", "present") in {(each["registry"], each["state"]) for each in seen_tags}
    assert same.status_code == 200, same.text
    assert refused.status_code == 500
    assert "registries[0].password_file" in refused.text


def seen(served: Exporter, registry: str) -> set[str]:
    """Why some of a registry could not be seen."""
    gaps = served.report().document["gaps"]
    return {gap["reason"] for gap in gaps if gap["registry"] == registry}


def unread(served: Exporter) -> set[str]:
    """Why some references could not be read."""
    gaps = served.report().document["gaps"]
    return {gap["reason"] for gap in gaps if gap["scope"] == "references"}
