"""Is a pod taken to pull with the Secrets that its kubelet would take, and with no others?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.sources.cluster.controllers import of_replicated
from exporter.sources.cluster.images import of_pods
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.objects import ServiceAccount
from exporter.sources.cluster.pull_secrets import PullSecrets
from tests.sources.cluster import made

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.sources.cluster.images import PodImage

OWN = {"imagePullSecrets": [{"name": "own"}]}


def login(wants: Iterable[PodImage]) -> str:
    secrets = [{"name": "of-default"}, {"name": ""}]
    default = {"metadata": made.meta("default"), "imagePullSecrets": secrets}
    (want,) = wants
    return PullSecrets("prod", [made.read(default, ServiceAccount)]).login(want)


def pod(owner: tuple[str, str] | None = None, **spec: Any) -> Iterable[PodImage]:
    return of_pods([made.pod("p", made.spec("a:1", **spec), owner=owner)], Owners("prod"))


def test_what_is_made_anew_is_given_its_accounts_secrets_unless_it_names_its_own() -> None:
    template = of_replicated("Deployment", [made.replicated("web", "a:1")], Owners("prod"))

    assert login(template) == "prod shop: of-default"
    assert login(pod(("Runner", "r"))) == "prod shop: of-default"
    assert login(pod(("Runner", "r"), **OWN)) == "prod shop: own"
    assert login(pod(("Runner", "r"), serviceAccountName="other")) == ""


def test_a_pod_that_nobody_makes_anew_has_the_secrets_that_it_was_given() -> None:
    """An account's secrets are copied when a pod is made, and never into a static one."""
    assert login(pod()) == ""
    assert login(pod(("Node", "n1"))) == ""
    assert login(pod(**OWN)) == "prod shop: own"
