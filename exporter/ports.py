"""Ports: the protocols that adapters implement, and the values that they exchange with an audit.

An adapter translates its errors into `Unseen`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar, runtime_checkable

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import RegistryKind
from exporter.facts.snapshot import Admission
from exporter.facts.use import Use
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.manifest import Referrer
from exporter.oci.reference import Place, Repository, Tag
from exporter.tally import Tally

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory

Entry = TypeVar("Entry")


class Unseen(Exception):
    """It could not be established. `None` or `Absent` are answers; this is the lack of one."""

    def __init__(self, subject: str, reason: Reason, detail: str = "") -> None:
        """Name the subject and the reason; `detail` is one sentence, free of credentials."""
        super().__init__(f"{subject}: {reason}{f' ({detail})' if detail else ''}")
        self.subject = subject
        self.reason = reason
        self.detail = detail

    @classmethod
    def unexpected(cls, subject: str, error: Exception) -> Self:
        """Return the `Unseen` of an exception that no adapter should raise; log it as well."""
        return cls(subject, Reason.INTERNAL, f"unexpected {type(error).__name__}: see the log")

    def gap(self, scope: Scope, subject: str = "") -> Gap:
        """Return it as a gap, of another subject where one is given."""
        return Gap(scope, subject or self.subject, self.reason, self.detail)


class Full(Exception):
    """Raised by a `Sink` that needs no more bytes: the rest is not read."""


@dataclass(frozen=True, slots=True)
class KindStatus:
    """One kind of object that a source of references lists."""

    kind: str
    """As a role names it: `deployments.apps`."""
    up: bool
    """Was it listed completely, at the last reading?"""
    last_sync: float
    """When it last was, in seconds since the epoch; before that, when it was first tried."""
    gaps: tuple[Gap, ...] = ()
    """Why it was not."""
    watched: bool | None = None
    """Does a watch tell at once what changes? If not, it is listed at every audit. None where no
    watch is possible."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[Entry]):
    """A list, and what it may have left out."""

    entries: tuple[Entry, ...]
    gaps: tuple[Gap, ...] = ()
    denied: bool = False
    """Did the registry deny that there is anything to list? It may be empty, or hidden."""
    kinds: tuple[KindStatus, ...] = ()
    """The kinds that a source of references lists, each with its own gaps; those are here too."""

    @property
    def complete(self) -> bool:
        """May absence from the list be taken for absence?"""
        return not self.gaps


def joined(*lists: Listing[Entry]) -> Listing[Entry]:
    """Return several lists as one, with everything that any of them may have left out."""
    entries = tuple(entry for each in lists for entry in each.entries)
    return Listing(entries, tuple(gap for each in lists for gap in each.gaps))


@dataclass(frozen=True, slots=True)
class Absent:
    """The registry's definitive "not there": an error body, or its object store's."""

    code: str
    """`MANIFEST_UNKNOWN`, `BLOB_UNKNOWN`, `NAME_UNKNOWN`, Harbor's `NOT_FOUND`, Quay's
    `TAG_EXPIRED`, that of an object store, `NoSuchKey`, or the registry's words on an owner or
    project that does not exist."""
    revision: Digest | None = None
    """The digest that a dangling tag references, if the error's detail names it (distribution)."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A response whose bytes are short, or have another digest."""

    detail: str
    """`0 of 1034 bytes`, `hashes to sha256:…`."""
    mismatch: bool = False
    """Did every byte come, and hash to another digest?"""


@dataclass(frozen=True, slots=True)
class BlobRead:
    """Bytes of a blob that came, and are right as far as they were read."""

    content: bytes
    """Its last byte, or all of it if that was requested."""
    hashed: bool = False
    """Did every byte come, and match the digest?"""


@dataclass(frozen=True, slots=True)
class ManifestBody:
    """A manifest's bytes; their digest was computed, not believed."""

    digest: Digest
    content: bytes


class ReferenceSource(Protocol):
    """Who knows which images are wanted: a file, a cluster."""

    @property
    def name(self) -> str:
        """Its label in metrics and reports."""

    def uses(self) -> Listing[Use]:
        """Read all uses of now; what cannot be read is among the gaps.

        It takes as long as its source does: call it in a thread. Raises `Unseen` where nothing at
        all can be read: that is not "nothing is wanted".
        """

    def pull_secrets(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the sets of pull secrets, by `Use.login`. Never show or store them."""

    def owns(self, use: Use) -> bool:
        """Did this source, and no other, name a use?"""

    def recall(self, uses: Iterable[Use], synced: Mapping[str, float]) -> None:
        """Take uses that it named before a restart for its last known ones.

        `synced` says when each kind was last listed, in seconds since the epoch.
        """


@runtime_checkable
class WatchedSource(ReferenceSource, Protocol):
    """A source that reports when its references change."""

    def watching(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        """Call back, in a thread of its own, soon after something changed; until left."""
        ...

    def latest(self) -> Listing[Use]:
        """Return all uses as they are known by the watch; raise `Unseen`.

        Call it in a thread, and not beside `uses`.
        """
        ...


class RepositoryList(Protocol):
    """Lists the repositories of a registry, instead of its own catalogue."""

    async def repositories(self) -> Listing[Repository]:
        """Return the repositories. Raises `Unseen` if nothing at all could be listed."""

    async def aclose(self) -> None:
        """Close every connection."""


class Catalogue(Protocol):
    """The lists of a registry."""

    async def ping(self) -> None:
        """Does it answer at all (`GET /v2/`)? Raises `Unseen`; an answer ends failing fast."""

    async def repositories(self) -> Listing[Repository]:
        """Return the repositories. Raises `Unseen` if nothing at all could be listed."""

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        """Return the tags of a repository. Raises `Unseen` if nothing at all could be listed."""

    async def kind(self, repository: Repository | None) -> RegistryKind:
        """Return the kind of its software, as far as its answers show it.

        Without a repository only those that were given already; with one, a harmless request may
        be made there. Raises `Unseen`.
        """


class Content(Protocol):
    """The content of a registry, requested as a node does. Every method raises `Unseen`."""

    @property
    def ranges(self) -> bool | None:
        """Does it serve ranges of a blob? If not, it sends all of it.

        As its latest answer showed; None before the first.
        """

    @property
    def leaves_trace(self) -> bool | None:
        """Does reading a manifest change the registry's own records? None is unknown."""

    async def stands(self, repository: Repository, digest: Digest) -> bool:
        """Can a manifest be read now? It is read in full, but not where that leaves a trace.

        Its words stand beside a loss below it: neither a passing fault nor a connection that cuts
        bodies short is the reason.
        """

    async def head(
        self, repository: Repository, reference: Tag | Digest
    ) -> Digest | Absent | Wrong:
        """Return the digest of a tag, or whether a manifest is present by its digest.

        A 404 to HEAD has no body to trust: the adapter asks again with GET before `Absent`.
        `Wrong` for a tag whose manifest the registry cannot parse itself.
        """

    async def verify_tag(
        self, repository: Repository, tag: Tag, claimed: Digest
    ) -> Digest | Absent | Wrong:
        """Return the digest of a tag by its bytes, where HEAD claims this one.

        `Wrong` where they are other bytes than the claimed digest names, and are served under no
        digest of their own.
        """

    async def manifest(
        self, repository: Repository, digest: Digest
    ) -> ManifestBody | Absent | Wrong:
        """Read a manifest by digest, whole, and hash it."""

    async def referrers(self, repository: Repository, subject: Digest) -> Listing[Referrer] | None:
        """Return the manifests whose subject is this one; None if it has no referrers API."""

    async def stat(self, repository: Repository, blob: Descriptor) -> int | Absent | None:
        """How many bytes does HEAD claim a blob to have? A claim, and no proof."""

    async def read(
        self, repository: Repository, blob: Descriptor, *, whole: bool = False
    ) -> BlobRead | Absent | Wrong:
        """Read a blob's last byte by a ranged GET, or all of it if `whole` (bounded, hashed).

        What came whole is hashed, whether that was asked for or not.
        """


class Sink(Protocol):
    """Takes the bytes of what is read in full: it sets the pace, and never keeps them."""

    def begin(self) -> None:
        """Forget all bytes: the content is read from its beginning, maybe once more."""

    async def take(self, chunk: bytes) -> None:
        """Take bytes, in order; nothing more is read until this returns.

        Raises `Full` where it wants no more.
        """


class Bytes(Protocol):
    """Where content is read in full: the registry's API, or the storage behind it."""

    @property
    def shared(self) -> bool:
        """Is its content the same for every repository?"""

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read and hash every byte: None if the digest is right. Raises `Unseen`.

        `again` asks for bytes that come from no connection or cache that the read before used.
        """


class KeepTagger(Protocol):
    """Writes tags on manifests that exist already, and nothing else."""

    async def add_tag(self, repository: Repository, digest: Digest, tag: Tag) -> None:
        """Set a tag on a manifest. Raises `Unseen` if that is not proven afterwards."""


class UploadContent(Protocol):
    """Bytes to upload, which were hashed; each iteration yields all of them."""

    @property
    def size(self) -> int:
        """Return the number of bytes."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read it from the beginning."""


class ContentWriter(Content, Bytes, KeepTagger, Protocol):
    """A registry that lost content is uploaded to, by digest, and that keep tags are set in."""

    async def upload(
        self,
        repository: Repository,
        digest: Digest,
        content: UploadContent,
        origin: Repository | None = None,
    ) -> bool:
        """Upload a blob, or mount it from another repository that holds the same bytes.

        Returns whether it was mounted. Raises `Unseen`.
        """

    async def restore(self, repository: Repository, body: ManifestBody) -> None:
        """Put a manifest under its own digest. Raises `Unseen`."""


class CredentialCheck(Protocol):
    """Tries the credentials of others."""

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        """Does a set of credentials open a repository, in which something is known to be?"""


class Storage(Protocol):
    """A registry's own storage."""

    def read(self) -> "Inventory":
        """List all of its content; what cannot be read is among the inventory's gaps.

        It takes as long as its disk does: call it in a thread. Raises `Unseen`.
        """

    def size(self, repository: Repository, digest: Digest, *, manifest: bool) -> int | None:
        """Return the size of the file that a repository links as a manifest, or as a blob, now.

        None where there is no such link or file. Likewise.
        """

    def tagged(self, repository: Repository, tag: Tag) -> str | None:
        """Return the digest of a tag now; None if it names none. Likewise."""


class Registry(Catalogue, Content, Protocol):
    """A whole registry."""

    @property
    def name(self) -> str:
        """Its label in metrics and reports."""


class OpenRegistry(Registry, Bytes, Protocol):
    """A registry with its connections: all that one kind of registry has to offer."""

    @property
    def tally(self) -> Tally:
        """The requests since it was opened, those over connections beside it included."""

    def beside(self) -> "OpenRegistry":
        """Return it over a connection of its own: one request at a time, within its rate."""

    def credential_check(
        self, secrets: Callable[[], Mapping[str, tuple[bytes, ...]]]
    ) -> CredentialCheck:
        """Return what tries sets of pull secrets; `secrets` returns the present ones."""

    async def aclose(self) -> None:
        """Close every connection."""
