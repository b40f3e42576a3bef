"""CNCF distribution, 2.x and 3.x."""

from typing import Final

from exporter.facts.registry_kind import Collector
from exporter.sources.registry.kind_facts import (
    NO_SUCH_TAG,
    Fact,
    KindFacts,
    ReadEffect,
    Signs,
    Sweep,
    Verified,
    Visibility,
)

_NAME: Final = "distribution"
_NOTHING: Final[frozenset[ReadEffect] | None] = frozenset()
_HANDLERS: Final = "distribution 2.8.2 and 3.1.1, registry/handlers"


def _is_2(signs: Signs) -> str | None:
    """2.x puts `{"Tag": …}` into the detail of an unknown tag."""
    return "" if signs.missing_tag == {"Tag": NO_SUCH_TAG} else None


def _is_3(signs: Signs) -> str | None:
    """3.x puts a sentence there."""
    return "" if signs.missing_tag == f"unknown tag={NO_SUCH_TAG}" else None


KINDS: Final = tuple(
    KindFacts(
        _NAME,
        f"CNCF distribution {variant}.x",
        recognise,
        variant,
        collector=Fact(collector, f"{version}, garbage-collect", Verified.RUN),
        removals=Fact(frozenset(), f"{version}, garbage-collect", Verified.RUN),
        untagged=Fact(Sweep.COLLECTION, f"{version}, --delete-untagged", Verified.RUN),
        head=Fact(_NOTHING, _HANDLERS, Verified.READ),
        manifest=Fact(_NOTHING, _HANDLERS, Verified.READ),
        blob=Fact(_NOTHING, _HANDLERS, Verified.READ),
        decides=Fact(_NOTHING, f"{version}, garbage-collect", Verified.RUN),
        ranges=Fact(value=True, source=version, verified=Verified.RUN),
        catalogue=Fact(Visibility.ALL, version, Verified.RUN),
    )
    for variant, recognise, collector, version in (
        ("2", _is_2, Collector.DISTRIBUTION_2, "distribution 2.8.2"),
        ("3", _is_3, Collector.DISTRIBUTION_3, "distribution 3.1.1"),
    )
)
