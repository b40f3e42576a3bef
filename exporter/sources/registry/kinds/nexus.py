"""Sonatype Nexus Repository."""

from typing import Final

from exporter.sources.registry.kind_facts import KindFacts, Signs


def _recognise(signs: Signs) -> str | None:
    """`Server: Nexus/3.68.1-02 (OSS)`."""
    software, _, version = signs.headers.get("server", "").partition(" ")[0].partition("/")
    return version if software == "Nexus" else None


KINDS: Final = (KindFacts("nexus", "Sonatype Nexus Repository", _recognise),)
