"""Gitea and Forgejo."""

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

NAME: Final = "gitea"
_VERSION: Final = "Gitea 1.26.0"
_DOWNLOADS: Final = (
    "Gitea, services/packages/packages.go: GET of a version's lead file, the manifest"
)
_NOTHING: Final[frozenset[ReadEffect] | None] = frozenset()


def _recognise(signs: Signs) -> str | None:
    """Its token server is beside the registry (routers/api/packages/container/container.go)."""
    forge = signs.realm.endswith("/v2/token") and signs.service == "container_registry"
    return "" if forge else None


KINDS: Final = (
    KindFacts(
        NAME,
        "Gitea, Forgejo",
        _recognise,
        lister="gitea",
        collector=Fact(
            Collector.PARENT_PROTECTS, f"{_VERSION}, cron cleanup_packages", Verified.RUN
        ),
        removals=Fact(
            frozenset({ChildRemoval.MOVED_TAG, ChildRemoval.CLEANED_TAG}),
            f"{_VERSION}, a tag pushed anew and a cleanup rule",
            Verified.RUN,
        ),
        untagged=Fact(Sweep.AT_ONCE, f"{_VERSION}, a tag pushed anew", Verified.RUN),
        ranges=Fact(value=False, source=_VERSION, verified=Verified.RUN),
        head=Fact(_NOTHING, _DOWNLOADS, Verified.RUN),
        manifest=Fact(frozenset({ReadEffect.PULL_COUNT}), _DOWNLOADS, Verified.RUN),
        blob=Fact(_NOTHING, _DOWNLOADS, Verified.RUN),
        decides=Fact(
            _NOTHING,
            "Gitea 1.26.0, services/packages/cleanup/cleanup.go: by creation and count",
            Verified.READ,
        ),
        catalogue=Fact(
            Visibility.READABLE, "Gitea 1.26.0, models/packages/container/search.go", Verified.READ
        ),
        denial=Fact(
            '404 text/plain "Not found." for an owner that does not exist', _VERSION, Verified.RUN
        ),
    ),
)
