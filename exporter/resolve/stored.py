"""Content that the registry's storage proves, so that an audit does not request it.

The registry was right about a place at the audit before, the storage holds it whole now, and its
turn to be asked about has not come: only then it is not asked. Each place has its turn once in a
period, at a moment that its name decides. So turns are spread evenly, and only the end of the last
round has to be remembered (`Snapshot.sampled_at`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Final
from zlib import crc32

import numpy as np

from exporter.facts.digests import DIGEST_BYTES, Halves, Marks, Rows, pack_texts, rows_of
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Bytes, Inventory, Links
from exporter.facts.proof import STORED, Proof, Sighting, State
from exporter.facts.snapshot import Disagreement, Snapshot
from exporter.facts.stored import Stored
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag

ALWAYS_ASKED: Final = frozenset({ReferenceClass.LIVE, ReferenceClass.LATEST})
"""Tags of these classes, and everything below them, are requested at every audit."""

_MANIFEST_PROOFS: Final = frozenset({Proof.HEAD, Proof.STORED, Proof.LAST_BYTE, Proof.HASH})
_BLOB_PROOFS: Final = _MANIFEST_PROOFS - {Proof.HEAD}
"""A HEAD proves no blob."""
_SECOND: Final = 1_000_000_000
_TURNS: Final = 2**32
_HEAD: Final = 4
"""Bytes of a digest that decide its turn."""
_AT_HAND: Final = 16
"""Repositories whose tags are at hand: ask about one repository after the other."""


@dataclass(slots=True)
class StorageProofs:
    """The proofs of one reading of the storage, for one audit."""

    inventory: Inventory
    before: Snapshot | None
    now: float
    """Seconds since the epoch."""
    period: float
    """Seconds within which everything is requested once."""
    used: bool = False
    """Was anything taken from the storage?"""
    disagreements: tuple[Disagreement, ...] = ()
    gap: Gap | None = None
    """Why the storage could not be read again for what seems to differ."""
    stored: Stored = field(init=False)
    sighting: Sighting = field(init=False)
    """The sighting of what the storage proves, with the time of an older list."""
    _since: float | None = field(init=False)
    """When the last round of turns ended; None if everything has its turn now."""
    _tags: dict[Repository, Mapping[str, str | None] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the inventory, and see whether a round of turns is under way."""
        self.stored = Stored(self.inventory)
        since = self.before.sampled_at if self.before else None
        recent = since is not None and 0 <= self.now - since < self.period
        listed = self.inventory.taken_at
        old = listed is not None and not 0 <= self.now - listed < self.period
        self._since = since if recent and not old else None
        self.sighting = STORED if listed is None else replace(STORED, seen_at=listed)
        if old:
            hours = (self.now - (listed or 0.0)) / 3600
            words = f"its list is {hours:,.0f} hours old, and proves nothing after verify.period"
            self.gap = Gap(Scope.REGISTRY, "storage", Reason.INCOMPLETE_LIST, words)

    def tags(self, names: Iterable[tuple[Repository, Tag]]) -> dict[tuple[Repository, Tag], Digest]:
        """Return the digests of tags that need no request.

        An older list proves none: tags move.
        """
        if self.before is None or self._since is None or self.inventory.taken_at is not None:
            return {}
        roots = (root for root in self.before.roots if root.sighting.state is State.PRESENT)
        known = {(root.repository, root.tag): root.digest for root in roots if root.digest}
        ordered = sorted(names, key=itemgetter(0))
        alike = {at: known[at] for at in ordered if at in known and self.named(at) == known[at]}
        own = np.array([crc32(repository.encode()) for repository, _ in alike], np.int64)
        heads = np.array([crc32(tag.encode()) for _, tag in alike], np.int64)
        due = self._due(own, heads, self._since)
        found = {
            at: digest for (at, digest), asked in zip(alike.items(), due, strict=True) if not asked
        }
        self.used |= bool(found)
        return {at: digest for at, digest in found.items() if digest}

    def named(self, at: tuple[Repository, Tag]) -> str | None:
        """Return the digest of a tag in the storage; None if there is none, or it is unknown."""
        return (self.all_tags(at[0]) or {}).get(at[1])

    def all_tags(self, repository: Repository) -> Mapping[str, str | None] | None:
        """Return the digest of each tag of a repository; None unless all are known."""
        if repository not in self._tags:
            if len(self._tags) == _AT_HAND:
                self._tags.clear()
            self._tags[repository] = self.stored.tags(repository)
        return self._tags[repository]

    def manifests(self, repository: Repository, stated: Mapping[Digest, int]) -> list[Digest]:
        """Return the manifests of a repository that need no request, given their sizes.

        Only sha256: of other manifests there are few, and they are requested.
        """
        usual = [each for each in stated if each.algorithm == "sha256"]
        digests = rows_of(pack_texts(usual) or b"")
        sizes = np.array([stated[each] for each in usual], np.int64)
        links = self.inventory.revisions
        spared = self._proven(repository, digests, sizes, links, _MANIFEST_PROOFS)
        return [usual[at] for at in np.flatnonzero(spared).tolist()]

    def blobs(self, repository: Repository, digests: Rows, sizes: Bytes) -> Marks:
        """Mark the blobs of a repository that need no request, given their sizes."""
        return self._proven(repository, digests, sizes, self.inventory.layers, _BLOB_PROOFS)

    def _proven(
        self,
        repository: Repository,
        digests: Rows,
        stated: Bytes,
        links: Links,
        proofs: frozenset[Proof],
    ) -> Marks:
        if self.before is None or self._since is None or not len(digests):
            return np.zeros(len(digests), bool)
        right = self.before.sightings.marked(repository, digests, lambda at: _right(at, proofs))
        sizes, times = self.stored.sizes_in(repository, digests, links)
        # What was written since the last audit is new, or was tampered with.
        right &= (sizes == stated) & (times <= int(self._since * _SECOND))
        heads = digests.view(">u4")[:: DIGEST_BYTES // _HEAD].astype(np.int64)
        right &= ~self._due(np.full(len(digests), crc32(repository.encode())), heads, self._since)
        self.used |= bool(right.any())
        return right

    def _due(self, own: Halves, heads: Halves, since: float) -> Marks:
        """Mark what has its turn since the last round: by the sums of its repository and name."""
        phase = (own + heads) % _TURNS * (self.period / _TURNS)
        turns: Marks = np.floor((self.now - phase) / self.period) > np.floor(
            (since - phase) / self.period
        )
        return turns


def _right(seen: Sighting, proofs: frozenset[Proof]) -> bool:
    return seen.state is State.PRESENT and seen.proof in proofs
