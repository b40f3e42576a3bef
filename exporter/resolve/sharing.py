"""Was this read before? Equal parts are kept once: manifests are most of what an audit holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from exporter.oci.digest import Digest
from exporter.oci.manifest import Link, Manifest


@dataclass(slots=True)
class Sharing:
    """What was read so far; never believed, only kept in place of what is read and equals it."""

    before: Mapping[Digest, Manifest] = field(default_factory=dict)
    """What the audit before read: most of it is the same, and held until the next is published."""
    _links: dict[Digest, Link] = field(default_factory=dict)

    def share(self, read: Manifest) -> Manifest:
        """Return the manifest, made of what was met before where that is equal."""
        known = self.before.get(read.digest)
        if known == read:
            self._links.update((each.target.digest, each) for each in known.links)
            return known
        return replace(read, links=tuple([self._link(each) for each in read.links]))

    def _link(self, link: Link) -> Link:
        known = self._links.setdefault(link.target.digest, link)
        return known if known == link else link
