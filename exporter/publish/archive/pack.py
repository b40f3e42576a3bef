"""What does a snapshot look like as bytes?

Digests, media types, platforms and sightings repeat a lot: each is written once, in a table, and is
referred to by its number there.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from exporter.publish.archive.wire import (
    NAME,
    VERSION,
    AdmissionRow,
    GapRow,
    HolderRow,
    LinkRow,
    ManifestRow,
    MisfitRow,
    RootRow,
    SealRow,
    SeenRows,
    SightingRow,
    UseRow,
    Wire,
    WorkloadRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.facts.proof import Sighting
    from exporter.facts.snapshot import Root, Snapshot
    from exporter.facts.use import Use, Workload
    from exporter.oci.digest import Digest
    from exporter.oci.manifest import Link, Manifest
    from exporter.oci.platform import Platform
    from exporter.oci.reference import Repository

_LEVEL: Final = 1
"""Of gzip: most of the bytes are hashes, which no level makes smaller."""
_GZIP: Final = 31
"""zlib's code for a gzip member with the largest window."""

Item = TypeVar("Item")


def pack(snapshot: Snapshot) -> bytes:
    """Return a snapshot as bytes, which `unpack` reads back."""
    body = msgspec.msgpack.encode((NAME, VERSION, _wire(snapshot, _Tables())))
    return zlib.compress(body, _LEVEL, wbits=_GZIP)


class _Table(Generic[Item]):
    """Numbers for things, in the order in which they are first met."""

    def __init__(self) -> None:
        self.items: dict[Item, int] = {}

    def number(self, item: Item) -> int:
        return self.items.setdefault(item, len(self.items))

    def numbers(self, items: Iterable[Item]) -> tuple[int, ...]:
        return tuple([self.items.setdefault(item, len(self.items)) for item in items])

    def optional(self, item: Item | None) -> int | None:
        return None if item is None else self.number(item)


class _Tables:
    """The tables of one snapshot, filled while it is written."""

    def __init__(self) -> None:
        self.digests: _Table[Digest] = _Table()
        self.media_types: _Table[str] = _Table()
        self.platforms: _Table[Platform] = _Table()
        self.sightings: _Table[Sighting] = _Table()


def _wire(snapshot: Snapshot, tables: _Tables) -> Wire:
    """Write the snapshot first and the tables last: by then they hold all that it refers to."""
    return Wire(
        registry=snapshot.registry,
        taken_at=snapshot.taken_at,
        role=snapshot.role,
        collector=snapshot.collector,
        gone=snapshot.gone,
        platforms=tables.platforms.numbers(snapshot.platforms),
        roots=tuple(_root(tables, each) for each in snapshot.roots),
        manifests=tuple(_manifest(tables, each) for each in snapshot.manifests.values()),
        seen=tuple(_seen(tables, snapshot)),
        config_platforms={
            tables.digests.number(digest): tables.platforms.number(platform)
            for digest, platform in snapshot.config_platforms.items()
        },
        listed={str(name): count for name, count in snapshot.listed.items()},
        sealed=tuple(_sealed(tables, snapshot)),
        uses=tuple(_use(tables, each) for each in snapshot.uses),
        gaps=tuple(
            GapRow(each.scope, each.subject, each.reason, each.detail) for each in snapshot.gaps
        ),
        admissions=tuple(
            AdmissionRow(each.login, each.repository, each.admitted, each.reason, each.detail)
            for each in snapshot.admissions
        ),
        misfits=tuple(_misfits(tables, snapshot)),
        sighting_table=tuple(_sighting(each) for each in tables.sightings.items),
        media_types=tuple(tables.media_types.items),
        platform_table=tuple(
            (each.os, each.architecture, each.variant) for each in tables.platforms.items
        ),
        sha256=_sha256(tables.digests.items),
        sha512={
            number: bytes.fromhex(each.encoded)
            for each, number in tables.digests.items.items()
            if each.algorithm == "sha512"
        },
    )


def _sha256(digests: Iterable[Digest]) -> bytes:
    """Lay digests end to end, one by one: a list of their texts would take four times as much."""
    packed = BytesIO()
    packed.writelines(bytes.fromhex(each.encoded) for each in digests if each.algorithm == "sha256")
    return packed.getvalue()


def _root(tables: _Tables, root: Root) -> RootRow:
    return RootRow(
        root.repository,
        root.tag,
        tables.digests.optional(root.digest),
        tables.sightings.number(root.sighting),
        root.reference_class,
        tables.platforms.numbers(root.platforms),
        tables.platforms.numbers(root.admitted),
    )


def _manifest(tables: _Tables, manifest: Manifest) -> msgspec.Raw:
    row = ManifestRow(
        tables.digests.number(manifest.digest),
        tables.media_types.number(manifest.media_type),
        manifest.size,
        tuple([_link(tables, each) for each in manifest.links]),
        manifest.artifact,
    )
    return msgspec.Raw(msgspec.msgpack.encode(row))


def _seen(tables: _Tables, snapshot: Snapshot) -> Iterator[SeenRows]:
    grouped: dict[Repository, tuple[list[Digest], list[Sighting]]] = {}
    for (repository, digest), sighting in snapshot.sightings.items():
        digests, sightings = grouped.setdefault(repository, ([], []))
        digests.append(digest)
        sightings.append(sighting)
    for repository, (digests, sightings) in grouped.items():
        columns = tables.digests.numbers(digests), tables.sightings.numbers(sightings)
        yield SeenRows(repository, *columns)


def _sealed(tables: _Tables, snapshot: Snapshot) -> Iterator[SealRow]:
    for repository, sealed in snapshot.sealed.items():
        digests = tables.digests.numbers(sealed.tags)
        yield SealRow(repository, digests, tuple(sealed.tags.values()))


def _misfits(tables: _Tables, snapshot: Snapshot) -> Iterator[MisfitRow]:
    for manifest, found in snapshot.misfits.items():
        for each in found:
            numbers = tables.digests.number(manifest), tables.digests.number(each.digest)
            yield MisfitRow(*numbers, each.detail)


def _use(tables: _Tables, use: Use) -> UseRow:
    reference = use.reference
    return UseRow(
        use.owner,
        reference.registry,
        reference.repository,
        reference.tag,
        tables.digests.optional(reference.digest),
        use.reference_class,
        tables.platforms.numbers(use.platforms),
        tables.platforms.numbers(use.admitted),
        _workload(use.workload),
        tables.digests.numbers(sorted(use.running)),
        use.alive,
        use.next_run,
        use.login,
        tuple(HolderRow(each.node, tables.platforms.number(each.platform)) for each in use.holders),
    )


def _workload(workload: Workload | None) -> WorkloadRow | None:
    if workload is None:
        return None
    return WorkloadRow(workload.cluster, workload.namespace, workload.kind, workload.name)


def _sighting(seen: Sighting) -> SightingRow:
    return SightingRow(seen.state, seen.proof, seen.reason, seen.detail, seen.seen_at)


def _link(tables: _Tables, link: Link) -> LinkRow:
    target = link.target
    return LinkRow(
        link.kind,
        tables.media_types.number(target.media_type),
        tables.digests.number(target.digest),
        target.size,
        tables.platforms.optional(target.platform),
        target.data,
        target.attestation,
    )
