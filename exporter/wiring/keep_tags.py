"""Which registry may be given tags? The only way to what writes; `protect --apply` takes it."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.config.registry import RegistrySettings
from exporter.sources.registry.keep_tags import KeepTagger
from exporter.wiring.assembly import opened_as


def keep_tagger(registry: RegistrySettings, environ: Mapping[str, str]) -> KeepTagger:
    """Return a registry, ready to be given tags; enter it to have its connections closed."""
    return opened_as(KeepTagger, registry, environ)
