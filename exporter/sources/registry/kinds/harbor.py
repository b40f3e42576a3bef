"""Harbor."""

from typing import Final

from exporter.facts.registry_kind import Collector
from exporter.sources.registry.kind_facts import (
    Fact,
    KindFacts,
    ReadEffect,
    Signs,
    Sweep,
    Verified,
    Visibility,
)

_VERSION: Final = "Harbor 2.15.2"
_NOTHING: Final[frozenset[ReadEffect] | None] = frozenset()


def _recognise(signs: Signs) -> str | None:
    """Its token service has a name of its own (src/core/service/token)."""
    return "" if signs.service == "harbor-registry" else None


KINDS: Final = (
    KindFacts(
        "harbor",
        "Harbor",
        _recognise,
        lister="harbor",
        collector=Fact(Collector.PARENT_PROTECTS, f"{_VERSION}, GC and DELETE", Verified.RUN),
        removals=Fact(frozenset(), f"{_VERSION}, GC and DELETE", Verified.RUN),
        untagged=Fact(Sweep.COLLECTION, f"{_VERSION}, delete_untagged", Verified.RUN),
        head=Fact(_NOTHING, f"{_VERSION}, its database", Verified.RUN),
        manifest=Fact(
            frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT, ReadEffect.PULL_LOG}),
            f"{_VERSION}, its database",
            Verified.RUN,
        ),
        blob=Fact(_NOTHING, f"{_VERSION}, its database", Verified.RUN),
        decides=Fact(
            frozenset({ReadEffect.PULL_TIME}),
            f"{_VERSION}, retention by last pull (pkg/retention/dep/client.go)",
            Verified.RUN,
        ),
        ranges=Fact(value=True, source=_VERSION, verified=Verified.RUN),
        referrers=Fact(
            value=True,
            source="goharbor/harbor, src/server/registry/referrers.go",
            verified=Verified.READ,
        ),
        catalogue=Fact(
            Visibility.ADMINISTRATORS,
            f"{_VERSION}: administrators, and system robots with `catalog: read`",
            Verified.RUN,
        ),
        denial=Fact(
            "404 NOT_FOUND `artifact … not found`; 401 `project … not found` for a deleted project",
            _VERSION,
            Verified.RUN,
        ),
    ),
)
