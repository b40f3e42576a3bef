"""Kinds of registries, as snapshots record them."""

from typing import Final

from exporter.facts.registry_kind import UNKNOWN_KIND, RegistryKind
from exporter.sources.registry.kinds import KINDS as FACTS

KINDS: Final[dict[str, RegistryKind]] = {each.name: each.kind() for each in FACTS}
"""By name; of several variants one."""
ZOT, GITEA, HARBOR, QUAY = (KINDS[name] for name in ("zot", "gitea", "harbor", "quay"))
ANY: Final = (UNKNOWN_KIND, *KINDS.values())
