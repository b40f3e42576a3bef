"""The storage of a registry on disk, and the content of the demo's two registries.

Source of the paths: distribution's `storage/paths.go`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.demo.content import Image, chart, image, index, multi_platform
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag, tag

FRONTEND: Final = Repository("shop/frontend")
"""Healthy; a tag of its own protects each platform of each version."""
CHECKOUT: Final = Repository("shop/checkout")
"""The incident: the tag 2.4.1 and its index exist, but its arm64 image was collected."""
PAYMENTS: Final = Repository("platform/payments")
"""Every manifest of 3.0.7 exists, but the bytes of an amd64 layer are missing."""
SEARCH: Final = Repository("platform/search")
"""5.2.0 can be pulled; the next collection will take its platforms."""
TOOLBOX: Final = Repository("infra/toolbox")
"""2026.10 is an index of indexes."""
BACKUP: Final = Repository("infra/backup")
"""0.9 runs on amd64 only."""
CHART: Final = Repository("charts/shop")
"""1.4.0 is a Helm chart."""
POSTGRES: Final = Repository("library/postgres")
"""17, in a pull-through cache that has only what was pulled through it: amd64."""

_CHECKOUT: Final = multi_platform(CHECKOUT, "2.4.1")
_PAYMENTS: Final = multi_platform(PAYMENTS, "3.0.7")


@dataclass(frozen=True, slots=True)
class StorageTree:
    """A registry's storage, written as pushes and garbage collections leave it behind."""

    root: Path

    @property
    def repositories(self) -> Path:
        """The folder of all repositories."""
        return self.root / "docker/registry/v2/repositories"

    def data(self, digest: Digest) -> Path:
        """The file with the bytes of a blob or manifest, whichever repositories use it."""
        folder = f"{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}"
        return self.repositories.with_name("blobs") / folder / "data"

    def revision(self, repository: Repository, digest: Digest) -> Path:
        """The link that makes a manifest part of a repository."""
        return self.repositories / repository / "_manifests/revisions" / _link(digest)

    def layer(self, repository: Repository, digest: Digest) -> Path:
        """The link that lets a blob be read through a repository."""
        return self.repositories / repository / "_layers" / _link(digest)

    def tags(self, repository: Repository) -> Path:
        """The folder of a repository's tags."""
        return self.repositories / repository / "_manifests/tags"

    def current(self, repository: Repository, tag: Tag) -> Path:
        """The link to the manifest of a tag."""
        return self.tags(repository) / tag / "current/link"

    def history(self, repository: Repository, tag: Tag, digest: Digest) -> Path:
        """The links to all manifests that a tag ever had."""
        return self.tags(repository) / tag / "index" / _link(digest)

    def sizes(self) -> dict[Digest, int]:
        """Return the bytes of everything that is stored."""
        files = self.repositories.with_name("blobs").glob("*/*/*/data")
        return {
            Digest.parse(f"{data.parents[2].name}:{data.parent.name}"): data.stat().st_size
            for data in files
        }

    def put(self, repository: Repository, manifest: Image) -> None:
        """Store one manifest with its blobs."""
        for blob in manifest.blobs:
            _write(self.data(blob.digest), blob.body)
            _write(self.layer(repository, blob.digest), blob.digest.encode())
        _write(self.data(manifest.digest), manifest.body)
        _write(self.revision(repository, manifest.digest), manifest.digest.encode())

    def point(self, repository: Repository, digest: Digest, *tags: str) -> None:
        """Set tags on a manifest, whether it exists or not."""
        for name in map(tag, tags):
            _write(self.history(repository, name, digest), digest.encode())
            _write(self.current(repository, name), digest.encode())

    def push(self, repository: Repository, pushed: Image, *tags: str) -> None:
        """Store an image with everything below it, and point tags at it."""
        for manifest in pushed.manifests():
            self.put(repository, manifest)
        self.point(repository, pushed.digest, *tags)

    def protect(self, repository: Repository, pushed: Image, version: str, *of: str) -> None:
        """Tag an image's platforms directly, as a careful pipeline does."""
        for architecture in of:
            self.point(repository, pushed.on(architecture).digest, f"{version}-{architecture}")

    def collect(self, repository: Repository, *manifests: Image) -> None:
        """Remove manifests from a repository as `garbage-collect --delete-untagged` of 2.8 does.

        Their bytes stay, since a tagged index still names them, and so do the links of layers.
        """
        for manifest in manifests:
            _remove(self.revision(repository, manifest.digest))

    def sweep(self, digest: Digest) -> None:
        """Remove bytes, whatever still links to them."""
        _remove(self.data(digest))


def stock(folder: Path) -> StorageTree:
    """Fill a team's own registry; everything in it can be pulled."""
    tree = StorageTree(folder)
    for version, tags in (("1.8.3", ()), ("1.9.0", ("latest",))):
        frontend = multi_platform(FRONTEND, version)
        tree.push(FRONTEND, frontend, version, *tags)
        tree.protect(FRONTEND, frontend, version, "amd64", "arm64")
    tree.push(CHECKOUT, _CHECKOUT, "2.4.1", "latest")
    tree.protect(CHECKOUT, _CHECKOUT, "2.4.1", "amd64")
    tree.push(PAYMENTS, _PAYMENTS, "3.0.7")
    tree.protect(PAYMENTS, _PAYMENTS, "3.0.7", "amd64", "arm64")
    tree.push(SEARCH, multi_platform(SEARCH, "5.2.0"), "5.2.0")
    small = index(image(TOOLBOX, "2026.10", Platform("linux", "arm", "v7")))
    tree.push(TOOLBOX, index(multi_platform(TOOLBOX, "2026.10"), small), "2026.10")
    tree.push(BACKUP, image(BACKUP, "0.9", Platform("linux", "amd64")), "0.9")
    tree.push(CHART, chart("shop", "1.4.0"), "1.4.0")
    return tree


def suffer(tree: StorageTree) -> None:
    """Remove what no tag of shop/checkout protected, and the bytes of one layer."""
    _, arm64, *attestations = _CHECKOUT.children
    tree.collect(CHECKOUT, arm64, *attestations)
    config, _, own = arm64.blobs  # the base layer is other images' as well
    for lost in (config, own, *(each.blobs[-1] for each in attestations)):
        tree.sweep(lost.digest)
    tree.sweep(_PAYMENTS.on("amd64").blobs[-1].digest)


def litter(tree: StorageTree) -> None:
    """Add what a registry gathers: a build without a tag, an unfinished push."""
    for manifest in multi_platform(FRONTEND, "1.8.2").manifests():
        tree.put(FRONTEND, manifest)
    for blob in image(SEARCH, "5.3.0", Platform("linux", "amd64")).blobs:
        _write(tree.data(blob.digest), blob.body)


def mirror(folder: Path) -> StorageTree:
    """Fill a pull-through cache, which has only the requested manifests of an index."""
    tree = StorageTree(folder)
    postgres = multi_platform(POSTGRES, "17")
    tree.put(POSTGRES, postgres.on("amd64"))
    tree.put(POSTGRES, postgres)
    tree.point(POSTGRES, postgres.digest, "17")
    return tree


def _link(digest: Digest) -> str:
    return f"{digest.algorithm}/{digest.encoded}/link"


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def _remove(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
