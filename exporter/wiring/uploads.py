"""Registries that may be given lost content: the only way to what uploads, for `repair --apply`."""

from collections.abc import Mapping

from exporter.config.registry import RegistrySettings
from exporter.sources.registry.uploads import Uploader
from exporter.wiring.registries import opened_as


def uploader(registry: RegistrySettings, environ: Mapping[str, str]) -> Uploader:
    """Return a registry, ready to be given content; enter it to have its connections closed."""
    return opened_as(Uploader, registry, environ)
