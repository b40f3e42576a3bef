"""Kinds of registries: each module here holds one, and is all that there is to add for one."""

import pkgutil
from importlib import import_module
from typing import Final

from exporter.facts.registry_kind import UNKNOWN_KIND, RegistryKind
from exporter.sources.registry.kind_facts import UNKNOWN_FACTS, KindFacts, Signs


def discover() -> tuple[KindFacts, ...]:
    """Return the facts of each module of this package, by name and variant."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    found = (each for name in names for each in import_module(f"{__name__}.{name}").KINDS)
    return tuple(sorted(found, key=lambda each: (each.name, each.variant)))


KINDS: Final = discover()
_LONGEST: Final = 40
"""Characters of a version: it is the registry's own word, and is shown to people."""


def recognised(signs: Signs) -> tuple[RegistryKind, KindFacts]:
    """Return the kind that the signs show, and its facts.

    Where they show none, or several, as a proxy before a registry may make them: unknown.
    """
    shown = [(each, told) for each in KINDS if (told := each.recognise(signs)) is not None]
    if len(shown) != 1:
        return UNKNOWN_KIND, UNKNOWN_FACTS
    facts, version = shown[0]
    if not version or len(version) > _LONGEST or not version.isprintable():
        version = ""
    return facts.kind(version), facts
