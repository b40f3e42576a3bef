"""On what does a broken child run? Its index says; an inventory keeps no platforms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from exporter.facts.inventory import Inventory
from exporter.judge.preflight.prediction import Prediction
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import Descriptor, parse

ATTESTATION: Final = "attestation"


def parents(inventory: Inventory, answer: Prediction) -> list[str]:
    """Return the indexes that must be read: one for every child that breaks."""
    broken = {each.digest for victim in answer.victims for each in victim.broken}
    numbers = np.array([inventory.digests.number(digest) for digest in broken], np.int32)
    graph = inventory.graph
    at = np.flatnonzero(np.isin(graph.targets, numbers))
    _, first = np.unique(graph.targets[at], return_index=True)
    rows = np.unique(np.searchsorted(graph.starts, at[first], side="right") - 1)
    manifests = np.flatnonzero(np.isin(graph.rows, rows))
    return [inventory.digests.text(each) for each in manifests.tolist()]


def described(answer: Prediction, bodies: Mapping[str, bytes]) -> Prediction:
    """Return the answer with the platforms that these indexes, by their digests, state."""
    stated: dict[str, str] = {
        entry.digest: words for body in bodies.items() for entry, words in _entries(*body) if words
    }
    victims = tuple(
        replace(
            each,
            broken=tuple(
                replace(child, platform=stated.get(child.digest, child.platform))
                for child in each.broken
            ),
        )
        for each in answer.victims
    )
    return replace(answer, victims=victims)


def _entries(digest: str, body: bytes) -> Iterable[tuple[Descriptor, str]]:
    """Collectors read more shapes than nodes do; what is none of the latter states no platform."""
    try:
        children = parse(body, Digest.parse(digest)).children
    except (Malformed, RecursionError):
        return []
    return [(child, _words(child)) for child in children]


def _words(child: Descriptor) -> str:
    if child.attestation or (child.platform and child.platform.unknown):
        return ATTESTATION
    return str(child.platform or "")
