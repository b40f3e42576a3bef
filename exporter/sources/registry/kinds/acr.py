"""Azure Container Registry."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, Signs, Sweep, Verified


def _recognise(signs: Signs) -> str | None:
    return "" if signs.host.endswith((".azurecr.io", ".azurecr.cn", ".azurecr.us")) else None


KINDS: Final = (
    KindFacts(
        "acr",
        "Azure Container Registry",
        _recognise,
        untagged=Fact(
            Sweep.RULE, "Set a retention policy for untagged manifests (Microsoft)", Verified.READ
        ),
    ),
)
