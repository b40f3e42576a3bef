"""On which platforms is an image wanted, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from exporter.facts.snapshot import Root
from exporter.facts.use import Use
from exporter.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Nodes:
    """The platforms of the nodes that want an image; none at all means that nobody knows."""

    platforms: frozenset[Platform] = frozenset()
    """Those that must run it."""
    admitted: frozenset[Platform] = frozenset()
    """Further ones on which it may be started: each needs what the image offers for it."""

    @classmethod
    def of_use(cls, use: Use) -> Self:
        """Return what one use says; what may be started on one platform alone must run there."""
        if use.platforms or len(use.admitted) != 1:
            return cls(use.platforms, use.admitted)
        return cls(use.admitted)

    @classmethod
    def of_root(cls, root: Root) -> Self:
        """Return what all that wants a root says."""
        return cls(root.platforms, root.admitted)

    def __or__(self, other: Nodes) -> Nodes:
        """Return what both want; where one of them does not know, nobody does."""
        if not (self.known and other.known):
            return Nodes()
        return Nodes(self.platforms | other.platforms, self.admitted | other.admitted)

    @property
    def every(self) -> frozenset[Platform]:
        """All of them: of each, what the image offers is needed."""
        return self.platforms | self.admitted

    @property
    def known(self) -> bool:
        """Does it name any platform?"""
        return bool(self.every)
