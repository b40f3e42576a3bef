"""Who names this tag or digest?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from exporter.facts.use import Use
from exporter.oci.reference import Repository

if TYPE_CHECKING:
    from exporter.facts.snapshot import Root, Snapshot


@dataclass(frozen=True, slots=True)
class Users:
    """The uses of one registry's images, by what they name."""

    uses: Mapping[tuple[Repository, str], Sequence[Use]]
    """By repository, and the digest or else the tag: where both are given, the digest counts."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Take up all uses that an audit knew of."""
        found: dict[tuple[Repository, str], list[Use]] = {}
        for use in snapshot.uses:
            reference = use.reference
            name = str(reference.digest or reference.tag or "")
            found.setdefault((reference.repository, name), []).append(use)
        return cls(found)

    def naming(self, root: Root) -> tuple[Use, ...]:
        """Return who names a tag, or what it leads to."""
        names = [name for name in (root.tag, root.digest) if name]
        return tuple(use for name in names for use in self.uses.get((root.repository, name), ()))
