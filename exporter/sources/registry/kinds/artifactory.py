"""JFrog Artifactory."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, ReadEffect, Signs, Verified


def _recognise(signs: Signs) -> str | None:
    """`X-JFrog-Version: Artifactory/7.77.5 77705900`; older ones name the node alone.

    Where a proxy hides them, its token server is below `/api/docker/` (renovate#11765).
    """
    software, _, version = signs.headers.get("x-jfrog-version", "").partition(" ")[0].partition("/")
    named = software == "Artifactory" or "x-artifactory-id" in signs.headers
    return version if named or "/api/docker/" in signs.realm else None


_CLEANUP: Final = "Artifactory cleanup best practices (JFrog): downloads of manifest.json"
KINDS: Final = (
    KindFacts(
        "artifactory",
        "JFrog Artifactory",
        _recognise,
        manifest=Fact(
            frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT}), _CLEANUP, Verified.READ
        ),
        decides=Fact(frozenset({ReadEffect.PULL_TIME}), _CLEANUP, Verified.READ),
    ),
)
