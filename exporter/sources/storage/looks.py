"""A look at single links and files of a storage, as they are now."""

from typing import Final, Protocol

from exporter.facts.inventory import Unlinked
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.sources.storage import layout
from exporter.sources.storage.verification import Files, insist_on_registry, small_file

_REPOSITORIES: Final = "/".join((*layout.ROOT, "repositories"))


class SizedFiles(Files, Protocol):
    """The files of a storage, with their lengths."""

    def size(self, path: str) -> int | None:
        """Return a file's bytes, by its path below the root directory; None where there is none.

        Raises `Unseen`.
        """
        ...


def size(
    files: SizedFiles, name: str, repository: Repository, digest: Digest, *, manifest: bool
) -> int | None:
    """Return the bytes of the file that a repository links; None where either is not there.

    Raises `Unseen`, also where there is no registry at all.
    """
    kind = "_manifests/revisions" if manifest else "_layers"
    link = f"{repository}/{kind}/{digest.algorithm}/{digest.encoded}/link"
    named = _named(files, f"{_REPOSITORIES}/{link}")
    own = named == digest or (digest.algorithm != "sha256" and named is not None)
    found = files.size(layout.blob_path(named)) if own and named else None
    if found is None:
        insist_on_registry(files, name)
    return found


def tagged(files: SizedFiles, name: str, repository: Repository, tag: Tag) -> str | None:
    """Return the digest that a tag names; None where it names none. Likewise."""
    found = _named(files, f"{_REPOSITORIES}/{repository}/_manifests/tags/{tag}/current/link")
    if found is None:
        insist_on_registry(files, name)
    return found


def _named(files: SizedFiles, path: str) -> str | None:
    content = small_file(files, path, layout.LONGEST_LINK)
    named = None if content is None else layout.linked(content)
    return None if isinstance(named, Unlinked) else named
