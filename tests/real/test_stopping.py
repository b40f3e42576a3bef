"""Does SIGTERM end the exporter whatever it waits for? What hangs here never answers."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
import yaml

from tests.parts.front import front
from tests.parts.http import Answer, serving
from tests.parts.process import until
from tests.parts.product import Json, exporter
from tests.parts.registry import registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.http import Asked
    from tests.parts.product import Exporter

pytestmark = pytest.mark.real

SOUND, HURT = two_platforms("sound"), two_platforms("hurt")
TOKEN: Final = "a-token-of-the-tests"
KILLED: Final = 10.0
"""Seconds after which `docker stop` and compose kill what has not ended: twice what is promised."""
EVENTS: Final = "application/vnd.docker.distribution.events.v1+json"
BUCKET: Final = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@dataclass(slots=True)
class Hanging:
    """What takes requests and answers none of those that it is told to hold."""

    holds: Callable[[str], bool] = lambda _: False
    held: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, asked: Asked) -> Answer | None:
        if self.holds(asked.target):
            self.held.set()
            self.over.wait()
        return None

    def all(self, asked: Asked) -> Answer:
        self.holds = lambda _: True
        return self(asked) or Answer(503)

    def hold(self, part: str) -> None:
        self.held.clear()
        self.holds = lambda target: part in target


@dataclass(frozen=True, slots=True)
class Scene:
    """An exporter that waits for what `hanging` holds."""

    settings: Json
    hanging: Hanging
    elsewhere: str
    """The address of a server of which no request is answered."""
    folder: Path

    @contextmanager
    def serving(self, **more: object) -> Iterator[Exporter]:
        settings = self.settings | more
        with exporter(self.folder / "exporter", settings, BUCKET) as running:
            yield running

    def held(self) -> None:
        until(self.hanging.held.is_set, "it waits")

    def kubeconfig(self, **user: object) -> Json:
        path = self.folder / "kubeconfig"
        named = {"cluster": {"server": self.elsewhere}, "user": user, "context": {}}
        named["context"] = {"cluster": "a", "user": "a"}
        document = {f"{key}s": [{"name": "a", key: value}] for key, value in named.items()}
        path.write_text(yaml.safe_dump(document | {"current-context": "a"}))
        return {"clusters": [{"name": "away", "kubeconfig": str(path), "timeout": "1h"}]}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    hanging = Hanging()
    with ExitStack() as stack:
        server = stack.enter_context(registry(tmp_path / "registry"))
        before = stack.enter_context(front(server, hanging))
        elsewhere = stack.enter_context(serving(hanging.all))
        stack.callback(hanging.over.set)
        server.push("sound", SOUND, "latest")
        server.push("hurt", HURT, "latest")
        with server.client("hurt") as client:
            client.delete(HURT.children[0].digest)
        (tmp_path / "token").write_text(TOKEN)
        entry = {"url": before.url, "name": "main", "plain_http": True, "timeout": "1h"}
        entry |= {"events": {"token_file": str(tmp_path / "token")}}
        settings = {"ledger": str(tmp_path / "ledger.db"), "registries": [entry]}
        yield Scene(settings, hanging, elsewhere, tmp_path)


def first_audit(scene: Scene) -> Iterator[Exporter]:
    scene.hanging.hold("/v2/")
    with scene.serving() as running:
        scene.held()
        yield running


def second_look(scene: Scene) -> Iterator[Exporter]:
    lost = "pullproof_registry_requests_total"
    with scene.serving(confirm_after="1h") as running:
        until(lambda: running.value(lost, code="404") > 0, "a loss is seen once")
        yield running


def list_of_a_cluster(scene: Scene) -> Iterator[Exporter]:
    with scene.serving(**scene.kubeconfig()) as running:
        scene.held()
        yield running


def credential_plugin(scene: Scene) -> Iterator[Exporter]:
    begun = scene.folder / "begun"
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh"}
    plugin |= {"args": ["-c", f"touch {begun}; sleep 6000"]}
    with scene.serving(**scene.kubeconfig(exec=plugin)) as running:
        until(begun.exists, "the plugin runs")
        yield running


def storage(scene: Scene) -> Iterator[Exporter]:
    (entry,) = scene.settings["registries"]
    entry["storage"] = {"url": "s3://bucket", "endpoint": scene.elsewhere, "region": "a"}
    with scene.serving() as running:
        scene.held()
        yield running


def event(scene: Scene) -> Iterator[Exporter]:
    with scene.serving(interval="1h") as running:
        running.ready()
        scene.hanging.hold("/sound/manifests/")
        target = {"repository": "sound", "tag": "latest", "digest": str(SOUND.digest)}
        body = json.dumps({"events": [{"id": "1", "action": "push", "target": target}]})
        answer = httpx.post(
            f"{running.url}/-/events/main",
            content=body,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": EVENTS},
            trust_env=False,
        )
        assert answer.is_success, answer.text
        scene.held()
        yield running


def publishing(scene: Scene) -> Iterator[Exporter]:
    facts = {"url": "s3://bucket/facts", "endpoint": scene.elsewhere, "region": "a"}
    with scene.serving(facts=facts) as running:
        scene.held()
        yield running


PHASES: Final = (
    *(first_audit, second_look, list_of_a_cluster, credential_plugin, storage, event, publishing),
)
"""A full verification that is stopped stands in `test_scrub`."""


@pytest.mark.parametrize("phase", PHASES)
def test_it_ends_though_what_it_waits_for_never_comes(
    scene: Scene, phase: Callable[[Scene], Iterator[Exporter]]
) -> None:
    with contextmanager(phase)(scene) as running:
        running.server.process.send_signal(signal.SIGTERM)

        assert running.server.process.wait(KILLED) == 0
        assert "Traceback" not in running.server.log.read_text()
