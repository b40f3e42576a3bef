"""What does a registry's bucket hold? Listed blobs first, then links, as in a folder.

A link's content is known from the listing: its ETag is the MD5 of it. Only where that does not
match what the path says (encryption by key, other stores, true differences) the object is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from obstore.store import from_url

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Driver, Inventory
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.ports import Outlines, Unseen
from exporter.sources.storage import layout
from exporter.sources.storage.bodies import Bodies
from exporter.sources.storage.foreign import GITLAB, NOTHING
from exporter.sources.storage.held import Held, split
from exporter.sources.storage.late import settled
from exporter.sources.storage.noted import Noted
from exporter.sources.storage.objects import Key, Objects

if TYPE_CHECKING:
    from obstore.store import ClientConfig

_ROOT: Final = "/".join(layout.ROOT)
_BLOBS: Final = f"{_ROOT}/blobs/"
_LOCK: Final = "/".join((*layout.LOCKS, layout.DATABASE_LOCK))
_DATA: Final = "data"
_DRIVERS: Final = {
    **dict.fromkeys(("s3", "s3a"), Driver.S3),
    **dict.fromkeys(("gs",), Driver.GCS),
    **dict.fromkeys(("az", "azure", "abfs", "abfss", "adl"), Driver.AZURE),
}


def read(
    url: str,
    options: Mapping[str, str] | None = None,
    *,
    plain_http: bool = False,
    outlines: Outlines | None = None,
) -> Inventory:
    """List what `s3://bucket/root`, `gs://…` or `az://…` holds; credentials as the SDKs find them.

    Options are obstore's own, such as `endpoint` and `region`; `outlines` spare the manifests that
    were read before. Raises `Unseen` where it cannot be listed.
    """
    driver = _DRIVERS.get(url.partition("://")[0])
    if driver is None:
        raise Unseen(url, Reason.UNSUPPORTED, "not an s3, gs or az address")
    return read_objects(_objects(url, options, plain_http=plain_http), driver, outlines)


def contents(
    url: str,
    digests: Sequence[str],
    most: int,
    options: Mapping[str, str] | None = None,
    *,
    plain_http: bool = False,
) -> list[bytes | None]:
    """Read blobs, each at most one byte more than the limit; None where there is none.

    Raises `Unseen`.
    """
    stored = _Stored(_objects(url, options, plain_http=plain_http))
    return stored.contents(digests, most)


def files(
    url: str, options: Mapping[str, str] | None = None, *, plain_http: bool = False
) -> Objects:
    """Return the objects below a root directory, to be read one by one."""
    return _objects(url, options, plain_http=plain_http)


def _objects(url: str, options: Mapping[str, str] | None, *, plain_http: bool) -> Objects:
    client: ClientConfig = {"allow_http": plain_http}
    store = from_url(url, config=dict(options or {}), client_options=client)  # type: ignore[call-overload] # three stores' words
    return Objects(store, url)


def read_objects(objects: Objects, driver: Driver, outlines: Outlines | None = None) -> Inventory:
    """List what an object store holds below a registry's root directory."""
    intake = InventoryBuilder(driver)
    if objects.head(_LOCK) is not None:
        intake.gaps.append(Gap(Scope.REGISTRY, objects.name, Reason.UNSUPPORTED, GITLAB))
        return intake.inventory()
    noted = Noted(intake)
    _blobs(objects.keys(_BLOBS), noted.below("blobs"))
    stored = _Stored(objects)
    bodies = Bodies(stored, noted.below("blobs"), outlines)
    intake.has_repositories = False
    for name, keys in groupby(_inside(objects), lambda key: split(key.path)[0]):
        intake.has_repositories = True
        Held(name, noted.below("repositories").below(name), objects).read(keys, bodies)
    bodies.keep()
    if not intake.has_repositories and not intake.has_blobs:
        intake.gaps.append(Gap(Scope.REGISTRY, objects.name, Reason.UNSUPPORTED, NOTHING))
    return settled(intake, stored.look)


def _inside(objects: Objects) -> Iterable[Key]:
    beginning = f"{_ROOT}/repositories/"
    for key in objects.keys(beginning):
        yield Key(key.path.removeprefix(beginning), key.size, key.modified, key.etag)


def _blobs(keys: Iterable[Key], noted: Noted) -> None:
    noted.intake.has_blobs = False
    for algorithm, group in groupby(keys, _algorithm):
        noted.intake.has_blobs = True
        found = [(key, encoded) for key in group if (encoded := _encoded(key, noted)) is not None]
        names = [encoded for _, encoded in found]
        sizes, times = [key.size for key, _ in found], [key.modified for key, _ in found]
        noted.intake.blobs(algorithm, names, sizes, times)


def _algorithm(key: Key) -> str:
    return key.path.removeprefix(_BLOBS).partition("/")[0]


def _encoded(key: Key, noted: Noted) -> str | None:
    """Return the digest's encoded part; None for what is no blob's file."""
    path = key.path.removeprefix(_BLOBS)
    *folders, name = path.split("/")
    if name != _DATA:
        noted.intake.stray(key.size)
        return None
    if len(folders) != 3:  # noqa: PLR2004 - algorithm, two letters, and the encoded part
        noted.gap(path, Reason.UNSUPPORTED, "not where a registry puts it")
        return None
    algorithm, letters, encoded = folders
    fault = layout.blob_fault(algorithm, letters, encoded)
    if fault or not layout.is_bucket(letters, encoded):
        noted.misplaced(path, fault)
        return None
    return encoded


class _Stored:
    """The blobs in a bucket."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def contents(self, digests: Sequence[str], limit: int) -> list[bytes | None]:
        """Read blobs, each at most one byte more than the limit."""
        return self._objects.contents([_path(digest) for digest in digests], limit + 1)

    def look(self, digest: str) -> tuple[int, int] | None:
        """Look at a blob: its bytes and its time."""
        seen = self._objects.head(_path(digest))
        return (seen.size, seen.modified) if seen else None


def _path(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"{_ROOT}/blobs/{algorithm}/{encoded[:2]}/{encoded}/{_DATA}"
