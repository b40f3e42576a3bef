"""With which registry does each scenario begin, and what is told of a loss?"""

from __future__ import annotations

from exporter.facts.proof import State
from tests import worlds
from tests.fakes import Fake

A, B = worlds.two_platforms("app").children
T = worlds.attestation(A)
I = worlds.index(A, B, T)  # noqa: E741 - the name that the scenarios give it
MISSING, BROKEN, UNKNOWN, PRESENT = State.MISSING, State.BROKEN, State.UNKNOWN, State.PRESENT
CRITICAL, WARNING, INFO = (("missing-child", name) for name in ("critical", "warning", "info"))
UNNEEDED, AT_RISK = INFO, ("unprotected-image", "warning")


def stocked(made: worlds.Made = I, tag: str = "v1") -> Fake:
    registry = Fake()
    registry.push(made, tag)
    return registry


def swept(registry: Fake, *children: worlds.Made) -> Fake:
    """What `garbage-collect -m` of 2.8 leaves: links and content of untagged children are gone."""
    for each in children:
        registry.sweep(each.digest, *(blob.digest for blob in each.blobs))
    return registry
