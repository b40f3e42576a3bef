"""Quay."""

from typing import Final

from exporter.facts.registry_kind import ChildRemoval, Collector
from exporter.oci.digest import Malformed
from exporter.sources.registry.address import Address
from exporter.sources.registry.kind_facts import (
    Fact,
    KindFacts,
    ReadEffect,
    Signs,
    Sweep,
    Verified,
    Visibility,
)

_VERSION: Final = "Quay of 2026-08-21 (ffba0c70e2d8)"
_NOTHING: Final[frozenset[ReadEffect] | None] = frozenset()
_PULLS: Final = frozenset({ReadEffect.PULL_TIME, ReadEffect.PULL_COUNT, ReadEffect.PULL_LOG})


def _recognise(signs: Signs) -> str | None:
    """Its token server is `/v2/auth` of the host that it names as service (v2auth.py)."""
    try:
        where = Address.parse(signs.realm)
    except Malformed:
        return None
    path = where.target.partition("?")[0]
    return "" if path == "/v2/auth" and where.base.endswith(f"://{signs.service}") else None


KINDS: Final = (
    KindFacts(
        "quay",
        "Quay",
        _recognise,
        lister="quay",
        collector=Fact(Collector.PARENT_PROTECTS, f"{_VERSION}, GC", Verified.RUN),
        removals=Fact(
            frozenset({ChildRemoval.UNTAGGED_PARENT}),
            f"{_VERSION}, temporary tags expired",
            Verified.RUN,
        ),
        untagged=Fact(Sweep.COLLECTION, f"{_VERSION}, GC after the time machine", Verified.RUN),
        head=Fact(_PULLS, f"{_VERSION} with FEATURE_IMAGE_PULL_STATS", Verified.RUN),
        manifest=Fact(_PULLS, f"{_VERSION} with FEATURE_IMAGE_PULL_STATS", Verified.RUN),
        blob=Fact(_NOTHING, f"{_VERSION}, endpoints/v2/blob.py: a metric only", Verified.READ),
        decides=Fact(
            _NOTHING,
            f"{_VERSION}: auto-prune knows number_of_tags and creation_date only",
            Verified.READ,
        ),
        ranges=Fact(value=False, source=f"{_VERSION}, LocalStorage", verified=Verified.RUN),
        catalogue=Fact(Visibility.READABLE, _VERSION, Verified.RUN),
        denial=Fact("404 TAG_EXPIRED for a deleted tag, for two weeks", _VERSION, Verified.RUN),
    ),
)
