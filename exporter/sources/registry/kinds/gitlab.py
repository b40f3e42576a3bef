"""The container registry of GitLab, with its metadata database and without."""

from typing import Final

from exporter.facts.registry_kind import Collector
from exporter.sources.registry.kind_facts import Fact, KindFacts, Signs, Verified

_HEADER: Final = "gitlab-container-registry-version"
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
        collector=Fact(
            Collector.PARENT_PROTECTS,
            "GitLab container registry, docs/spec/gitlab/online-garbage-collection.md",
            Verified.READ,
        ),
    ),
    KindFacts("gitlab", "GitLab", _without),
)
