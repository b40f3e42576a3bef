"""Docker Hub."""

from typing import Final

from exporter.sources.registry.kind_facts import KindFacts, Signs

_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


def _recognise(signs: Signs) -> str | None:
    return "" if signs.host in _HOSTS else None


KINDS: Final = (KindFacts("docker-hub", "Docker Hub", _recognise),)
