"""Where is a registry's own storage, and how old must something in it be to count as left over?"""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from exporter.config.section import Section, amiss
from exporter.config.words import Duration, FilePath


class StorageSettings(Section):
    """A registry's storage: its folder, or its bucket. It is only ever read."""

    path: FilePath | None = None
    """The registry's `rootdirectory`: the folder that holds `docker/registry/v2`."""
    url: str | None = Field(default=None, pattern=r"^(s3|gs|az)://[^/]+(/.*)?$")
    """`s3://bucket[/rootdirectory]`, `gs://…` or `az://…`; credentials as the clouds' tools find
    them. Needs the extra `pullproof[s3]`."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/@]+/?$")
    """Address of an object store that is not the cloud's own (MinIO, Ceph, Garage)."""
    region: str | None = Field(default=None, min_length=1)
    """Region of the bucket."""
    grace: Duration = timedelta(days=1)
    """What is younger may belong to a push on its way, and never counts as left over."""
    stale_uploads: Duration = timedelta(days=7)
    """Uploads that nobody wrote to for so long count as left over."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.path is None) is (self.url is None):
            raise amiss("path", "either path or url, one of them")
        for key in ("endpoint", "region"):
            if self.path is not None and getattr(self, key) is not None:
                raise amiss(key, "goes with url")
        return self
