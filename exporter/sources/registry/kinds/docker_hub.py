"""Docker Hub."""

from typing import Final

from exporter.sources.registry.kind_facts import (
    Fact,
    KindFacts,
    ReadEffect,
    Signs,
    Verified,
    Visibility,
)

_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


def _recognise(signs: Signs) -> str | None:
    return "" if signs.host in _HOSTS else None


_LIMITS: Final = "Docker Hub pull usage and limits (docs.docker.com/docker-hub/usage/pulls)"
KINDS: Final = (
    KindFacts(
        "docker-hub",
        "Docker Hub",
        _recognise,
        catalogue=Fact(
            Visibility.NONE, "its token server grants nobody registry:catalog:*", Verified.READ
        ),
        lister="docker-hub",
        head=Fact(frozenset(), _LIMITS, Verified.READ),
        manifest=Fact(
            frozenset({ReadEffect.RATE_LIMIT, ReadEffect.PULL_COUNT}), _LIMITS, Verified.READ
        ),
        decides=Fact(frozenset({ReadEffect.RATE_LIMIT}), _LIMITS, Verified.READ),
    ),
)
