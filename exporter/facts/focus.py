"""The part of a registry that is audited at once, between its audits."""

from dataclasses import dataclass

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
