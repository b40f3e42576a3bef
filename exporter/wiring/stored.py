"""Where is a registry's own storage: in a folder, or in a bucket? Reads it, whichever it is."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.facts.gap import Reason
from exporter.sources import Outlines, Unseen
from exporter.sources.storage import filesystem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from exporter.facts.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Stored:
    """A registry's own storage. Both methods raise `Unseen`, and take as long as the disk does."""

    location: str
    """A registry's root directory, or `s3://bucket/root`, `gs://…`, `az://…`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """For an object store: `endpoint`, `region` and what else its library knows."""
    plain_http: bool = False
    outlines: Outlines | None = None
    """What is known of its manifests from before."""

    def read(self) -> Inventory:
        """List all that it holds."""
        if not self._is_bucket:
            return filesystem.read(self.location, self.outlines)
        listed: Inventory = self._bucket().read(
            self.location, self.options, plain_http=self.plain_http, outlines=self.outlines
        )
        return listed

    def contents(self, digests: Sequence[str], most: int) -> list[bytes | None]:
        """Read blobs, each at most one byte more than the limit; None where there is none."""
        if not self._is_bucket:
            return filesystem.contents(self.location, digests, most)
        read: list[bytes | None] = self._bucket().contents(
            self.location, digests, most, self.options, plain_http=self.plain_http
        )
        return read

    @property
    def _is_bucket(self) -> bool:
        return "://" in self.location

    def _bucket(self) -> ModuleType:
        """Import what only an object store needs, and only those who have one install."""
        try:
            return importlib.import_module("exporter.sources.storage.s3")
        except ImportError as error:
            detail = "an object store needs the extra: pip install 'pullproof[s3]'"
            raise Unseen(self.location, Reason.UNSUPPORTED, detail) from error
