"""Lost content that the bytes of its digest would restore, and its repair."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from exporter.facts.proof import State
from exporter.judge.report import Report, TagReport
from exporter.judge.tag_verdict import TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Place, Repository, Tag

MANIFEST: Final = "manifest"
TAG: Final = "tag"
_BLOB_TYPE: Final = "application/octet-stream"


class Way(StrEnum):
    """How lost content comes back."""

    UPLOAD = "upload"
    MOUNT = "mount"
    """From another repository of the same registry; uploaded if the registry does not mount."""
    TAG = "tag"
    """The manifest is present or is uploaded too, but its tag does not exist."""


@dataclass(frozen=True, slots=True)
class Restorable:
    """One manifest or blob that a repository lacks, or serves short or corrupt."""

    repository: Repository
    digest: Digest
    kind: str
    """`manifest`, `config`, `layer` or `blob`; `tag` for a tag that does not exist."""
    size: int | None
    """Bytes, where they are known."""
    tag: Tag | None = None
    """The tag that does not exist."""
    corrupt: bool = False
    """Did every byte come, and hash to another digest?"""

    @property
    def place(self) -> Place:
        """The place that has lost it."""
        return self.repository, self.digest

    @property
    def target(self) -> Descriptor:
        """Return the descriptor to read and hash."""
        kind = OCI_MANIFEST if self.kind == MANIFEST else _BLOB_TYPE
        return Descriptor(kind, self.digest, self.size)


@dataclass(frozen=True, slots=True)
class RepairStep:
    """One loss, the source of its bytes, and the result."""

    loss: Restorable
    way: Way = Way.UPLOAD
    source: str = ""
    """The source of the bytes, which were read and hashed; empty if there is none."""
    failure: str = ""
    """Why it could not be restored; empty in a plan, and if it was."""


@dataclass(frozen=True, slots=True)
class Repair:
    """The repair of one registry: a plan, or its result."""

    report: Report
    """The report of the audit before."""
    asked: tuple[TagReport, ...]
    """The tags that were asked for."""
    steps: tuple[RepairStep, ...] = ()
    """In the order in which they are taken: blobs, then manifests, children first."""
    refused: tuple[str, ...] = ()
    """Sources that could not be read, or served other bytes than their digest names."""
    kept: tuple[str, ...] = ()
    """Keep tags that were set, and why others were not."""
    after: Report | None = None
    """The report of the audit afterwards, with these tags alone; None if nothing was uploaded."""

    @property
    def size(self) -> int:
        """Return the bytes to be uploaded, or that were."""
        steps = (each for each in self.steps if each.way is Way.UPLOAD)
        return sum(each.loss.size or 0 for each in steps if each.source and not each.failure)

    @property
    def damaged(self) -> tuple[TagReport, ...]:
        """The tags that were asked for and have lost something."""
        return tuple(
            tag
            for tag in self.asked
            if tag.verdict.cannot_be_pulled or any(child.lost for child in tag.verdict.children)
        )

    @property
    def latest(self) -> Report:
        """The report on these tags as they are now."""
        return self.after or replace(self.report, tags=self.asked)


def losses(verdicts: Iterable[TagVerdict]) -> tuple[Restorable, ...]:
    """Return everything that tags are proven to have lost, each once per repository."""
    found: dict[Place, Restorable] = {}
    for verdict in verdicts:
        for child in verdict.children:
            for lack in child.lacks if child.expected else ():
                if lack.lost and not lack.wrong_diff_id:
                    loss = Restorable(
                        verdict.root.repository,
                        lack.digest,
                        lack.kind,
                        lack.size,
                        corrupt=lack.corrupt,
                    )
                    found.setdefault(loss.place, loss)
    return tuple(found.values())


def lost_tags(verdicts: Iterable[TagVerdict]) -> tuple[tuple[Repository, Tag], ...]:
    """Return the tags that do not exist and whose digest is unknown."""
    roots = (each.root for each in verdicts)
    return tuple(
        (root.repository, root.tag)
        for root in roots
        if root.tag and root.digest is None and root.sighting.state is State.MISSING
    )


def broken_by(report: Report, cause: Digest) -> tuple[TagReport, ...]:
    """Return the tags that lack one digest."""
    names = {
        each.verdict.name
        for found in report.causes
        if found.lack.digest == cause
        for each in found.affects
    }
    return tuple(each for each in report.tags if each.name in names)
