"""A real Prometheus and Alertmanager, and somebody who is paged."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

from tests.parts.http import Answer, Asked, serving
from tests.parts.needs import program
from tests.parts.process import PATIENCE, Running, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LISTENING: Final = r'msg="Listening on" address=([\w.:]+)'
_OFTEN: Final = "250ms"
SCRAPED: Final = "2s"
"""As often as rules are looked at, a busy machine would not answer in time, and so never."""
_ABSENT: Final = "absent("
"""Before the first scrape everything is absent: what speaks of that is not hurried."""
_ALERTS: Final = Path(__file__).parents[2] / "alerts"
RULES: Final = tuple(
    path for path in sorted(_ALERTS.glob("*.yml")) if path.name != "alertmanager.yml"
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that is up."""

    server: Running

    def query(self, expression: str, at: float | None = None) -> list[Json]:
        """The vector that an expression gives now, or at a time: `metric` and `value` of each."""
        when = {} if at is None else {"time": f"{at}"}
        found = self._ask("query", query=expression, **when)
        return list(found["result"])

    def over(self, expression: str, begin: float, end: float, step: float) -> list[Json]:
        """The series that an expression gives over a time: `metric` and `values` of each."""
        span = {"start": f"{begin}", "end": f"{end}", "step": f"{step}"}
        return list(self._ask("query_range", query=expression, **span)["result"])

    def firing(self, alert: str) -> list[Json]:
        """The alerts of that name that fire now, with labels and annotations."""
        return [each for each in self.alerts() if each["labels"]["alertname"] == alert]

    def alerts(self) -> list[Json]:
        """All alerts that fire now."""
        return [each for each in self._ask("alerts")["alerts"] if each["state"] == "firing"]

    def _ask(self, endpoint: str, **parameters: str) -> Json:
        url = f"http://{self.server.address}/api/v1/{endpoint}"
        answer = httpx.get(url, params=parameters, trust_env=False, timeout=PATIENCE)
        return dict(answer.raise_for_status().json()["data"])


@contextmanager
def prometheus(
    folder: Path,
    scrape: Json,
    rules: Sequence[Path] = (),
    alertmanager: str | None = None,
    *,
    believed: str = "5m",
) -> Iterator[Prometheus]:
    """Run Prometheus on one scrape configuration, looking at rules several times a second.

    `believed` is for how long it believes a sample that no other one follows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config: Json = {"global": {"scrape_interval": SCRAPED, "evaluation_interval": _OFTEN}}
    config["scrape_configs"] = [{"job_name": "pullproof", "scrape_timeout": SCRAPED} | scrape]
    config["rule_files"] = [str(path) for path in rules]
    if alertmanager:
        targets = [{"static_configs": [{"targets": [alertmanager]}]}]
        config["alerting"] = {"alertmanagers": targets}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with prometheus_on(folder / "prometheus.yml", folder, believed=believed) as started:
        yield started


@contextmanager
def prometheus_on(config: Path, folder: Path, *, believed: str = "5m") -> Iterator[Prometheus]:
    """Run Prometheus on a configuration file as it stands, its data and log in a folder."""
    command = [program("prometheus"), f"--config.file={config}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", "--web.listen-address=127.0.0.1:0"]
    command += [f"--query.lookback-delta={believed}"]
    with running(command, _LISTENING, folder / "prometheus.log") as server:
        ready = f"http://{server.address}/-/ready"
        until(
            lambda: httpx.get(ready, trust_env=False, timeout=PATIENCE).is_success,
            "it has read its data",
        )
        yield Prometheus(server)


def impatient(rules: Path, folder: Path) -> Path:
    """Copy alert rules without their waiting times; promtool's tests are about those."""
    document = yaml.safe_load(rules.read_text())
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        if _ABSENT not in rule["expr"]:
            rule.pop("for", None)
        rule.pop("keep_firing_for", None)
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / rules.name
    copy.write_text(yaml.safe_dump(document))
    return copy


@contextmanager
def alertmanager(folder: Path, config: Json) -> Iterator[Running]:
    """Run Alertmanager, alone, on a configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    with alertmanager_on(folder / "alertmanager.yml", folder) as started:
        yield started


@contextmanager
def alertmanager_on(config: Path, folder: Path) -> Iterator[Running]:
    """Run Alertmanager, alone, on a configuration file as it stands."""
    command = [program("prometheus-alertmanager"), "--cluster.listen-address="]
    command += [f"--config.file={config}", f"--storage.path={folder / 'alerts'}"]
    command += ["--web.listen-address=127.0.0.1:0"]
    with running(command, _LISTENING, folder / "alertmanager.log") as server:
        yield server


@dataclass(frozen=True, slots=True)
class Pager:
    """Somebody who receives Alertmanager's webhooks."""

    url: str
    pages: list[Json]
    """Every notification so far, oldest first; a test may wait for more."""

    def alerts(self, name: str) -> list[Json]:
        """Every alert of a name in notifications that arrived."""
        every = (alert for page in self.pages for alert in page["alerts"])
        return [alert for alert in every if alert["labels"]["alertname"] == name]


@contextmanager
def pager() -> Iterator[Pager]:
    """Receive webhooks and keep them."""
    pages: list[Json] = []

    def answer(request: Asked) -> Answer:
        pages.append(json.loads(request.body))
        return Answer(200)

    with serving(answer) as url:
        yield Pager(url, pages)


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that is shipped about alerts, on one exporter; and two people."""

    prometheus: Prometheus
    pager: Pager
    tickets: Pager


@contextmanager
def watch(folder: Path, exporter: str) -> Iterator[Watch]:
    """Prometheus with the shipped rules, Alertmanager with the shipped routes, two receivers."""
    rules = [impatient(path, folder / "rules") for path in RULES]
    targets = {"static_configs": [{"targets": [exporter]}]}
    with ExitStack() as stack:
        woken, told = (stack.enter_context(pager()) for _ in range(2))
        config = _hurried(routes({"pager": woken.url, "tickets": told.url}))
        manager = stack.enter_context(alertmanager(folder / "alertmanager", config))
        looking = prometheus(folder / "prometheus", targets, rules, manager.address)
        yield Watch(stack.enter_context(looking), woken, told)


def routes(urls: dict[str, str]) -> Json:
    """The shipped example; its receivers are at these addresses."""
    config: Json = yaml.safe_load((_ALERTS / "alertmanager.yml").read_text())
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", ()):
            hook["url"] = urls[receiver["name"]]
    return config


def _hurried(config: Json) -> Json:
    """No group is waited for."""
    for route in (config["route"], *config["route"]["routes"]):
        route["group_wait"] = "1s"
    return config
