"""How is a snapshot laid out as bytes? Tables of what repeats, and numbers that point into them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from exporter.facts.gap import Reason, Scope
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Collector, Role
from exporter.facts.use import ReferenceClass
from exporter.oci.manifest import Kind

NAME: Final = "pullproof snapshot"
VERSION: Final = 3
"""Rises with every change of the layout: a snapshot is kept for days, not for years."""
READABLE: Final = frozenset({1, 2, VERSION})
"""What was added since is at a row's end and has a default, so that an upgrade loses no truth."""

Number = Annotated[int, Meta(ge=0)]
"""A position in one of the tables."""


class Envelope(Struct, array_like=True, frozen=True):
    """What every version has in common: it says what it is before anything else is read."""

    name: str
    version: int
    body: msgspec.Raw


class SightingRow(Struct, array_like=True, frozen=True):
    """A `Sighting`."""

    state: State
    proof: Proof
    reason: Reason | None
    detail: str
    seen_at: float | None


class LinkRow(Struct, array_like=True, frozen=True):
    """A `Link` with its descriptor."""

    kind: Kind
    media_type: Number
    digest: Number
    size: int | None
    platform: Number | None
    data: bytes | None
    attestation: bool


class ManifestRow(Struct, array_like=True, frozen=True):
    """A `Manifest`."""

    digest: Number
    media_type: Number
    size: int
    links: tuple[LinkRow, ...]
    artifact: bool


class SeenRows(Struct, array_like=True, frozen=True):
    """The sightings in one repository: two columns of the same length."""

    repository: str
    digests: tuple[Number, ...]
    sightings: tuple[Number, ...]


class SealRow(Struct, array_like=True, frozen=True):
    """A `Sealed` repository."""

    repository: str
    digests: tuple[Number, ...]
    tags: tuple[tuple[str, ...], ...]


class RootRow(Struct, array_like=True, frozen=True):
    """A `Root`."""

    repository: str
    tag: str | None
    digest: Number | None
    sighting: Number
    reference_class: ReferenceClass
    platforms: tuple[Number, ...]
    admitted: tuple[Number, ...] = ()


class WorkloadRow(Struct, array_like=True, frozen=True):
    """A `Workload`."""

    cluster: str
    namespace: str
    kind: str
    name: str


class HolderRow(Struct, array_like=True, frozen=True):
    """A `Holder`."""

    node: str
    platform: Number


class UseRow(Struct, array_like=True, frozen=True):
    """A `Use` with its reference."""

    owner: str
    registry: str
    repository: str
    tag: str | None
    digest: Number | None
    reference_class: ReferenceClass
    platforms: tuple[Number, ...]
    admitted: tuple[Number, ...] = ()
    workload: WorkloadRow | None = None
    running: tuple[Number, ...] = ()
    alive: int = 0
    next_run: float | None = None
    login: str = ""
    holders: tuple[HolderRow, ...] = ()


class GapRow(Struct, array_like=True, frozen=True):
    """A `Gap`."""

    scope: Scope
    subject: str
    reason: Reason
    detail: str


class AdmissionRow(Struct, array_like=True, frozen=True):
    """An `Admission`."""

    login: str
    repository: str
    admitted: bool | None
    reason: Reason | None
    detail: str


class MisfitRow(Struct, array_like=True, frozen=True):
    """A `Misfit`, and the manifest of which it is one."""

    manifest: Number
    digest: Number
    detail: str


class Wire(Struct, array_like=True, frozen=True):
    """A `Snapshot`."""

    registry: str
    taken_at: float
    role: Role
    collector: Collector
    gone: bool
    sha256: bytes
    """All sha256 digests, 32 bytes each."""
    sha512: dict[Number, bytes]
    """By number in the table of digests, into which they are set between the others."""
    platform_table: tuple[tuple[str, str, str], ...]
    sighting_table: tuple[SightingRow, ...]
    platforms: tuple[Number, ...]
    roots: tuple[RootRow, ...]
    manifests: tuple[msgspec.Raw, ...]
    """Each a `ManifestRow`, written and read by itself: all rows at once are the most of it."""
    seen: tuple[SeenRows, ...]
    config_platforms: dict[Number, Number]
    listed: dict[str, int]
    sealed: tuple[SealRow, ...]
    uses: tuple[UseRow, ...]
    gaps: tuple[GapRow, ...]
    media_types: tuple[str, ...]
    """A registry has a dozen of them, and names them a hundred thousand times."""
    admissions: tuple[AdmissionRow, ...] = ()
    misfits: tuple[MisfitRow, ...] = ()
