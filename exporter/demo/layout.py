"""Where does a distribution registry keep things below its root? By its `storage/paths.go`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one registry. Nothing here looks whether they exist."""

    root: Path

    @property
    def repositories(self) -> Path:
        """The folder of all repositories."""
        return self.root / "docker" / "registry" / "v2" / "repositories"

    def data(self, digest: Digest) -> Path:
        """The file with the bytes of a blob or manifest, whichever repositories use it."""
        blobs = self.repositories.with_name("blobs")
        return blobs / digest.algorithm / digest.encoded[:2] / digest.encoded / "data"

    def revision(self, repository: Repository, digest: Digest) -> Path:
        """The link that makes a manifest part of a repository."""
        revisions = self.repositories / repository / "_manifests" / "revisions"
        return revisions / digest.algorithm / digest.encoded / "link"

    def layer(self, repository: Repository, digest: Digest) -> Path:
        """The link that lets a blob be read through a repository."""
        layers = self.repositories / repository / "_layers"
        return layers / digest.algorithm / digest.encoded / "link"

    def tags(self, repository: Repository) -> Path:
        """The folder of a repository's tags."""
        return self.repositories / repository / "_manifests" / "tags"

    def current(self, repository: Repository, tag: Tag) -> Path:
        """The link that says where a tag points."""
        return self.tags(repository) / tag / "current" / "link"

    def history(self, repository: Repository, tag: Tag, digest: Digest) -> Path:
        """The link that says where a tag ever pointed."""
        index = self.tags(repository) / tag / "index"
        return index / digest.algorithm / digest.encoded / "link"
