"""Where does a distribution registry keep content on its disk? To write, and to damage, it there.

The layout is `docker/registry/v2` of distribution 2.x and 3.x (its `registry/storage/paths.go`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.digest import Digest
    from tests.worlds import Made


def data(root: Path, digest: Digest) -> Path:
    """The file that holds a blob's or manifest's bytes, whichever repositories use it."""
    return _v2(root) / "blobs" / digest.algorithm / digest.encoded[:2] / digest.encoded / "data"


def home(root: Path, repository: str) -> Path:
    """The folder of a repository."""
    return _v2(root) / "repositories" / repository


def revision(root: Path, repository: str, digest: Digest) -> Path:
    """The link that makes a manifest part of a repository."""
    revisions = _manifests(root, repository) / "revisions"
    return revisions / digest.algorithm / digest.encoded / "link"


def layer_link(root: Path, repository: str, digest: Digest) -> Path:
    """The link that lets a blob be read through a repository."""
    layers = home(root, repository) / "_layers"
    return layers / digest.algorithm / digest.encoded / "link"


def tag(root: Path, repository: str, name: str) -> Path:
    """The folder of a tag; `current/link` in it says where the tag points."""
    return _manifests(root, repository) / "tags" / name


def write(root: Path, repository: str, made: Made, *tags: str) -> None:
    """Store a manifest with everything below it, as a push would have, and point tags at it."""
    for manifest in made.walk():
        for blob in manifest.blobs:
            if blob.stored:
                _file(data(root, blob.digest), blob.body)
                _link(layer_link(root, repository, blob.digest), blob.digest)
        _file(data(root, manifest.digest), manifest.body)
        _link(revision(root, repository, manifest.digest), manifest.digest)
    for name in tags:
        point(root, repository, name, made.digest)


def point(root: Path, repository: str, name: str, digest: Digest) -> None:
    """Point a tag at a digest, whether or not anything is there."""
    folder = tag(root, repository, name)
    _link(folder / "index" / digest.algorithm / digest.encoded / "link", digest)
    _link(folder / "current" / "link", digest)


def _v2(root: Path) -> Path:
    return root / "docker" / "registry" / "v2"


def _manifests(root: Path, repository: str) -> Path:
    return home(root, repository) / "_manifests"


def _link(path: Path, digest: Digest) -> None:
    _file(path, digest.encode())


def _file(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
