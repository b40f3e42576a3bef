"""Does an image's content unpack to something else than its configuration says?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.judge.finding import Finding, Rule
from exporter.judge.lacking import findings

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict

RULE: Final = Rule(
    "wrong-diff-id", "A layer does not unpack to the diff ID in its image's configuration."
)


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every layer, and platform, that a node would refuse once unpacked.

    Its digest is the layer's; the configuration's where it does not fit the number of layers.
    """
    return findings(RULE, verdict, lambda lack: lack.misfit)
