"""OCI image layouts: folders with images by digest, as skopeo, buildah and crane write them.

Source: OCI image-spec 1.1, image-layout.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from exporter.facts import body
from exporter.facts.gap import Reason
from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.sources.storage import verification
from exporter.sources.storage.folder import RootFolder

INDEX: Final = "index.json"
_NAME: Final = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class OciLayout:
    """One layout; implements `exporter.ports.Bytes`. Nothing in it is followed out of it."""

    shared: ClassVar = True

    folder: str
    tags: Mapping[str, Digest] = field(default_factory=dict)
    """The tags of its index; a manifest without a name is listed under the empty one."""

    @classmethod
    def read(cls, folder: str) -> Self:
        """Read a layout's index. Raises `Unseen` where the folder holds none."""
        root = RootFolder(folder)
        if not root.holds("blobs"):
            raise Unseen(folder, Reason.UNREADABLE, "no blobs/ here: not an OCI layout")
        with root.opened(f"./{INDEX}", fresh=False) as chunks:
            return cls(folder, named(_beginning(chunks or iter(())), folder))

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read every byte and hash it: None where the digest names these bytes. Raises `Unseen`."""
        del repository  # a layout has no repositories
        path = f"blobs/{target.digest.algorithm}/{target.digest.encoded}"
        return await verification.prove_file(
            RootFolder(self.folder), path, target, sink, fresh=again
        )


def named(index: bytes, subject: str) -> dict[str, Digest]:
    """Return what an `index.json` names. Raises `Unseen` where it is none, or names no digest."""
    try:
        entries = strict.fields(strict.document(index[: body.LARGEST + 1]), INDEX).get("manifests")
        listed = entries if isinstance(entries, list) else [None]
        return dict(_entry(strict.fields(each, "manifests")) for each in listed)
    except Malformed as error:
        raise Unseen(subject, Reason.MALFORMED, f"{INDEX}: {error}") from error


def _beginning(chunks: Iterator[bytes]) -> bytes:
    """Return as much of an index as is read, and one byte more."""
    found = b""
    while len(found) <= body.LARGEST and (chunk := next(chunks, b"")):
        found += chunk
    return found


def _entry(fields: Mapping[str, object]) -> tuple[str, Digest]:
    annotations, digest = fields.get("annotations"), fields.get("digest")
    name = annotations.get(_NAME) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) else "", Digest.parse(str(digest))
