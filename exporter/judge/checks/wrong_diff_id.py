"""Layers that do not unpack to what their image's configuration says."""

from collections.abc import Iterator
from typing import Final

from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.content_findings import of_lacks
from exporter.judge.finding import Finding, Rule

_RULE: Final = Rule(
    "wrong-diff-id",
    "A layer does not unpack to the diff ID in its image's configuration.",
    breaks_pull=True,
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every layer, and platform, that a node would refuse once unpacked.

    Its digest is the layer's; the configuration's where it does not fit the number of layers.
    """
    return of_lacks(_RULE, context.verdict, lambda lack: lack.wrong_diff_id)


CHECK: Final = Check(_RULE, _find, remaining.wrong_content)
