"""Events of registries: hints at what changed, and never a proof."""

from dataclasses import dataclass

from exporter.facts.focus import Focus
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """One push or deletion, as far as the sender names what it concerns."""

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
