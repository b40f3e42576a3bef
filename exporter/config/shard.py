"""Which shard is meant by what was written: `2/4`, or the number at the end of a pod's name?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from exporter.facts.shard import MOST, Shard
from exporter.oci.digest import Malformed
from exporter.oci.quoting import quoted

VARIABLE: Final = "PULLPROOF_SHARD"
"""The environment variable that may name the shard."""
_NAME: Final = re.compile(r"(auto|[0-9]{1,4})/([0-9]{1,4})")
_ORDINAL: Final = re.compile(r".*-([0-9]{1,4})")
"""The name of a StatefulSet's pod, which is its host's name too."""


@dataclass(frozen=True, slots=True)
class ShardName:
    """A shard as it is written."""

    index: int | None
    """None where the pod's name tells."""
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `INDEX/COUNT` or `auto/COUNT`; raise `Malformed` for anything else."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise Malformed(f"not a shard such as 0/4 or auto/4: {quoted(text, 40)}")
        index, count = None if found[1] == "auto" else int(found[1]), int(found[2])
        if not 1 <= count <= MOST:
            raise Malformed(f"shards are counted from 1 to {MOST}: {quoted(text)}")
        if index is not None and index >= count:
            raise Malformed(f"of {count} shards the last is {count - 1}/{count}: {quoted(text)}")
        return cls(index, count)

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{'auto' if self.index is None else self.index}/{self.count}"

    def settled(self, environ: Mapping[str, str]) -> Shard:
        """Return the shard; raise `Malformed` where the host's name does not tell it."""
        if self.index is not None:
            return Shard(self.index, self.count)
        name = environ.get("HOSTNAME", "")
        found = _ORDINAL.fullmatch(name)
        if found is None:
            raise Malformed(f"HOSTNAME does not end in -NUMBER as a StatefulSet's does: {name!r}")
        if int(found[1]) >= self.count:
            raise Malformed(f"{name} is none of {self.count} shards: fewer pods, or more shards")
        return Shard(int(found[1]), self.count)
