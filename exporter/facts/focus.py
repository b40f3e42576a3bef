"""The part of a registry to audit between its audits, and the events that name one."""

from dataclasses import dataclass

from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository, Tag


@dataclass(frozen=True, slots=True)
class Focus:
    """The part of a registry to audit now; the rest of its last report stays."""

    tags: frozenset[tuple[Repository, Tag]] = frozenset()
    places: frozenset[Place] = frozenset()
    """Manifests and blobs: every tag that needs one of them is audited."""
    repositories: frozenset[Repository] = frozenset()
    """Audited whole: every tag that their lists show."""
    deleted: frozenset[Place] = frozenset()
    """Those of `places` that the registry reported as deleted."""

    def __bool__(self) -> bool:
        """Is there anything in it?"""
        return bool(self.tags or self.places or self.repositories)

    def __or__(self, other: "Focus") -> "Focus":
        """Return the union; content that was pushed after its deletion is not deleted."""
        return Focus(
            self.tags | other.tags,
            self.places | other.places,
            self.repositories | other.repositories,
            (self.deleted - (other.places - other.deleted)) | other.deleted,
        )

    @property
    def touched(self) -> frozenset[Repository]:
        """The repositories that it names, or anything in them."""
        named = (at for at, _ in (*self.tags, *self.places))
        return self.repositories.union(named)


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """One push or deletion that a registry reports: a hint at what changed, and never a proof."""

    repository: Repository
    tag: Tag | None = None
    digest: Digest | None = None
    deleted: bool = False
    """Was it a deletion?"""

    @property
    def focus(self) -> Focus:
        """The part to audit for it: the whole repository if it names nothing of it."""
        at = self.repository
        places = frozenset({(at, self.digest)} if self.digest else ())
        return Focus(
            frozenset({(at, self.tag)} if self.tag else ()),
            places,
            frozenset() if self.tag or self.digest else frozenset({at}),
            # With a tag, the tag may have been deleted and not the content.
            places if self.deleted and not self.tag else frozenset(),
        )
