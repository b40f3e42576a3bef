"""Settings of a registry's storage, and of exports."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from exporter.config.values import BucketUrl, Duration, Endpoint, FilePath, Section, invalid


class PlaceSettings(Section):
    """A folder, or a place in an object store."""

    path: FilePath | None = None
    """A folder."""
    url: BucketUrl | None = None
    """`s3://bucket[/root]`, `gs://…` or `az://…`."""
    endpoint: Endpoint | None = None
    """Address of an object store that is not the cloud's own (MinIO, Ceph, Garage)."""
    region: str | None = Field(default=None, min_length=1)
    """Region of the bucket."""

    @property
    def location(self) -> str:
        """The folder's path, or the address."""
        return str(self.path or self.url)

    @property
    def options(self) -> dict[str, str]:
        """Options of the object store's library."""
        options = {"endpoint": self.endpoint, "region": self.region}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def plain_http(self) -> bool:
        """Is the object store asked without TLS?"""
        return (self.endpoint or "").startswith("http:")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is None) is (self.url is None):
            raise invalid("path", "either path or url, one of them")
        for key in ("endpoint", "region"):
            if self.path is not None and getattr(self, key) is not None:
                raise invalid(key, "goes with url")
        return self


class StorageSettings(PlaceSettings):
    """A registry's storage: its folder, or its bucket. It is only ever read."""

    path: FilePath | None = None
    """The registry's `rootdirectory`: the folder that holds `docker/registry/v2`."""
    url: BucketUrl | None = None
    """`s3://bucket[/rootdirectory]`, `gs://…` or `az://…`; credentials are found as by the
    clouds' own tools. Needs the extra `pullproof[s3]`."""
    inventory: BucketUrl | None = None
    """`s3://bucket/prefix/source-bucket/config-id`, where S3 Inventory publishes lists of the
    bucket with the fields Size, LastModifiedDate and ETag, as CSV or (with `pullproof[facts]`)
    Parquet. The newest is read instead of listing the bucket; one that is older than
    `verify.period` proves nothing."""
    grace: Duration = timedelta(days=1)
    """Younger data may belong to a push in progress, and never counts as reclaimable."""
    stale_uploads: Duration = timedelta(days=7)
    """Uploads without activity for this long count as reclaimable."""

    @model_validator(mode="after")
    def _listed(self) -> Self:
        s3 = ("s3://", "s3a://")
        if self.inventory and not (self.url or "").startswith(s3):
            raise invalid("inventory", "goes with an s3 url")
        if self.inventory and not self.inventory.startswith("s3://"):
            raise invalid("inventory", "an address such as s3://bucket/prefix/source/config-id")
        return self


class FactsSettings(PlaceSettings):
    """Where every complete audit writes what it saw, as Parquet."""

    path: FilePath | None = None
    """A folder."""
    url: BucketUrl | None = None
    """`s3://bucket[/root]`, `gs://…` or `az://…`; credentials are found as by the clouds' own
    tools."""
    keep: int = Field(default=3, ge=1)
    """Number of exports to keep per shard; older ones are removed, and nothing else is."""
