"""Which registry may be given tags? The only way to what writes; `protect --apply` takes it."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.config.registry import RegistrySettings
from exporter.sources.registry.pinner import Pinner
from exporter.wiring.assembly import opened_as


def pinner(registry: RegistrySettings, environ: Mapping[str, str]) -> Pinner:
    """Return a registry, ready to be given tags; enter it to have its connections closed."""
    return opened_as(Pinner, registry, environ)
