"""Where is a storage that is to be read: in a folder, or in a bucket?"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from exporter.facts.gap import Reason
from exporter.sources import Outlines, Unseen
from exporter.sources.storage import filesystem

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory


@dataclass(frozen=True, slots=True)
class FolderStorage:
    """A registry's root directory on disk."""

    root: str
    outlines: Outlines | None = None
    """What is known of its manifests from before."""

    def read(self) -> Inventory:
        """List it now. Raises `Unseen`."""
        return filesystem.read(self.root, self.outlines)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A registry's bucket."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    outlines: Outlines | None = None
    """What is known of its manifests from before."""

    def read(self) -> Inventory:
        """List it now. Raises `Unseen`, also where the extra for buckets is not installed."""
        try:
            s3 = importlib.import_module("exporter.sources.storage.s3")
        except ImportError as error:
            words = "needs the extra: pip install 'pullproof[s3]'"
            raise Unseen(self.url, Reason.UNSUPPORTED, words) from error
        plain = self.options.get("endpoint", "").startswith("http:")
        listed = s3.read(self.url, self.options, plain_http=plain, outlines=self.outlines)
        return cast("Inventory", listed)
