"""Attachments of an image: signatures, attestations, bills of materials."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from exporter.facts.proof import Sighting, State
from exporter.oci.digest import Digest
from exporter.oci.reference import Tag


@dataclass(frozen=True, slots=True)
class Attachment:
    """One manifest that is attached to another one."""

    digest: Digest
    artifact_type: str
    """For a tag of cosign, the type that cosign gives to such referrers; empty if unknown."""
    tag: Tag | None
    """The fallback tag that names it; None where the referrers API lists it."""
    sighting: Sighting
    """The sighting of its manifest with all its content."""

    def may_be(self, pattern: str) -> bool:
        """Does its type match a shell pattern, or may it, since it is unknown?"""
        return not self.artifact_type or fnmatchcase(self.artifact_type, pattern)

    def is_of(self, pattern: str) -> bool:
        """Is it known to be of a type that matches?"""
        return bool(self.artifact_type) and self.may_be(pattern)


@dataclass(frozen=True, slots=True)
class Attachments:
    """Everything that is attached to one manifest of a repository."""

    entries: tuple[Attachment, ...] = ()
    doubt: Sighting | None = None
    """Why there may be more; None where the list is complete."""

    def has(self, pattern: str) -> bool | None:
        """Is an attachment of such a type present and complete? None if unknown."""
        if any(
            each.is_of(pattern) and each.sighting.state is State.PRESENT for each in self.entries
        ):
            return True
        unclear = (each for each in self.entries if each.may_be(pattern))
        if self.doubt or any(_unclear(each, pattern) for each in unclear):
            return None
        return False


def _unclear(each: Attachment, pattern: str) -> bool:
    state = each.sighting.state
    return state is State.UNKNOWN or (state is State.PRESENT and not each.is_of(pattern))


def lacking(types: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that none of some artifact types matches."""
    known = set(types)
    return tuple(
        pattern for pattern in patterns if not any(fnmatchcase(each, pattern) for each in known)
    )
