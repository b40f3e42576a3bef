"""Docker Hub."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, Signs, Verified, Visibility

_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


def _recognise(signs: Signs) -> str | None:
    return "" if signs.host in _HOSTS else None


KINDS: Final = (
    KindFacts(
        "docker-hub",
        "Docker Hub",
        _recognise,
        catalogue=Fact(
            Visibility.NONE, "its token server grants nobody registry:catalog:*", Verified.READ
        ),
        lister="docker-hub",
    ),
)
