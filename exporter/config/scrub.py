"""How often is every byte of a registry read whole, and how hard may that be?"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, field_validator

from exporter.config.section import Section
from exporter.config.words import Period, choice, size
from exporter.ports import Unseen
from exporter.resolve.unpacking import library


class Source(StrEnum):
    """Where bytes are read."""

    API = "api"
    STORAGE = "storage"


SourceName = Annotated[Source, PlainValidator(partial(choice, Source))]
Size = Annotated[int, BeforeValidator(size), Field(ge=1)]


class ScrubSettings(Section):
    """Reads every needed byte whole, over time, and hashes it. Off where it is not set."""

    period: Period = timedelta(days=30)
    """Time between two full reads of a blob; at least a minute."""
    bytes_per_day: Size | None = None
    """Budget of all shards together, `500GiB` or `2TB`, spread over the day; `null` is what the
    period needs."""
    bytes_per_second: Size | None = None
    """Maximum rate, `20MiB`, for all shards together; `null` is no limit."""
    read_from: SourceName = Source.API
    """`api`, or `storage`: directly from the registry's storage, without load on the registry."""
    uncompressed: bool = False
    """Also unpack each layer once and compare it with the `diff_ids` of its images: takes CPU
    time. Needs the extra `pullproof[zstd]`."""
    uncompressed_limit: Size = 100 * 2**30
    """A layer that unpacks to more is not compared; it is reported as a gap."""

    @field_validator("uncompressed")
    @classmethod
    def _can_unpack(cls, asked: bool) -> bool:  # noqa: FBT001 - what pydantic calls
        try:
            library() if asked else None
        except Unseen as unseen:
            raise ValueError(unseen.detail) from unseen
        return asked
