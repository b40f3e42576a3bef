"""How often is every byte of a registry read whole, and how hard may that be?"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator

from exporter.config.section import Section
from exporter.config.words import Period, choice, size


class Source(StrEnum):
    """Where bytes are read."""

    API = "api"
    STORAGE = "storage"


SourceName = Annotated[Source, PlainValidator(partial(choice, Source))]
Size = Annotated[int, BeforeValidator(size), Field(ge=1)]


class ScrubSettings(Section):
    """Reads every needed byte whole, over time, and hashes it. Off where it is not set."""

    period: Period = timedelta(days=30)
    """From one reading of a blob to the next; at least a minute."""
    bytes_per_day: Size | None = None
    """The budget, `500GiB` or `2TB`, spread over the day; `null` is what the period needs."""
    bytes_per_second: Size | None = None
    """The fastest at which bytes are read, `20MiB`; `null` is as fast as they come."""
    read_from: SourceName = Source.API
    """`api`, or `storage`: straight from the registry's own, without any load on it."""
