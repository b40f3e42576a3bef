"""How soon is somebody paged, by the rules, routes and intervals that are shipped?

Prints one run on this machine, with an audit every 15 minutes: a real kube-apiserver over etcd, a
real registry that sends its events, Prometheus and Alertmanager.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from tests.parts.certificates import authority
from tests.parts.kubernetes import Kubernetes, kubernetes
from tests.parts.monitoring import RULES, Pager, alertmanager, pager, prometheus_on, routes
from tests.parts.ports import held
from tests.parts.process import until
from tests.parts.product import Exporter, exporter
from tests.parts.registry import Registry, Settings, registry
from tests.parts.workloads import Site
from tests.worlds import two_platforms

_TOKEN: Final = "token of the benchmark"
_PROMETHEUS: Final = Path(__file__).parents[1] / "examples" / "compose" / "prometheus.yml"
"""The slowest of the examples."""
_ALERT: Final = "RegistryLiveTagBroken"
_PATIENCE: Final = 900.0


def main() -> None:
    """Break an image that is live, and let a Deployment use one that is broken."""
    with (
        TemporaryDirectory() as folder,
        kubernetes(Path(folder, "cluster"), authority(Path(folder))) as cluster,
        held() as address,
    ):
        place = Path(folder)
        told = Settings(3, notify=(f"http://{address}/-/events/main", _TOKEN))
        with registry(place / "registry", told) as server:
            healthy, broken = (two_platforms(name) for name in ("healthy", "broken"))
            server.push("team/healthy", healthy, "v1")
            server.push("team/broken", broken, "v1")
            _delete(server, "team/broken", broken.children[0].digest)
            site = Site(cluster, cluster.namespace(), server.host)
            site.controller("Deployment", "healthy", "team/healthy:v1")
            settings = _settings(cluster, server, place) | {"listen": [address]}
            with (
                exporter(place / "exporter", settings) as serving,
                _people(place, serving) as woken,
            ):
                serving.ready()
                until(lambda: serving.value("pullproof_tags", **{"class": "live"}), "one is live")
                used = time.monotonic()
                site.controller("Deployment", "broken", "team/broken:v1")
                _print("a broken image is used: on /metrics", used, _live, serving, "team/broken")
                lost = time.monotonic()
                _delete(server, "team/healthy", healthy.children[0].digest)
                _print("a child is deleted: on /metrics", lost, _live, serving, "team/healthy")
                _print("a broken image is used: on the pager", used, _paged, woken, "team/broken")
                _print("a child is deleted: on the pager", lost, _paged, woken, "team/healthy")


def _settings(cluster: Kubernetes, server: Registry, place: Path) -> dict[str, Any]:
    token = place / "token"
    token.write_text(_TOKEN)
    entry = {"name": "main", "url": server.url, "plain_http": True}
    clusters = [{"name": "prod", "kubeconfig": str(cluster.kubeconfig(place / "kubeconfig"))}]
    registries = [entry | {"events": {"token_file": str(token)}}]
    shipped = {"interval": "15m", "confirm_after": "5s"}
    return {"registries": registries, "clusters": clusters, **shipped}


@contextmanager
def _people(place: Path, serving: Exporter) -> Iterator[Pager]:
    """Run everything that is shipped about alerts, changed in addresses alone."""
    with ExitStack() as stack:
        woken = stack.enter_context(pager())
        urls = {"pager": woken.url, "tickets": woken.url}
        manager = stack.enter_context(alertmanager(place / "alertmanager", routes(urls)))
        config = yaml.safe_load(_PROMETHEUS.read_text())
        config["rule_files"] = list(map(str, RULES))
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [manager.address]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [serving.address]
        path = place / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        stack.enter_context(prometheus_on(path, place))
        yield woken


def _delete(server: Registry, repository: str, digest: object) -> None:
    with server.client(repository) as client:
        client.delete(digest)


def _live(serving: Exporter, repository: str) -> bool:
    where = {"repository": repository, "class": "live", "need": "required"}
    return serving.value("pullproof_tag_missing_children", **where) > 0


def _paged(woken: Pager, repository: str) -> bool:
    return any(each["labels"]["repository"] == repository for each in woken.alerts(_ALERT))


def _print(what: str, began: float, look: Callable[..., bool], *about: Any) -> None:
    until(partial(look, *about), what, _PATIENCE)
    print(f"{what:40}{time.monotonic() - began:>8.1f} s", flush=True)


if __name__ == "__main__":
    main()
