"""Planned operations and their predictions: a verdict, victims, hazards, gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import Dialect, Mode
from exporter.judge.impact import User
from exporter.judge.plans.deletion import Deletion, DeletionList
from exporter.judge.preflight.deletions import DeletionMethod

MOST: Final = 10_000
"""Victims that are described; more are only counted: a million would take gigabytes."""


class Verdict(StrEnum):
    """Incomplete is never safe; a proven loss is unsafe, whatever else is unknown."""

    SAFE = "SAFE"
    UNSAFE = "UNSAFE"
    INCOMPLETE = "INCOMPLETE"


class HazardCode(StrEnum):
    """Dangers that are not in the storage itself; those have the codes of `gc.preconditions`."""

    WRITES_OPEN = "writes-open"
    UPLOADS_IN_FLIGHT = "uploads-in-flight"
    YOUNG_BLOBS = "young-blobs"
    STALE_CACHE = "stale-cache"
    WOULD_ABORT = "would-abort"
    PINS_NOT_CONSIDERED = "pins-not-considered"
    TAG_DELETION_REFUSED = "tag-deletion-refused"
    PLAN_DIFFERS = "plan-differs"
    UNREAD_LINES = "unread-lines"
    STORAGE_NOT_READ = "storage-not-read"
    OTHER_COLLECTOR = "other-collector"
    RETENTION_NOT_CONSIDERED = "retention-not-considered"
    BROKEN_TAGS_REMOVED = "broken-tags-removed"


@dataclass(frozen=True, slots=True)
class GarbageCollection:
    """A collection that is planned."""

    dialect: Dialect
    mode: Mode
    assumed: bool = False
    """Is it to be predicted although the registry's own collector is another?"""


@dataclass(frozen=True, slots=True)
class Operation:
    """A planned operation: deletions, a collection, or one after the other."""

    description: str
    """All of it, for a person."""
    deletions: DeletionList | None = None
    method: DeletionMethod = DeletionMethod.API
    collection: GarbageCollection | None = None

    def gaps(self, unmatched: Sequence[Deletion]) -> Iterator[Gap]:
        """Yield the unknown parts of the deletions; `unmatched` name nothing here."""
        if self.deletions is None:
            return
        for doubt in self.deletions.doubts:
            yield Gap(Scope.REFERENCES, self.description, Reason.MALFORMED, doubt)
        if unmatched and len(unmatched) == len(self.deletions.deletions):
            detail = "it names nothing in this registry: is it the right one?"
            yield Gap(Scope.REFERENCES, self.description, Reason.UNCONFIRMED, detail)


@dataclass(frozen=True, slots=True)
class NeededImage:
    """An image that may be pulled: a tag, or a pinned digest."""

    repository: str
    tag: str
    """Empty if it is pinned by digest."""
    digest: str
    """Empty if it is named by tag."""
    reference_class: ReferenceClass
    users: tuple[User, ...] = ()
    """Its users by the references; empty for a tag without a known user."""

    @property
    def name(self) -> str:
        """`repository:tag` or `repository@digest`."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest}"

    @property
    def rank(self) -> tuple[int, float, str]:
        """Its place in a list: by class, by how soon a schedule starts it, then by name."""
        runs = (each.next_run for each in self.users if each.next_run is not None)
        return self.reference_class.rank, min(runs, default=float("inf")), self.name


@dataclass(frozen=True, slots=True)
class LostContent:
    """One piece of content that a pull reads and would no longer get."""

    digest: str
    kind: str
    """`manifest`, `config`, `layer` or `blob`."""
    size: int | None
    """Bytes; None if unknown."""
    removed: bool
    """Are its bytes removed? Else they stay, but this repository does not serve them any more."""


@dataclass(frozen=True, slots=True)
class BrokenManifest:
    """A manifest, at or below something needed, that could be pulled before and not after."""

    digest: str
    platform: str
    """`os/architecture`, `attestation`, or empty if unknown."""
    lost: tuple[LostContent, ...]

    @property
    def size(self) -> int:
        """Bytes of it that would be removed, as far as they are known."""
        return sum(each.size or 0 for each in self.lost if each.removed)


@dataclass(frozen=True, slots=True)
class Victim:
    """A needed image that would break, or lose its tag."""

    image: NeededImage
    tag_removed: bool
    broken: tuple[BrokenManifest, ...]


@dataclass(frozen=True, slots=True)
class Hazard:
    """A danger beside the verdict: something that cannot be seen from here, or that matters."""

    code: str
    subject: str
    """A repository; empty if it is about the whole registry."""
    detail: str
    """One sentence for people, with the way out if there is one."""


@dataclass(frozen=True, slots=True)
class RemovalTotals:
    """Totals of what would be removed, needed or not; each byte once."""

    tags: int = 0
    manifests: int = 0
    blobs: int = 0
    layer_links: int = 0
    size: int | None = 0
    """Bytes of the blobs; None if only the API was read."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How much the verdict rests on."""

    repositories: int
    tags: int
    uses: int
    """References of workloads and files that name something here."""
    uses_elsewhere: int = 0
    """Those that name nothing here."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction; the same facts give the same one."""

    operation: str
    """The planned operation, in words."""
    victims: tuple[Victim, ...]
    """The most important first; no more than `MOST`."""
    hazards: tuple[Hazard, ...]
    gaps: tuple[Gap, ...]
    removed: RemovalTotals | None
    """None if it cannot be predicted."""
    checked: Checked
    more_victims: int = 0
    """The number of further victims, beyond the first `MOST`."""
    other_collector: str = ""
    """The registry's own collector, if it is another one, so that nothing is predicted."""
    cannot_be_pulled: int | None = None
    """Tags that cannot be pulled already, before anything is removed; None from a storage."""
    lacking_content: int | None = None
    """Tags that reference content that the storage does not have.

    None from a snapshot, or if the storage could not be read completely.
    """

    @property
    def verdict(self) -> Verdict:
        """Proof of a loss comes before doubt."""
        if self.victims:
            return Verdict.UNSAFE
        return Verdict.INCOMPLETE if self.gaps else Verdict.SAFE
