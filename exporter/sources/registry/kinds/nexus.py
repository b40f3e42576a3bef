"""Sonatype Nexus Repository."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, ReadEffect, Signs, Sweep, Verified


def _recognise(signs: Signs) -> str | None:
    """`Server: Nexus/3.68.1-02 (OSS)`; where a proxy hides that, its realm (nexus-public#921)."""
    software, _, version = signs.headers.get("server", "").partition(" ")[0].partition("/")
    named = software == "Nexus" or signs.realm == "Sonatype Nexus Repository Manager"
    return (version if software == "Nexus" else "") if named else None


_CLEANUP: Final = "help.sonatype.com, Cleanup Policies: downloaded before a number of days"
_HANDLER: Final = "nexus-public, LastDownloadedHandler: GET and HEAD, at most every 12 hours"
KINDS: Final = (
    KindFacts(
        "nexus",
        "Sonatype Nexus Repository",
        _recognise,
        untagged=Fact(Sweep.RULE, "Sonatype support 22490107929619: a task", Verified.READ),
        head=Fact(frozenset({ReadEffect.PULL_TIME}), _HANDLER, Verified.READ),
        manifest=Fact(frozenset({ReadEffect.PULL_TIME}), _HANDLER, Verified.READ),
        decides=Fact(frozenset({ReadEffect.PULL_TIME}), _CLEANUP, Verified.READ),
    ),
)
