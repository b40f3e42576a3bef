"""The container registry of GitLab, with its metadata database and without."""

from typing import Final

from exporter.facts.registry_kind import Collector
from exporter.sources.registry.kind_facts import Fact, KindFacts, Signs, Sweep, Verified

_HEADER: Final = "gitlab-container-registry-version"
_ONLINE: Final = "GitLab 17.2, Delete container images from the container registry"
_DATABASE: Final = "gitlab-container-registry-database-enabled"


def _with_database(signs: Signs) -> str | None:
    return signs.headers.get(_HEADER) if signs.headers.get(_DATABASE) == "true" else None


def _without(signs: Signs) -> str | None:
    return signs.headers.get(_HEADER) if signs.headers.get(_DATABASE) != "true" else None


KINDS: Final = (
    KindFacts(
        "gitlab",
        "GitLab with its metadata database",
        _with_database,
        "database",
        lister="gitlab",
        collector=Fact(
            Collector.PARENT_PROTECTS,
            _ONLINE,
            Verified.READ,
        ),
        removals=Fact(frozenset(), _ONLINE, Verified.READ),
        untagged=Fact(Sweep.COLLECTION, f"{_ONLINE}: after 24 hours", Verified.READ),
    ),
    KindFacts(
        "gitlab",
        "GitLab",
        _without,
        lister="gitlab",
        untagged=Fact(
            Sweep.COLLECTION,
            "gitlab-org/container-registry#149: `registry-garbage-collect -m`, children too",
            Verified.READ,
        ),
    ),
)
