"""Sonatype Nexus Repository."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, ReadEffect, Signs, Sweep, Verified


def _recognise(signs: Signs) -> str | None:
    """`Server: Nexus/3.68.1-02 (OSS)`."""
    software, _, version = signs.headers.get("server", "").partition(" ")[0].partition("/")
    return version if software == "Nexus" else None


_CLEANUP: Final = "help.sonatype.com, Cleanup Policies: downloaded before a number of days"
KINDS: Final = (
    KindFacts(
        "nexus",
        "Sonatype Nexus Repository",
        _recognise,
        untagged=Fact(Sweep.RULE, "Sonatype support 22490107929619: a task", Verified.READ),
        manifest=Fact(frozenset({ReadEffect.PULL_TIME}), _CLEANUP, Verified.READ),
        decides=Fact(frozenset({ReadEffect.PULL_TIME}), _CLEANUP, Verified.READ),
    ),
)
