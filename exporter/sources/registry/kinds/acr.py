"""Azure Container Registry."""

from typing import Final

from exporter.sources.registry.kind_facts import KindFacts, Signs


def _recognise(signs: Signs) -> str | None:
    return "" if signs.host.endswith((".azurecr.io", ".azurecr.cn", ".azurecr.us")) else None


KINDS: Final = (KindFacts("acr", "Azure Container Registry", _recognise),)
