"""Registries that may be given tags: the only way to what writes, for `protect --apply`."""

from collections.abc import Mapping

from exporter.config.registry import RegistrySettings
from exporter.sources.registry.keep_tags import TagWriter
from exporter.wiring.registries import opened_as


def keep_tagger(registry: RegistrySettings, environ: Mapping[str, str]) -> TagWriter:
    """Return a registry, ready to be given tags; enter it to have its connections closed."""
    return opened_as(TagWriter, registry, environ)
