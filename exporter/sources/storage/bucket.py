"""A registry's storage in a bucket. Blobs are listed first, then links, as in a folder.

The content of a link is known from the listing: its ETag is the MD5. An object is read only if its
ETag differs from the MD5 of its path's digest: encryption by key, another store, a real difference.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Self

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Driver, Folder, Inventory, Unlinked, Upload
from exporter.facts.inventory_builder import InventoryBuilder, Target
from exporter.memory import Outlines
from exporter.ports import Unseen
from exporter.sources.storage import layout, links
from exporter.sources.storage.bucket_inventory import BucketInventory
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.links import LinkTargets
from exporter.sources.storage.manifests import ManifestReader
from exporter.sources.storage.object_store import Key, Objects
from exporter.sources.storage.repositories import NAMELESS

_ROOT: Final = "/".join(layout.ROOT)
_BLOBS: Final = f"{_ROOT}/blobs/"
_REPOSITORIES: Final = f"{_ROOT}/repositories/"
_LOCK: Final = "/".join((*layout.LOCKS, layout.DATABASE_LOCK))
_DRIVERS: Final = {
    **dict.fromkeys(("s3", "s3a"), Driver.S3),
    **dict.fromkeys(("gs",), Driver.GCS),
    **dict.fromkeys(("az", "azure", "abfs", "abfss", "adl"), Driver.AZURE),
}
_FOLDERS: Final = (
    ("_layers/", Folder.LAYERS),
    ("_manifests/", Folder.MANIFESTS),
    ("_manifests/revisions/", Folder.REVISIONS),
    ("_manifests/tags/", Folder.TAGS),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket below the prefix that is a registry's root directory."""

    objects: Objects
    driver: Driver
    inventory: BucketInventory | None = None
    """Published list of the bucket; None to list it now."""

    @classmethod
    def at(
        cls,
        url: str,
        options: Mapping[str, str] | None = None,
        *,
        plain_http: bool = False,
        inventory: str = "",
    ) -> Self:
        """Open a bucket, as `Objects.at` does; `inventory` is the prefix of its S3 Inventory.

        Raises `Unseen` for another kind of address, or if there is no inventory.
        """
        driver = _DRIVERS.get(url.partition("://")[0])
        if driver is None:
            raise Unseen(url, Reason.UNSUPPORTED, "not an s3, gs or az address")
        objects = Objects.at(url, options, plain_http=plain_http)
        if not inventory:
            return cls(objects, driver)
        return cls(objects, driver, BucketInventory.at(inventory, options, plain_http=plain_http))

    def read(self, outlines: Outlines | None = None) -> Inventory:
        """List the content; manifests in `outlines` are not read again.

        Raises `Unseen` if the bucket cannot be listed.
        """
        builder = InventoryBuilder(self.driver)
        if self.objects.head(_LOCK) is not None:
            return self._foreign(builder, layout.GITLAB)
        context = ReadContext(builder)
        blobs, repositories = self._listed()
        _add_blobs(blobs, context.below("blobs"))
        builder.settle()
        manifests = ManifestReader(self.contents, context, outlines)
        builder.has_repositories = False
        for name, keys in groupby(repositories(), lambda key: _split(key)[0]):
            builder.has_repositories = True
            here = context.below("repositories").below(name)
            _Repository(name, here, self.objects).read(keys, manifests)
        manifests.keep()
        if not builder.has_repositories and not builder.has_blobs:
            return self._foreign(builder, layout.NOTHING)
        taken_at = self.inventory.taken_at if self.inventory else None
        return replace(context.inventory(self._look), taken_at=taken_at)

    def _listed(self) -> tuple[Iterable[Key], Callable[[], Iterable[Key]]]:
        """Return the keys of the blobs, and a function that returns those of the repositories.

        Call it after the blobs were read.
        """
        if self.inventory is None:
            return self.objects.keys(_BLOBS), lambda: self.objects.keys(_REPOSITORIES)
        host, _, root = self.objects.name.partition("://")[2].rstrip("/").partition("/")
        keys, others = self.inventory.keys(host, root), list[Key]()

        def blobs() -> Iterator[Key]:
            for key in keys:
                if key.path.startswith(_BLOBS):
                    yield key
                elif key.path.startswith(_REPOSITORIES):
                    others.append(key)

        return blobs(), lambda: sorted(others, key=_order)

    def contents(self, digests: Sequence[str], limit: int) -> list[bytes | None]:
        """Read blobs, at most `limit` + 1 bytes of each; None for a missing blob.

        Raises `Unseen`.
        """
        return self.objects.contents([layout.blob_path(digest) for digest in digests], limit + 1)

    def _look(self, digest: str) -> tuple[int, int] | None:
        seen = self.objects.head(layout.blob_path(digest))
        return (seen.size, seen.modified) if seen else None

    def _foreign(self, builder: InventoryBuilder, whose: str) -> Inventory:
        builder.gaps.append(Gap(Scope.REGISTRY, self.objects.name, Reason.UNSUPPORTED, whose))
        return builder.inventory()


def _order(key: Key) -> str:
    return key.path


def _add_blobs(keys: Iterable[Key], context: ReadContext) -> None:
    context.builder.has_blobs = False
    for algorithm, group in groupby(keys, lambda key: _in_blobs(key).partition("/")[0]):
        context.builder.has_blobs = True
        found = [(encoded, key) for key in group for encoded in _encoded(key, context)]
        names = [encoded for encoded, _ in found]
        sizes, times = [key.size for _, key in found], [key.modified for _, key in found]
        context.builder.blobs(algorithm, names, sizes, times)


def _in_blobs(key: Key) -> str:
    return key.path.removeprefix(_BLOBS)


def _encoded(key: Key, context: ReadContext) -> Iterator[str]:
    """Yield the encoded part of a blob's digest; nothing for any other file."""
    path = _in_blobs(key)
    match path.split("/"):
        case [algorithm, letters, encoded, "data"]:
            fault = layout.blob_fault(algorithm, letters, encoded)
            if fault or not layout.is_bucket(letters, encoded):
                context.misplaced(path, fault)
            else:
                yield encoded
        case [*_, "data"]:
            context.gap(path, Reason.UNSUPPORTED, "not where a registry puts it")
        case _:
            context.builder.stray(key.size)


def _split(key: Key) -> tuple[str, str]:
    """Split a key into the name of the repository and the rest; "" if it has no name.

    No part of a name begins with `_`: collectors do not descend into such folders.
    """
    path = key.path.removeprefix(_REPOSITORIES)
    at = path.find("/_")
    return ("", path) if at < 0 or path.startswith("_") else (path[:at], path[at + 1 :])


@dataclass(slots=True)
class _Keys:
    """Keys of one repository, by kind."""

    folders: Folder = field(default_factory=lambda: Folder(0))
    layers: dict[str, Key] = field(default_factory=dict)
    """By the digest that the path names."""
    revisions: dict[str, Key] = field(default_factory=dict)
    """By the digest that the path names."""
    current: dict[str, Key] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)
    """Digests in the history of each tag that has any key."""
    uploads: dict[str, list[Key]] = field(default_factory=dict)

    def add(self, key: Key, context: ReadContext) -> None:
        """Add one key. An empty one in place of a folder is a folder marker of some client."""
        _, rest = _split(key)
        for beginning, folder in _FOLDERS:
            self.folders |= folder if rest.startswith(beginning) else Folder(0)
        match rest.split("/"):
            case ["_layers", kind, encoded, "link"] if layout.is_part(kind + encoded):
                self.layers[f"{kind}:{encoded}"] = key
            case ["_manifests", "revisions", kind, encoded, "link"] if layout.is_part(
                kind + encoded
            ):
                self.revisions[f"{kind}:{encoded}"] = key
            case ["_manifests", "tags", tag, "current", "link"]:
                self.history.setdefault(tag, [])
                self.current[tag] = key
            case ["_manifests", "tags", tag, "index", kind, encoded, "link"]:
                self.history.setdefault(tag, []).append(f"{kind}:{encoded}")
            case ["_uploads", identifier, *_]:
                self.uploads.setdefault(identifier, []).append(key)
            case ["_layers" | "_manifests"] | ["_manifests", "tags", _] if key.size:
                context.gap(rest, Reason.UNSUPPORTED, "a file in a folder's place")
            case ["_layers" | "_manifests", *_, "link"]:
                context.gap(rest, Reason.UNSUPPORTED, "not where a registry puts it")
            case ["_manifests", "tags", tag, *_]:
                self.history.setdefault(tag, [])
                context.builder.stray(key.size)
            case _:
                context.builder.stray(key.size)


@dataclass(frozen=True, slots=True)
class _Repository:
    """Reader of one repository."""

    name: str
    context: ReadContext
    objects: Objects

    def read(self, keys: Iterable[Key], manifests: ManifestReader) -> None:
        """Add what the keys state; read the objects whose content they do not state."""
        found, builder = _Keys(), self.context.builder
        for key in keys:
            found.add(key, self.context)
        if not self.name:
            if found.folders:
                self.context.gap("", Reason.UNSUPPORTED, NAMELESS)
            return
        links.add(self._links(found.layers), builder.layers)
        self._revisions(found, manifests)
        for identifier, parts in found.uploads.items():
            size, latest = sum(key.size for key in parts), max(key.modified for key in parts)
            builder.uploads.append(Upload(self.name, identifier, size, latest))
        if found.folders:
            builder.close(self.name, found.folders)

    def _revisions(self, keys: _Keys, manifests: ManifestReader) -> None:
        found = self._links(keys.revisions)
        tagged = self._tags(keys)
        manifests.recall(links.named(found))
        manifests.read_ahead(links.named(found))
        links.complete(found, tagged, manifests.children, self._look)
        links.add(found, self.context.builder.revisions)

    def _tags(self, keys: _Keys) -> list[str]:
        """Add the tags; return the digests that they reference."""
        guesses = [keys.history[tag] for tag in keys.current]
        current = dict(
            zip(keys.current, self._named([*keys.current.values()], guesses), strict=True)
        )
        for tag in sorted(keys.history):
            if not layout.is_part(tag):
                self.context.gap(f"_manifests/tags/{tag}", Reason.UNSUPPORTED, "no registry's name")
            target = current.get(tag, Unlinked.ABSENT)
            self.context.builder.tags.add(tag, target, keys.history[tag])
        return [to for to in current.values() if not isinstance(to, Unlinked)]

    def _links(self, keys: Mapping[str, Key]) -> LinkTargets:
        """Return the targets of the links whose paths name a digest."""
        found: LinkTargets = {}
        targets = self._named([*keys.values()], [[digest] for digest in keys])
        for digest, target in zip(keys, targets, strict=True):
            if target is not Unlinked.ABSENT:
                algorithm, _, encoded = digest.partition(":")
                found.setdefault(algorithm, {})[encoded] = target
        return found

    def _named(self, keys: Sequence[Key], guesses: Sequence[Sequence[str]]) -> list[Target]:
        """Return the targets of link objects: the guess whose MD5 is the ETag, else the content."""
        found: dict[str, Target] = {
            key.path: guess
            for key, each in zip(keys, guesses, strict=True)
            for guess in each
            if _md5(guess) == key.etag and layout.is_digest(guess)
        }
        unknown = [key for key in keys if key.path not in found]
        contents = self.objects.contents([key.path for key in unknown], layout.LONGEST_LINK)
        for key, content in zip(unknown, contents, strict=True):
            found[key.path] = self._linked(key, content)
        return [found[key.path] for key in keys]

    def _linked(self, key: Key, content: bytes | None) -> Target:
        target = Unlinked.ABSENT if content is None else layout.linked(content)
        if isinstance(target, Unlinked) and target is not Unlinked.ABSENT:
            detail = f"a link that names no digest: {target.message}"
            self.context.gap(_split(key)[1], Reason.MALFORMED, detail)
        return target

    def _look(self, algorithm: str, encoded: str) -> Target:
        """Return the target of a manifest's link that the listing lacks."""
        path = f"{self.name}/_manifests/revisions/{algorithm}/{encoded}/link"
        (content,) = self.objects.contents([_REPOSITORIES + path], layout.LONGEST_LINK)
        return Unlinked.ABSENT if content is None else layout.linked(content)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
