"""zot."""

from typing import Final

from exporter.facts.registry_kind import ChildRemoval, Collector
from exporter.sources.registry.kind_facts import (
    Fact,
    KindFacts,
    ReadEffect,
    Signs,
    Sweep,
    Verified,
    Visibility,
)

_VERSION: Final = "zot 2.1.20"
_NOTHING: Final[frozenset[ReadEffect] | None] = frozenset()


def _recognise(signs: Signs) -> str | None:
    """`/v2/` allows its own header to browsers (pkg/api/routes.go)."""
    allowed = signs.headers.get("access-control-allow-headers", "")
    return "" if "X-ZOT-API-CLIENT" in allowed.upper() else None


KINDS: Final = (
    KindFacts(
        "zot",
        "zot",
        _recognise,
        collector=Fact(Collector.PARENT_PROTECTS, f"{_VERSION}, GC", Verified.RUN),
        removals=Fact(
            frozenset({ChildRemoval.MOVED_TAG}), f"{_VERSION}, a tag pushed anew", Verified.RUN
        ),
        untagged=Fact(Sweep.AT_ONCE, f"{_VERSION}, a tag pushed anew", Verified.RUN),
        head=Fact(_NOTHING, f"{_VERSION}, files and meta.db compared", Verified.RUN),
        manifest=Fact(
            frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT}),
            f"{_VERSION} with retention, search or users, meta.db (pkg/meta/hooks.go)",
            Verified.RUN,
        ),
        silent=Fact(
            value=True, source=f"{_VERSION}, files and meta.db compared", verified=Verified.RUN
        ),
        blob=Fact(
            frozenset({ReadEffect.RELINK}),
            f"{_VERSION} with dedupe, HEAD and ranged GET",
            Verified.RUN,
        ),
        decides=Fact(
            frozenset({ReadEffect.PULL_TIME}),
            f"{_VERSION}, pulledWithin and mostRecentlyPulledCount (pkg/retention/rules.go)",
            Verified.READ,
        ),
        referrers=Fact(
            value=True, source="project-zot/zot, pkg/api/routes.go", verified=Verified.READ
        ),
        ranges=Fact(value=True, source=_VERSION, verified=Verified.RUN),
        catalogue=Fact(Visibility.READABLE, f"{_VERSION}, anonymousPolicy", Verified.RUN),
        denial=Fact(
            "404 NAME_UNKNOWN also for the tag list of a repository whose index.json is damaged",
            _VERSION,
            Verified.RUN,
        ),
    ),
)
